//! What is asked: may this principal do this, in this context?

use std::sync::Arc;

use crate::catalog::{Call, Catalog};
use crate::policy::{Naming, PolicySet, Request};
use crate::ram::{Action, Context, Principal, Resource, UnknownKeys};

/// Something that can be permitted: it names what would be done to what.
pub trait Subject {
    fn action(&self) -> &Action;

    /// Never empty.
    fn resources(&self) -> &[Resource<'_>];

    /// Whether only the name of the operation is known, not what a call of it names.
    fn is_unlisted(&self) -> bool {
        false
    }

    /// Condition keys that the vendor may supply for it and the gateway cannot.
    fn unknown_keys(&self) -> Arc<UnknownKeys> {
        Catalog::bundled().unknown_keys(self.action())
    }
}

/// A subject without a call behind it: a policy test, a question on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub action: Action,
    pub resources: Vec<Resource<'static>>,
}

/// A subject and all that it is judged by, so that what is judged is what is permitted.
#[derive(Clone, Debug)]
pub struct Question<T> {
    pub(super) subject: T,
    pub(super) principal: Principal,
    pub(super) context: Context,
    pub(super) facts: Vec<Context>,
    pub(super) session: Option<Arc<PolicySet>>,
    unknown: Arc<UnknownKeys>,
}

impl<T: Subject> Question<T> {
    pub fn new(principal: Principal, subject: T, context: Context) -> Self {
        let unknown = subject.unknown_keys();
        Self { subject, principal, context, facts: Vec::new(), session: None, unknown }
    }

    /// With these condition keys unknown as far as the context does not have them, in place of those that the subject
    /// names.
    #[must_use]
    pub fn with_unknown(self, unknown: Arc<UnknownKeys>) -> Self {
        Self { unknown, ..self }
    }

    /// Condition keys that are unknown as far as the context does not have them.
    pub fn unknown_keys(&self) -> &Arc<UnknownKeys> {
        &self.unknown
    }

    /// With what is known of each resource, in the order of the subject's resources. Until then, tags and groups are
    /// unknown.
    #[must_use]
    pub fn with_facts(self, facts: Vec<Context>) -> Self {
        Self { facts, ..self }
    }

    /// Of a role session that was narrowed with a policy.
    #[must_use]
    pub fn in_session(self, policy: Arc<PolicySet>) -> Self {
        Self { session: Some(policy), ..self }
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub fn subject(&self) -> &T {
        &self.subject
    }

    /// What is known of the whole call.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// As policies are asked.
    pub fn request(&self) -> Request<'_> {
        Request {
            principal: &self.principal,
            action: self.subject.action(),
            resources: self.subject.resources(),
            context: &self.context,
            facts: &self.facts,
            session: self.session.as_ref(),
            unknown: &self.unknown,
            naming: if self.subject.is_unlisted() { Naming::Untold } else { Naming::Told },
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

impl Subject for Asked {
    fn action(&self) -> &Action {
        &self.action
    }

    fn resources(&self) -> &[Resource<'_>] {
        &self.resources
    }
}
