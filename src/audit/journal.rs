//! Writes attempts down, and hands out the proof that it did.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::budget::{Budgets, Holder, Item};
use crate::catalog::{Call, Catalog, STS_OPERATIONS};
use crate::pdp::{Denied, Permit, Subject};
use crate::policy::{Decision, Request, Verdict};
use crate::ram::Resource;

use super::attempt::{Attempt, Reached};
use super::counted::{Count, Counted, Group, Uncounted, digest};
use super::cut::{Cut, PARAMETER_BYTES, denied_decision, permitted_decision};
use super::event::{Answered, Event, Forwarded, JournalIdentity, Judged, Stage};
use super::granted::{Granted, written_assumption};
use super::notice::counted;
use super::sink::{Appended, LineClass, LogStatus, Sink, SinkFault};
use super::tally::Tally;
use super::written_decision::MOST_DENYING;

/// Proof that a permit was written down before anything was done about it. Only the journal makes one.
///
/// ```compile_fail,E0451
/// # use ramgate::{audit::Recorded, catalog::Call, pdp::Permit};
/// fn forge(permit: Permit<Call>) -> Recorded<Permit<Call>> {
///     Recorded { inner: permit, decision: Default::default() }
/// }
/// ```
///
/// What it holds can be looked at:
///
/// ```
/// # use ramgate::{audit::Recorded, catalog::Call, pdp::Permit};
/// fn region(recorded: &Recorded<Permit<Call>>) -> &str {
///     recorded.inner().subject().region().as_str()
/// }
/// ```
#[derive(Debug)]
#[must_use = "a recorded permit that is not used leaves a decision without an outcome"]
pub struct Recorded<P> {
    inner: P,
    /// As it stands in the decision's line, for the outcome's.
    decision: Box<RawValue>,
    /// What the written decision omits.
    cut: Cut,
}

/// One attempt that was refused, as far as budgets are about it.
struct Refused<'a> {
    attempt: &'a Attempt,
    verdict: &'static str,
    answered: &'a Answered,
    /// A digest of the statements that denied it.
    deciding: u64,
    /// That were judged.
    resources: &'a [Resource<'a>],
}

#[derive(Debug)]
pub struct Journal {
    sink: Box<dyn Sink>,
    identity: JournalIdentity,
    budgets: Arc<Budgets>,
    /// Monotonic.
    elapsed: fn() -> Duration,
    /// Knows which operation names are counted separately.
    catalog: Arc<Catalog>,
    counted: Mutex<Counted>,
    tally: Tally,
    /// Of those, what was counted and not written one by one.
    unwritten: Tally,
}

impl<P> Recorded<P> {
    pub fn inner(&self) -> &P {
        &self.inner
    }
}

impl Journal {
    /// `elapsed` is a monotonic clock.
    pub fn new(
        sink: Box<dyn Sink>,
        identity: JournalIdentity,
        budgets: Arc<Budgets>,
        elapsed: fn() -> Duration,
    ) -> Self {
        Self {
            sink,
            identity,
            budgets,
            elapsed,
            catalog: Catalog::bundled(),
            counted: Mutex::default(),
            tally: Tally::default(),
            unwritten: Tally::default(),
        }
    }

    /// Whether writing waits for a disk.
    pub fn blocks(&self) -> bool {
        self.sink.blocks()
    }

    /// How the log is doing.
    pub fn status(&self) -> LogStatus {
        self.sink.status()
    }

    /// How many attempts came to which verdict and code, since the start; those that were only counted, too.
    pub fn attempts(&self) -> Vec<(&'static str, String, u64)> {
        self.tally.counts(Verdict::Allow.as_str())
    }

    /// How many of the refused ones were counted and not written one by one.
    pub fn unwritten(&self) -> Vec<(&'static str, String, u64)> {
        self.unwritten.refusals()
    }

