//! Judges a recorded attempt again by a policy directory and shows the whole proof, which is too long to be logged for
//! every denial.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};

use crate::audit::read::{Attempt, Event};
use crate::catalog::Catalog;
use crate::cli::exit::Failure;
use crate::cli::plain::plain;
use crate::gateway::now;
use crate::pdp::{Authorization, Inventory, Pdp};
use crate::replay::{self, Replay, SessionPolicies};
use crate::store::{AttributeSource, load_directories};

/// The policies that attempts are judged by, and the session policies that the log contains.
pub(super) struct Again {
    pdp: Pdp,
    inventory: Option<Inventory>,
    sessions: RwLock<SessionPolicies>,
    catalog: Arc<Catalog>,
}

impl Again {
    pub(super) fn load(directories: &[PathBuf]) -> Result<Self, Failure> {
        let loaded = load_directories(directories, AttributeSource::Question, now())?;
        Ok(Self {
            inventory: (!loaded.inventory.is_empty()).then_some(loaded.inventory),
            pdp: Pdp::new(Arc::new(loaded.directory)),
            sessions: RwLock::default(),
            catalog: Catalog::bundled(),
        })
    }

    /// Remembers the policy of a session that begins in this line, for the attempts that follow.
    pub(super) fn learn(&self, event: &Event) {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).learn(event);
    }

    /// The new authorization, or why the attempt cannot be judged again.
    fn judge(&self, attempt: &Attempt) -> Result<Authorization<replay::Subject>, String> {
        let recorded = replay::Attempt::read(attempt.event(), &self.catalog).map_err(|why| why.to_string())?;
        let replay = Replay::new(&self.pdp, self.inventory.as_ref(), &self.sessions);
        replay.judge(&recorded).map_err(|why| why.to_string())
    }

    fn revision(&self) -> &str {
        self.pdp.directory().revision()
    }

    pub(super) fn print(&self, attempt: &Attempt) {
        let revision = self.revision();
        let (which, different) = match revision_of(attempt) {
            Some(then) if then == revision => (", the same as then".to_owned(), false),
            Some(then) => (format!("; the gateway judged it by revision {}", plain(then)), true),
            None => ("; the line does not record the gateway's revision".to_owned(), true),
        };
        say!("judged again by revision {revision}{which}");
        if different {
            say!("the policies may differ from those of the gateway: compare the verdicts");
        }
        match self.judge(attempt) {
            Ok(authorization) => {
                say!("");
                for line in authorization.proof().details().to_string().lines() {
                    say!("{}", plain(line));
                }
            }
            Err(why) => say!("it cannot be judged again: {}", plain(&why)),
        }
        say!("");
    }

    pub(super) fn json(&self, attempt: &Attempt) -> Value {
        let mut value = json!({
            "policyRevision": self.revision(),
            "sameRevision": revision_of(attempt).map(|then| then == self.revision()),
        });
        match self.judge(attempt) {
            Ok(authorization) => value["report"] = json!(authorization.proof().report()),
            Err(why) => value["notJudged"] = why.into(),
        }
        value
    }
}

fn revision_of(attempt: &Attempt) -> Option<&str> {
    attempt.event().gateway()?.policy_revision.as_deref()
}
