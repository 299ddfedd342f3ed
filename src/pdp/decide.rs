//! Judging a question.

use std::sync::Arc;

use crate::policy::{Layers, Verdict, evaluate};

use super::directory::Directory;
use super::question::{Question, Subject};
use super::verdict::{Denied, Permit, Ruling};

/// One set of policies in force. The same in the gateway, in a policy test and over a recorded log.
#[derive(Clone, Debug)]
pub struct Pdp {
    directory: Arc<Directory>,
    revision: Arc<str>,
    nothing: Arc<Layers>,
}

impl Pdp {
    pub fn new(directory: Arc<Directory>) -> Self {
        let revision = directory.revision().into();
        Self { directory, revision, nothing: Arc::new(Layers::identity(Vec::new())) }
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Total: a principal that is not in the directory has no policies, and is denied for that.
    pub fn decide<T: Subject>(&self, question: Question<T>) -> Ruling<T> {
        let Question { subject, request } = question;
        let layers = self.directory.standing(&request.principal).map_or(&self.nothing, |standing| &standing.layers);
        let decision = evaluate(layers, &request);
        let revision = Arc::clone(&self.revision);
        match decision.verdict() {
            Verdict::Allow => Ruling::Permitted(Permit::new(subject, request, decision, revision)),
            Verdict::ImplicitDeny | Verdict::ExplicitDeny => {
                Ruling::Denied(Denied::new(subject, request, decision, revision))
            }
        }
    }
}
