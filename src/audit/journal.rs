//! Writes attempts down, and hands out the proof that it did.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::catalog::Call;
use crate::pdp::{Denied, Permit, Subject};
use crate::policy::Verdict;

use super::attempt::{Attempt, Reached};
use super::budget::{Admission, Budget, BudgetLimits, Suppressed};
use super::event::{Answered, Event, Forwarded, JournalIdentity, Judged, Stage};
use super::granted::{Granted, written_assumption};
use super::notice::summary;
use super::sink::{Appended, LineClass, LogStatus, Sink, SinkFault};
use super::tally::Tally;
use super::written_decision::written_decision;

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
}

#[derive(Debug)]
pub struct Journal {
    sink: Box<dyn Sink>,
    identity: JournalIdentity,
    budget: Mutex<Budget>,
    tally: Tally,
}

impl<P> Recorded<P> {
    pub fn inner(&self) -> &P {
        &self.inner
    }
}

impl Journal {
    pub fn new(sink: Box<dyn Sink>, identity: JournalIdentity, limits: BudgetLimits) -> Self {
        Self { sink, identity, budget: Mutex::new(Budget::new(limits)), tally: Tally::default() }
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

    /// Writes the decision to forward.
    ///
    /// # Errors
    /// A log that cannot be written; the permit is gone with it.
    pub fn record<T>(&self, attempt: &Attempt, permit: Permit<T>) -> Result<Recorded<Permit<T>>, SinkFault>
    where
        T: Subject + AsRef<Call>,
    {
        self.tally.allowed();
        let decision = written_decision(&permit.request(), permit.decision());
        let judged = judged(&permit, &decision);
        let event = Event::new(attempt, &self.identity, Stage::Decision, judged.verdict.as_str());
        let event = event.with_judgement(judged).not_final();
        // No statement stands in the decision then, so the line says in words what it rests on.
        let unjudged = permit.decision().is_configured().then(|| permit.proof().summary().to_string());
        let event = match &unjudged {
            Some(reason) => event.with_reason(reason),
            None => event,
        };
        self.keep(&event.to_text())?;
        Ok(Recorded { inner: permit, decision })
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
        let judged = judged(&recorded.inner, &recorded.decision);
        let event = Event::new(attempt, &self.identity, Stage::Outcome, judged.verdict.as_str());
        let event = event.with_judgement(judged).with_outcome(forwarded);
        self.sink.append_soon(LineClass::Permit, &event.to_text()).map(drop)
    }

    /// Writes that a key is about to be issued.
    ///
    /// # Errors
    /// A log that cannot be written; the grant is gone with it.
    pub fn grant(&self, attempt: &Attempt, granted: Granted) -> Result<Recorded<Granted>, SinkFault> {
        self.tally.allowed();
        let decision = written_assumption(&granted.assumed);
        let event = Event::new(attempt, &self.identity, Stage::Decision, Verdict::Allow.as_str());
        self.keep(&event.with_grant(&granted, &decision).to_text())?;
        Ok(Recorded { inner: granted, decision })
    }

    /// Writes that a caller was told who it is.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn told(&self, attempt: &Attempt) -> Result<(), SinkFault> {
        self.tally.allowed();
        let event = Event::new(attempt, &self.identity, Stage::Decision, Verdict::Allow.as_str());
        self.keep(&event.with_reason("a caller may always ask who it is").to_text())
    }

    /// Writes a denial by policy. One of a caller who may be anybody may be counted instead: whoever knows no more than
    /// the id of a key must not be able to fill the log.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn denied<T>(&self, attempt: &Attempt, denied: &Denied<T>, answered: &Answered) -> Result<(), SinkFault>
    where
        T: Subject + AsRef<Call>,
    {
        self.tally.refused(denied.decision().verdict().as_str(), &answered.code);
        if !self.admits(attempt) {
            return Ok(());
        }
        let decision = written_decision(&denied.request(), denied.decision());
        let judged = Judged {
            call: denied.subject().as_ref(),
            verdict: denied.decision().verdict(),
            decision: &decision,
            revision: denied.revision(),
        };
        let event = Event::new(attempt, &self.identity, Stage::Decision, judged.verdict.as_str());
        self.append_refusal(&event.with_judgement(judged).with_answer(answered).to_text())
    }

    /// Writes any other refusal. One of a caller that nobody knows may be counted instead.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn refused(&self, attempt: &Attempt, answered: &Answered) -> Result<(), SinkFault> {
        let verdict = if answered.status >= 500 { "Error" } else { "Refused" };
        self.tally.refused(verdict, &answered.code);
        if !self.admits(attempt) {
            return Ok(());
        }
        let event = Event::new(attempt, &self.identity, Stage::Decision, verdict);
        self.append_refusal(&event.with_answer(answered).to_text())
    }

    /// Writes a line that no shortage of room may leave out.
    fn keep(&self, event: &str) -> Result<(), SinkFault> {
        self.sink.append(LineClass::Permit, event).map(drop)
    }

    /// Writes a refusal; one that the sink has no room for is counted for the next summary.
    fn append_refusal(&self, event: &str) -> Result<(), SinkFault> {
        if self.sink.append(LineClass::Refusal, event)? == Appended::Counted {
            self.budget().count();
        }
        Ok(())
    }

    /// Whether a refused attempt is written, or only counted.
    fn admits(&self, attempt: &Attempt) -> bool {
        attempt.reached >= Reached::Authenticated || self.budget().admit(attempt.source, attempt.at) == Admission::Write
    }

    /// Writes one line for the refusals that were counted in minutes that are over, if there were any.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn summarize(&self, id: String, now: Timestamp) -> Result<(), SinkFault> {
        let suppressed = self.budget().take_suppressed(now);
        self.summary(id, now, suppressed)
    }

    /// The same for all that was counted, the minute that is not over included: nobody comes back for it.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn close(&self, id: String, now: Timestamp) -> Result<(), SinkFault> {
        let suppressed = self.budget().take_all();
        self.summary(id, now, suppressed)
    }

    fn summary(&self, id: String, now: Timestamp, suppressed: Option<Suppressed>) -> Result<(), SinkFault> {
        let Some(suppressed) = suppressed else { return Ok(()) };
        let reason = format!("{} refused attempts were counted and not written one by one", suppressed.attempts);
        self.sink.append(LineClass::Notice, &summary(&self.identity, id, now, "Refused", &reason)).map(drop)
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn judged<'a, T>(permit: &'a Permit<T>, decision: &'a RawValue) -> Judged<'a>
where
    T: Subject + AsRef<Call>,
{
    let call = permit.subject().as_ref();
    Judged { call, verdict: permit.decision().verdict(), decision, revision: permit.revision() }
}
