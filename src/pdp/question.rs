//! What is asked: may this principal do this, in this context?

use crate::catalog::Call;
use crate::ram::{Action, Context, Principal, Request, Resource};

/// Something that can be permitted: it names what would be done to what.
pub trait Subject {
    fn action(&self) -> &Action;

    /// Never empty.
    fn resources(&self) -> &[Resource];
}

/// A subject without a call behind it: a policy test, a question on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub action: Action,
    pub resources: Vec<Resource>,
}

/// A subject and the request made of it, so that what is judged is what is permitted.
#[derive(Clone, Debug)]
pub struct Question<T> {
    pub(super) subject: T,
    pub(super) request: Request,
}

impl<T: Subject> Question<T> {
    pub fn new(principal: Principal, subject: T, context: Context) -> Self {
        let request =
            Request { principal, action: subject.action().clone(), resources: subject.resources().to_vec(), context };
        Self { subject, request }
    }
}

impl Subject for Call {
    fn action(&self) -> &Action {
        self.operation().action()
    }

    fn resources(&self) -> &[Resource] {
        self.resources()
    }
}

impl Subject for Asked {
    fn action(&self) -> &Action {
        &self.action
    }

    fn resources(&self) -> &[Resource] {
        &self.resources
    }
}
