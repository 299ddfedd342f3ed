//! Judging a question.

use std::sync::Arc;

use crate::policy::{Layers, Needs, Verdict, evaluate, forward_unlisted, turns_on_facts};
use crate::ram::Principal;

use super::directory::Directory;
use super::question::{Question, Subject};
use super::verdict::{Denied, Permit, Ruling};

/// Judging that meets more statements than this is long: about a tenth of a millisecond and more.
const LONG: usize = 2048;

/// One set of policies in force. The same in the gateway, in a policy test and over a recorded log.
#[derive(Clone, Debug)]
pub struct Pdp {
    directory: Arc<Directory>,
    revision: Arc<str>,
    nothing: Arc<Layers>,
    /// The services whose operations without a file go on unjudged.
    forwarded: Vec<String>,
}

impl Pdp {
    pub fn new(directory: Arc<Directory>) -> Self {
        let revision = directory.revision().into();
        Self { directory, revision, nothing: Arc::default(), forwarded: Vec::new() }
    }

    /// With every operation of these services that has no file permitted to everybody (design 8: the permit is the
    /// decision point's own, and its reason is that this was configured). What is known well enough to be judged is:
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use ramgate::{pdp::{Asked, Directory, Pdp, Question, Ruling}, ram::{Context, Principal}};
    /// let account: ramgate::ram::AccountId = "1234567890123456".parse()?;
    /// let pdp = Pdp::new(Arc::new(Directory::new([], [], String::new()))).forwarding(["ecs".to_owned()]);
    /// let action = "ecs:AttachNetworkInterface".parse()?;
    /// let asked = Asked { action, resources: vec!["acs:ecs:cn-hangzhou:1234567890123456:eni/eni-1".parse()?] };
    /// let nobody = Principal::new(account, "user/nobody".parse()?);
    /// assert!(matches!(pdp.decide(Question::new(nobody, asked, Context::default())), Ruling::Denied(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn forwarding(self, services: impl IntoIterator<Item = String>) -> Self {
        Self { forwarded: services.into_iter().collect(), ..self }
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(super) fn revision(&self) -> Arc<str> {
        Arc::clone(&self.revision)
    }

    /// Which facts about its resources the answer to a question may turn on. Whoever asks supplies them first.
    pub fn needs<T: Subject>(&self, question: &Question<T>) -> Needs {
        if question.subject.is_unlisted() {
            // There is no resource to know anything of.
            return Needs::default();
        }
        let action = question.subject.action();
        let session = question.session.as_ref().map(|set| set.needs(action));
        self.layers(question).needs(action).and(session.unwrap_or_default())
    }

    /// Whether judging could take so long that it should not happen on a thread that others wait for: known from the
    /// principal's policies and the action.
    pub fn is_long<T: Subject>(&self, question: &Question<T>) -> bool {
        let layers = self.layers(question);
        let subject = &question.subject;
        let met = if subject.is_unlisted() { layers.untold_way(subject.action()) } else { layers.longest_way() };
        met > LONG
    }

    /// The same of a principal that wants to assume a role.
    pub fn is_long_to_assume(&self, principal: &Principal) -> bool {
        self.directory.standing(principal).is_some_and(|standing| standing.layers.longest_way() > LONG)
    }

    /// Whether the answer turns on tags or groups of the resources, of which the question has none yet: if not, they
    /// are not worth a look-up, and the answer is the same without.
    pub fn turns_on_facts<T: Subject>(&self, question: &Question<T>) -> bool {
        self.needs(question).any() && turns_on_facts(self.layers(question), &question.request())
    }

    /// Total: a principal that is not in the directory has no policies, and is denied for that.
    pub fn decide<T: Subject>(&self, question: Question<T>) -> Ruling<T> {
        let (layers, request) = (self.layers(&question), question.request());
        let unjudged = question.subject.is_unlisted() && self.forwards(request.action.service());
        let decision = if unjudged { forward_unlisted(layers, &request) } else { evaluate(layers, &request) };
        let revision = Arc::clone(&self.revision);
        match decision.verdict() {
            Verdict::Allow => Ruling::Permitted(Permit::new(question, decision, revision)),
            Verdict::ImplicitDeny | Verdict::ExplicitDeny => Ruling::Denied(Denied::new(question, decision, revision)),
        }
    }

    fn forwards(&self, service: &str) -> bool {
        self.forwarded.iter().any(|forwarded| forwarded == service)
    }

    fn layers<T: Subject>(&self, question: &Question<T>) -> &Arc<Layers> {
        self.directory.standing(&question.principal).map_or(&self.nothing, |standing| &standing.layers)
    }
}
