//! Judging a question.

use std::sync::Arc;

use crate::policy::{Layers, Needs, Verdict, evaluate};

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
        Self { directory, revision, nothing: Arc::default() }
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Which facts about its resources the answer to a question may turn on. Whoever asks supplies them first.
    pub fn needs<T: Subject>(&self, question: &Question<T>) -> Needs {
        let action = question.subject.action();
        let session = question.session.as_ref().map(|set| set.needs(action));
        self.layers(question).needs(action).and(session.unwrap_or_default())
    }

    /// Total: a principal that is not in the directory has no policies, and is denied for that.
    pub fn decide<T: Subject>(&self, question: Question<T>) -> Ruling<T> {
        let decision = evaluate(self.layers(&question), &question.request());
        let revision = Arc::clone(&self.revision);
        match decision.verdict() {
            Verdict::Allow => Ruling::Permitted(Permit::new(question, decision, revision)),
            Verdict::ImplicitDeny | Verdict::ExplicitDeny => Ruling::Denied(Denied::new(question, decision, revision)),
        }
    }

    fn layers<T: Subject>(&self, question: &Question<T>) -> &Arc<Layers> {
        self.directory.standing(&question.principal).map_or(&self.nothing, |standing| &standing.layers)
    }
}
