//! The decision point.

use std::sync::Arc;

use ram_policy::{
    Layers, Principal, RequiredAttributes, Verdict, allow_by_configuration, depends_on_attributes, evaluate,
};

use super::directory::Directory;
use super::question::{Question, Subject};
use super::verdict::{Authorization, Denied, Permit};

/// A question that may meet more statements than this counts as long: it takes about a tenth of a millisecond or more.
const LONG: usize = 2048;

/// The decision point, over one set of policies. The same in the gateway, in policy tests and in replays.
#[derive(Clone, Debug)]
pub struct Pdp {
    directory: Arc<Directory>,
    revision: Arc<str>,
    nothing: Arc<Layers>,
    /// The services whose operations without a file are permitted without judging.
    forwarded: Vec<String>,
}

impl Pdp {
    /// A decision point that judges every question.
    pub fn new(directory: Arc<Directory>) -> Self {
        let revision = directory.revision().into();
        Self { directory, revision, nothing: Arc::default(), forwarded: Vec::new() }
    }

    /// Permits every operation of these services that has no file, for every principal (the setting `[operations] other
    /// = "forward"`). The decision point still makes the permit, which records that the operation was not judged.
    /// Operations with a file are judged as before:
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use ram_policy::{Context, Principal};
    /// # use ramgate::pdp::{ActionRequest, Directory, Pdp, Question, Authorization};
    /// let account: ram_policy::AccountId = "1234567890123456".parse()?;
    /// let pdp = Pdp::new(Arc::new(Directory::new([], [], String::new()))).forwarding(["ecs".to_owned()]);
    /// let action = "ecs:AttachNetworkInterface".parse()?;
    /// let eni = "acs:ecs:cn-hangzhou:1234567890123456:eni/eni-1".parse()?;
    /// let request = ActionRequest { action, resources: vec![eni] };
    /// let mallory = Principal::new(account, "user/mallory".parse()?);
    /// assert!(matches!(pdp.decide(Question::new(mallory, request, Context::default())), Authorization::Denied(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn forwarding(self, services: impl IntoIterator<Item = String>) -> Self {
        Self { forwarded: services.into_iter().collect(), ..self }
    }

    /// The principals and their policies.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(super) fn revision(&self) -> Arc<str> {
        Arc::clone(&self.revision)
    }

    /// The resource attributes that the decision may depend on. The caller of `decide` must supply them first.
    pub fn needs<T: Subject>(&self, question: &Question<T>) -> RequiredAttributes {
        if question.subject.is_unlisted() {
            // The resources of such an operation are unknown.
            return RequiredAttributes::default();
        }
        let action = question.subject.action();
        let session = question.session.as_ref().map(|set| set.required_attributes(action));
        self.layers(question).required_attributes(action).and(session.unwrap_or_default())
    }

    /// Whether judging could take so long that it should not run on an async worker thread. Depends only on the
    /// principal's policies and the action.
    pub fn is_long<T: Subject>(&self, question: &Question<T>) -> bool {
        let layers = self.layers(question);
        let subject = &question.subject;
        let met =
            if subject.is_unlisted() { layers.max_examined_by_name(subject.action()) } else { layers.max_examined() };
        met > LONG
    }

    /// As [`Pdp::is_long`], for a principal that wants to assume a role.
    pub fn is_long_to_assume(&self, principal: &Principal) -> bool {
        self.directory.entry(principal).is_some_and(|entry| entry.layers.max_examined() > LONG)
    }

    /// Whether the decision depends on tags or resource groups that the question does not have yet. If not, they need
    /// not be looked up: the decision is the same without them.
    pub fn depends_on_attributes<T: Subject>(&self, question: &Question<T>) -> bool {
        self.needs(question).any() && depends_on_attributes(self.layers(question), &question.request())
    }

    /// Judges a question. Total: a principal that is not in the directory has no policies and is therefore denied.
    pub fn decide<T: Subject>(&self, question: Question<T>) -> Authorization<T> {
        let (layers, request) = (self.layers(&question), question.request());
        let unjudged = question.subject.is_unlisted() && self.forwards(request.action.service());
        let decision = if unjudged { allow_by_configuration(layers, &request) } else { evaluate(layers, &request) };
        let revision = Arc::clone(&self.revision);
        match decision.verdict() {
            Verdict::Allow => Authorization::Permitted(Permit::new(question, decision, revision)),
            Verdict::ImplicitDeny | Verdict::ExplicitDeny => {
                Authorization::Denied(Denied::new(question, decision, revision))
            }
        }
    }

    fn forwards(&self, service: &str) -> bool {
        self.forwarded.iter().any(|forwarded| forwarded == service)
    }

    fn layers<T: Subject>(&self, question: &Question<T>) -> &Arc<Layers> {
        self.directory.entry(&question.principal).map_or(&self.nothing, |entry| &entry.layers)
    }
}
