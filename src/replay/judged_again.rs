//! Judges recorded attempts under other policies, and counts the changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use crate::audit::read::Event;
use crate::pdp::{Authorization, Inventory, Pdp, Question};
use ram_policy::{ActionSlots, ContextKey, Document, PolicySet, Source, UnknownKeys};

use super::attempt::{Attempt, AttemptError, RecordedAttributes, RecordedVerdict};
use super::flip::{Direction, VerdictChange, because};

/// Judges attempts under other policies, one after the other.
#[derive(Debug)]
pub struct Replay<'a> {
    pdp: &'a Pdp,
    /// The attributes in the policies' own directory; `None` if it has no `resources.toml`.
    inventory: Option<&'a Inventory>,
    /// Session policies, which the reader of the lines adds in their order.
    sessions: &'a RwLock<SessionPolicies>,
    counts: ReplayCounts,
}

/// Session policies by digest, from the lines in which their sessions begin.
#[derive(Debug, Default)]
pub struct SessionPolicies {
    known: HashMap<String, Option<Arc<PolicySet>>>,
}

/// The counts of a replay.
#[derive(Clone, Debug, Default)]
pub struct ReplayCounts {
    /// Lines that are events.
    pub events: u64,
    pub replayed: u64,
    /// Replayed attempts whose verdict did not change.
    pub same: u64,
    pub flips: BTreeMap<(Direction, String), VerdictChange>,
    /// Attempts that cannot be judged again, by reason.
    pub unreplayed: BTreeMap<ReplayError, u64>,
    /// Lines that record no decision.
    pub not_judged: u64,
    /// Denied attempts without a line of their own, which cannot be judged again.
    pub counted_only: u64,
}

/// Why an attempt was not judged again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    AttemptError(#[from] AttemptError),
    #[error("the policies depend on tags or groups of resources, which were not recorded: add a `resources.toml`")]
    AttributesUnrecorded,
    #[error("its session policy is not in these logs: add the log in which the session begins")]
    SessionPolicyUnrecorded,
    #[error("the caller is not in these policy directories")]
    UnknownPrincipal,
}

impl<'a> Replay<'a> {
    pub fn new(pdp: &'a Pdp, inventory: Option<&'a Inventory>, sessions: &'a RwLock<SessionPolicies>) -> Self {
        Self { pdp, inventory, sessions, counts: ReplayCounts::default() }
    }

    /// Judges an attempt and counts the result; an error is counted by its reason.
    pub fn take(&mut self, attempt: Result<Attempt, AttemptError>) {
        self.counts.events += 1;
        let judged = match attempt {
            Err(AttemptError::NotJudged) => {
                self.counts.not_judged += 1;
                return;
            }
            Err(why) => Err(why.into()),
            Ok(attempt) => self.judge(&attempt).map(|authorization| (attempt, authorization)),
        };
        match judged {
            Ok((attempt, authorization)) => self.count(&attempt, &authorization),
            Err(why) => *self.counts.unreplayed.entry(why).or_default() += 1,
        }
    }

    /// Counts the denied attempts of a `Summary` line.
    pub fn take_counted(&mut self, event: &Event) {
        let denied = event.gateway().is_some_and(|it| {
            matches!(it.verdict, crate::audit::read::Verdict::ExplicitDeny | crate::audit::read::Verdict::ImplicitDeny)
        });
        if let Some(counted) = event.counted().filter(|_| denied) {
            self.counts.counted_only += counted.attempts;
        }
    }

    pub fn finish(self) -> ReplayCounts {
        self.counts
    }