    /// Writes the decision to forward.
    ///
    /// # Errors
    /// A log that cannot be written; the permit is gone with it.
    pub fn record<T>(&self, attempt: &Attempt, permit: Permit<T>) -> Result<Recorded<Permit<T>>, SinkFault>
    where
        T: Subject + AsRef<Call>,
    {
        self.tally.allowed();
        let (decision, cut) = permitted_decision(&permit.request(), permit.decision());
        let judged = judged(&permit, &decision, cut);
        let event = Event::new(attempt, &self.identity, Stage::Decision, judged.verdict.as_str());
        let event = event.with_judgement(judged).not_final();
        // No statement stands in the decision then, so the line says in words what it rests on.
        let unjudged = permit.decision().is_configured().then(|| permit.proof().summary().to_string());
        let event = match &unjudged {
            Some(reason) => event.with_reason(reason),
            None => event,
        };
        let event = match attempt.reached {
            Reached::Authenticated => event,
            // A caller that knows only a key id must not be able to fill the log.
            Reached::Unauthenticated => event.with_few_parameters(PARAMETER_BYTES),
        };
        self.permit(&event.to_permitted_text()?)?;
        Ok(Recorded { inner: permit, decision, cut })
    }

    /// Writes what became of a forwarded call.
    ///
    /// # Errors
    /// A log that cannot be written: the decision stands in it without an outcome.
    pub fn outcome<T>(
        &self,
        attempt: &Attempt,
        recorded: &Recorded<Permit<T>>,
        forwarded: &Forwarded,
    ) -> Result<(), SinkFault>
    where
        T: Subject + AsRef<Call>,
    {
        let judged = judged(&recorded.inner, &recorded.decision, recorded.cut);
        let event = Event::new(attempt, &self.identity, Stage::Outcome, judged.verdict.as_str());
        let event = event.with_judgement(judged).with_outcome(forwarded);
        let event = match attempt.reached {
            Reached::Authenticated => event,
            Reached::Unauthenticated => event.in_brief(),
        };
        self.sink.append_soon(LineClass::Outcome, &event.to_text()).map(drop)
    }

    /// Writes that a key is about to be issued.
    ///
    /// # Errors
    /// A log that cannot be written; the grant is gone with it.
    pub fn grant(&self, attempt: &Attempt, granted: Granted) -> Result<Recorded<Granted>, SinkFault> {
        self.tally.allowed();
        let decision = written_assumption(&granted.assumed);
        let event = Event::new(attempt, &self.identity, Stage::Decision, Verdict::Allow.as_str());
        self.permit(&event.with_grant(&granted, &decision).to_permitted_text()?)?;
        Ok(Recorded { inner: granted, decision, cut: Cut::default() })
    }

