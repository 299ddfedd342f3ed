//! The question: may this principal do this, in this context?

use std::sync::Arc;

use crate::catalog::{Call, Catalog};
use ram_policy::{Action, Context, PolicySet, Principal, Request, Resource, Targets, UnknownKeys};

/// Something that can be permitted: an action on resources.
pub trait Subject {
    /// The action to perform.
    fn action(&self) -> &Action;

    /// The resources to perform it on; never empty.
    fn resources(&self) -> &[Resource<'_>];

    /// Whether only the operation's name is known, but not which resources its calls name.
    fn is_unlisted(&self) -> bool {
        false
    }

    /// Condition keys that RAM may evaluate but whose values the gateway cannot know.
    fn unknown_keys(&self) -> Arc<UnknownKeys> {
        Catalog::bundled().unknown_keys(self.action())
    }
}

/// A subject without a call behind it: a policy test, a question on the command line, a role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRequest {
    /// The action to perform.
    pub action: Action,
    /// The ARNs to perform it on, each of which must be allowed; never empty.
    pub resources: Vec<Resource<'static>>,
}

/// A subject, and everything that it is judged by. A permit holds its question, so exactly what was judged is
/// permitted.
#[derive(Clone, Debug)]
pub struct Question<T> {
    pub(super) subject: T,
    pub(super) principal: Principal,
    pub(super) context: Context,
    pub(super) attributes: Vec<Context>,
    pub(super) session: Option<Arc<PolicySet>>,
    unknown: Arc<UnknownKeys>,
}

impl<T: Subject> Question<T> {
    /// A question whose unknown condition keys are those of the subject, and whose resource attributes are unknown.
    pub fn new(principal: Principal, subject: T, context: Context) -> Self {
        let unknown = subject.unknown_keys();
        Self { subject, principal, context, attributes: Vec::new(), session: None, unknown }
    }

    /// Replaces the unknown condition keys. A key that the context has counts as known.
    #[must_use]
    pub fn with_unknown(self, unknown: Arc<UnknownKeys>) -> Self {
        Self { unknown, ..self }
    }

    /// The condition keys that are unknown unless the context has them.
    pub fn unknown_keys(&self) -> &Arc<UnknownKeys> {
        &self.unknown
    }

    /// Adds the attributes of each resource, in the order of the subject's resources. Without them, tags and resource
    /// groups are unknown.
    #[must_use]
    pub fn with_attributes(self, attributes: Vec<Context>) -> Self {
        Self { attributes, ..self }
    }

    /// Adds the session policy of the caller's role session.
    #[must_use]
    pub fn in_session(self, policy: Arc<PolicySet>) -> Self {
        Self { session: Some(policy), ..self }
    }

    /// The principal to judge.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What is to be permitted.
    pub fn subject(&self) -> &T {
        &self.subject
    }

    /// The condition keys of the call as a whole.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The request as the policy engine takes it.
    pub fn request(&self) -> Request<'_> {
        Request {
            principal: &self.principal,
            action: self.subject.action(),
            resources: self.subject.resources(),
            deny_only: &[],
            context: &self.context,
            attributes: &self.attributes,
            session_policy: self.session.as_ref(),
            unknown_keys: &self.unknown,
            targets: if self.subject.is_unlisted() { Targets::Unknown } else { Targets::Known },
        }
    }
}

impl Subject for Call {
    fn action(&self) -> &Action {
        self.operation().action()
    }

    fn resources(&self) -> &[Resource<'_>] {
        self.resources()
    }

    fn is_unlisted(&self) -> bool {
        !self.operation().is_listed()
    }

    fn unknown_keys(&self) -> Arc<UnknownKeys> {
        Arc::clone(Self::unknown_keys(self))
    }
}

impl Subject for ActionRequest {
    fn action(&self) -> &Action {
        &self.action
    }

    fn resources(&self) -> &[Resource<'_>] {
        &self.resources
    }
}