    /// Judges one attempt.
    ///
    /// # Errors
    /// The attempt cannot be judged again.
    pub fn judge(&self, attempt: &Attempt) -> Result<Authorization<super::attempt::Subject>, ReplayError> {
        if !self.pdp.directory().knows(&attempt.principal) {
            return Err(ReplayError::UnknownPrincipal);
        }
        let mut question = Question::new(attempt.principal.clone(), attempt.subject.clone(), attempt.context.clone());
        // The gateway knows these keys for every call, but a line may lack them.
        let unknown = [ContextKey::SourceIp, ContextKey::SecureTransport]
            .iter()
            .fold(UnknownKeys::clone(question.unknown_keys()), UnknownKeys::with);
        question = question.with_unknown(Arc::new(unknown));
        if let Some(digest) = &attempt.narrowed_by {
            let policy = self
                .sessions
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .find(digest)
                .ok_or(ReplayError::SessionPolicyUnrecorded)?;
            question = question.in_session(policy);
        }
        if self.pdp.needs(&question).any() {
            question = match (&attempt.attributes, self.inventory) {
                (RecordedAttributes::Recorded(attributes), _) => question.with_attributes(attributes.clone()),
                (RecordedAttributes::Unrecorded, Some(inventory)) => {
                    question.with_attributes(inventory.attributes(&attempt.subject.resources))
                }
                (RecordedAttributes::Unrecorded, None) if self.pdp.depends_on_attributes(&question) => {
                    return Err(ReplayError::AttributesUnrecorded);
                }
                (RecordedAttributes::Unrecorded, None) => question,
            };
        }
        Ok(self.pdp.decide(question))
    }

    fn count(&mut self, attempt: &Attempt, authorization: &Authorization<super::attempt::Subject>) {
        self.counts.replayed += 1;
        if !attempt.recorded.differs(authorization.decision().verdict()) {
            self.counts.same += 1;
            return;
        }
        let direction = match attempt.recorded {
            RecordedVerdict::Denied => Direction::Opened,
            RecordedVerdict::Allowed => Direction::Closed,
        };
        let because = because(authorization);
        let flips = &mut self.counts.flips;
        match flips.get_mut(&(direction, because.clone())) {
            Some(flip) => flip.add(attempt),
            None => {
                flips.insert((direction, because.clone()), VerdictChange::new(direction, because, attempt));
            }
        }
    }
}

impl SessionPolicies {
    /// Keeps the policy of a session that begins in this line.
    pub fn learn(&mut self, event: &Event) {
        let session = event.gateway().and_then(|gateway| gateway.session.as_ref());
        let Some((session, text)) = session.and_then(|it| Some((it, it.policy.as_deref()?))) else { return };
        let Some(digest) = session.narrowed_by.as_deref().filter(|digest| !self.known.contains_key(*digest)) else {
            return;
        };
        let document = Document::parse("session", &Source::new("Policy", text)).ok();
        // An edited line does not match its digest.
        let document = document.filter(|document| document.digest().to_string() == digest);
        let set = document.map(|document| PolicySet::session(Arc::new(document), &ActionSlots::default()));
        self.known.insert(digest.to_owned(), set);
    }

    fn find(&self, digest: &str) -> Option<Arc<PolicySet>> {
        self.known.get(digest).cloned().flatten()
    }
}

impl ReplayCounts {
    /// Adds the counts of other lines.
    pub fn absorb(&mut self, other: Self) {
        self.events += other.events;
        self.replayed += other.replayed;
        self.same += other.same;
        self.not_judged += other.not_judged;
        self.counted_only += other.counted_only;
        for (why, count) in other.unreplayed {
            *self.unreplayed.entry(why).or_default() += count;
        }
        for (key, flip) in other.flips {
            match self.flips.get_mut(&key) {
                Some(known) => known.absorb(flip),
                None => {
                    self.flips.insert(key, flip);
                }
            }
        }
    }

    /// The changes to list: `Opened` before `Closed`, and larger groups first.
    pub fn in_order(&self) -> Vec<&VerdictChange> {
        let mut flips: Vec<&VerdictChange> = self.flips.values().collect();
        flips.sort_by(|a, b| {
            (a.direction, std::cmp::Reverse(a.attempts), &a.because).cmp(&(
                b.direction,
                std::cmp::Reverse(b.attempts),
                &b.because,
            ))
        });
        flips
    }
}