    /// Writes that a caller was told who it is.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn told(&self, attempt: &Attempt) -> Result<(), SinkFault> {
        self.tally.allowed();
        let event = Event::new(attempt, &self.identity, Stage::Decision, Verdict::Allow.as_str());
        self.permit(&event.with_reason("a caller may always ask who it is").to_text())
    }

    /// Writes a denial by policy, or counts it when the budget of the caller's lines is used up.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn denied<T>(&self, attempt: &Attempt, denied: &Denied<T>, answered: &Answered) -> Result<Appended, SinkFault>
    where
        T: Subject + AsRef<Call>,
    {
        let (request, decision) = (denied.request(), denied.decision());
        let refused = Refused {
            attempt,
            verdict: decision.verdict().as_str(),
            answered,
            deciding: deciding(&request, decision),
            resources: request.resources,
        };
        self.keep(&refused, || {
            let (written, cut) = denied_decision(&request, decision);
            let judged = Judged {
                call: denied.subject().as_ref(),
                verdict: decision.verdict(),
                decision: &written,
                cut,
                revision: denied.revision(),
            };
            let event = Event::new(attempt, &self.identity, Stage::Decision, refused.verdict);
            event.with_judgement(judged).with_answer(answered).into_refused_text()
        })
    }

    /// Writes any other refusal, or counts it when the budget of the caller's lines is used up.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn refused(&self, attempt: &Attempt, answered: &Answered) -> Result<Appended, SinkFault> {
        let verdict = if answered.status >= 500 { "Error" } else { "Refused" };
        let refused = Refused { attempt, verdict, answered, deciding: 0, resources: &[] };
        self.keep(&refused, || {
            let event = Event::new(attempt, &self.identity, Stage::Decision, verdict);
            event.with_answer(answered).into_refused_text()
        })
    }

    /// Writes a line that no shortage of room may leave out.
    fn permit(&self, event: &str) -> Result<(), SinkFault> {
        self.sink.append(LineClass::Permit, event).map(drop)
    }

    /// Writes a line, or counts the attempt. Every attempt is in the metrics.
    fn keep(&self, refused: &Refused<'_>, line: impl FnOnce() -> String) -> Result<Appended, SinkFault> {
        self.tally.refused(refused.verdict, &refused.answered.code);
        let (holder, now) = (refused.attempt.holder(), (self.elapsed)());
        let operation = self.operation(refused.attempt);
        let kind = digest((operation, &refused.answered.code, refused.deciding));
        let kept = if self.may_write(refused, &holder, kind, now) {
            let line = line();
            self.budgets.spend(&holder, Item::RefusedBytes, line.len() as u64, now);
            self.sink.append(LineClass::Refusal, &line)?
        } else {
            Appended::Counted
        };
        if kept == Appended::Counted {
            let (verdict, code) = (refused.verdict, refused.answered.code.as_str());
            self.unwritten.refused(verdict, code);
            self.counted().add(
                Uncounted { attempt: refused.attempt, verdict, code, operation, resources: refused.resources },
                now,
            );
        }
        Ok(kept)
    }

    /// Whether there is room for a line. The first of its kind is always written of a principal; and of what was refused
    /// because some budget is used up, only the first.
    fn may_write(&self, refused: &Refused<'_>, holder: &Holder, kind: u64, now: Duration) -> bool {
        let first = self.budgets.is_first(holder, kind, now);
        if !self.sink.takes_refusals() || (refused.answered.refusal.is_throttling() && !first) {
            return false;
        }
        let room = self.budgets.check(holder, Item::RefusedBytes, now).is_ok()
            && self.budgets.charge(holder, Item::RefusedLines, now).is_ok();
        room || (first && holder.is_principal())
    }

    /// The called operation, if it is a known one: callers can invent names.
    fn operation<'a>(&self, attempt: &'a Attempt) -> Option<&'a str> {
        let name = attempt.operation.as_deref()?;
        (self.catalog.operation(name).is_some() || STS_OPERATIONS.contains(&name)).then_some(name)
    }

    /// Writes a line for each count of refusals that is a minute old.
    ///
    /// # Errors
    /// The log cannot be written; the counts are kept and reported later.
    pub fn summarize(&self, id: fn() -> String, now: Timestamp) -> Result<(), SinkFault> {
        let due = self.counted().take_due((self.elapsed)());
        self.tell(due, id, now)
    }

    /// The same for all remaining counts, at the stop.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn close(&self, id: fn() -> String, now: Timestamp) -> Result<(), SinkFault> {
        let all = self.counted().take_all();
        self.tell(all, id, now)
    }

    fn tell(&self, counts: Vec<(Group, Count)>, id: fn() -> String, now: Timestamp) -> Result<(), SinkFault> {
        let mut counts = counts.into_iter();
        while let Some((group, count)) = counts.next() {
            let line = counted(&self.identity, id(), now, &group, &count);
            if let Err(fault) = self.sink.append(LineClass::Notice, &line) {
                self.counted().put_back(std::iter::once((group, count)).chain(counts));
                return Err(fault);
            }
        }
        Ok(())
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A digest of the statements that deny a request; the same for all that rest on none.
fn deciding(request: &Request<'_>, decision: &Decision) -> u64 {
    let decisive = decision.decisive().filter(|(_, judged)| judged.verdict == Verdict::ExplicitDeny);
    let statements = decisive.map(|(at, _)| decision.deciding_at_most(request, at, MOST_DENYING)).unwrap_or_default();
    digest(statements.iter().map(|(_, at)| (at.document.name(), at.statement.index())).collect::<Vec<_>>())
}

fn judged<'a, T>(permit: &'a Permit<T>, decision: &'a RawValue, cut: Cut) -> Judged<'a>
where
    T: Subject + AsRef<Call>,
{
    let call = permit.subject().as_ref();
    Judged { call, verdict: permit.decision().verdict(), decision, cut, revision: permit.revision() }
}
