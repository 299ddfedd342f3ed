//! A recorded attempt judged again by a policy directory, with the whole proof: what is too long to be written about
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

/// The policies that attempts are judged by, and the session policies that the log tells of.
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

    /// Keeps the policy of a session that begins in this line, for the attempts that follow.
    pub(super) fn learn(&self, event: &Event) {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).learn(event);
    }

    /// The ruling, or why the attempt could not be judged again.
    fn judge(&self, attempt: &Attempt) -> Result<Authorization<replay::Subject>, String> {
        let recorded = replay::Attempt::read(attempt.event(), &self.catalog).map_err(|why| why.to_string())?;
        let replay = Replay::new(&self.pdp, self.inventory.as_ref(), &self.sessions);
        replay.judge(&recorded).map_err(|why| why.to_string())
    }

    fn revision(&self) -> &str {
        self.pdp.directory().revision()
    }

    pub(super) fn tell(&self, attempt: &Attempt) {
        let revision = self.revision();
        let (which, different) = match revision_of(attempt) {
            Some(then) if then == revision => (", as it was then".to_owned(), false),
            Some(then) => (format!("; it was judged by revision {} then", plain(then)), true),
            None => ("; the line does not say by which it was judged then".to_owned(), true),
        };
        say!("judged again by revision {revision}{which}");
        if different {
            say!("the policies may differ from those that the gateway judged by: compare the verdicts");
        }
        match self.judge(attempt) {
            Ok(ruling) => {
                say!("");
                for line in ruling.proof().details().to_string().lines() {
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
            Ok(ruling) => value["report"] = json!(ruling.proof().report()),
            Err(why) => value["notJudged"] = why.into(),
        }
        value
    }
}

fn revision_of(attempt: &Attempt) -> Option<&str> {
    attempt.event().gateway()?.policy_revision.as_deref()
}
