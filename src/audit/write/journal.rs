//! Writes attempts to the log, and returns the proof that they were written.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ram_policy::{Decision, Request, Resource, Verdict};
use serde_json::value::RawValue;

use super::super::line::{self, Cut, Stage};
use super::attempt::{Attempt, Reached};
use super::counted::{Count, Counted, Group, Uncounted, digest};
use super::decision::{MOST_DENYING, denied_decision, permitted_decision};
use super::draft::{Answered, Draft, Forwarded, JournalIdentity, Judged};
use super::granted::{Granted, assumption_json};
use super::length::PARAMETER_BYTES;
use super::notice::counted;
use super::sink::{Appended, LineClass, LogStatus, Sink, SinkError};
use crate::budget::{BudgetItem, Budgets, Holder};
use crate::catalog::{Call, Catalog, STS_OPERATIONS};
use crate::pdp::{Denied, Permit, Subject};

/// Proof that a permit was written to the log before anything was done with it. Only the journal makes one.
///
/// ```compile_fail,E0451
/// # use ramgate::{audit::Recorded, catalog::Call, pdp::Permit};
/// fn forge(permit: Permit<Call>) -> Recorded<Permit<Call>> {
///     Recorded { inner: permit, decision: Default::default() }
/// }
/// ```
///
/// Its content can be read:
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
    /// The decision as its line has it, for the line of the outcome.
    decision: Box<RawValue>,
    /// What `decision` omits.
    cut: Cut,
}

/// A refused attempt, with the values that its budget depends on.
struct Refused<'a> {
    attempt: &'a Attempt,
    verdict: &'static str,
    answered: &'a Answered,
    /// A digest of the statements that denied it.
    deciding: u64,
    /// The resources that were judged.
    resources: &'a [Resource<'a>],
}

/// Writes every line about an attempt. No other code does.
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
    attempts: Counters,
    /// The attempts that were counted and not written.
    unwritten: Counters,
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
            attempts: Counters::default(),
            unwritten: Counters::default(),
        }
    }

    /// Whether writing waits for a disk.
    pub fn blocks(&self) -> bool {
        self.sink.blocks()
    }

    /// The status of the log.
    pub fn status(&self) -> LogStatus {
        self.sink.status()
    }

    /// The number of attempts since the start for each verdict and code, including those that were only counted.
    pub fn attempts(&self) -> Vec<(&'static str, String, u64)> {
        self.attempts.counts(Verdict::Allow.as_str())
    }

    /// The number of refused attempts that were counted and not written, for each verdict and code.
    pub fn unwritten(&self) -> Vec<(&'static str, String, u64)> {
        self.unwritten.refusals()
    }

    /// Writes the decision to forward a call.
    ///
    /// # Errors
    /// The log cannot be written. The permit is consumed in any case.
    pub fn record<T>(&self, attempt: &Attempt, permit: Permit<T>) -> Result<Recorded<Permit<T>>, SinkError>
    where
        T: Subject + AsRef<Call>,
    {
        self.attempts.allowed();
        let (decision, cut) = permitted_decision(&permit.request(), permit.decision());
        let judged = judged(&permit, &decision, cut);
        let event = Draft::new(attempt, &self.identity, Stage::Decision, judged.verdict.into());
        let event = event.with_judgement(judged).not_final();
        // A decision by configuration names no statement, so the line gives its reason in words.
        let unjudged = permit.decision().is_configured().then(|| permit.proof().summary().to_string());
        let event = match &unjudged {
            Some(reason) => event.with_reason(reason),
            None => event,
        };
        let event = match attempt.reached {
            Reached::Authenticated => event,
            // An attacker who knows only a key id must not be able to fill the log.
            Reached::Unauthenticated => event.with_few_parameters(PARAMETER_BYTES),
        };
        self.permit(&event.to_permitted_text()?)?;
        Ok(Recorded { inner: permit, decision, cut })
    }

    /// Writes the result of a forwarded call.
    ///
    /// # Errors
    /// The log cannot be written. It then has the decision without an outcome.
    pub fn outcome<T>(
        &self,
        attempt: &Attempt,
        recorded: &Recorded<Permit<T>>,
        forwarded: &Forwarded,
    ) -> Result<(), SinkError>
    where
        T: Subject + AsRef<Call>,
    {
        let judged = judged(&recorded.inner, &recorded.decision, recorded.cut);
        let event = Draft::new(attempt, &self.identity, Stage::Outcome, judged.verdict.into());
        let event = event.with_judgement(judged).with_outcome(forwarded);
        let event = match attempt.reached {
            Reached::Authenticated => event,
            Reached::Unauthenticated => event.in_brief(),
        };
        self.sink.append_soon(LineClass::Outcome, &event.to_text()).map(drop)
    }

    /// Writes that a session is about to begin.
    ///
    /// # Errors
    /// The log cannot be written. The grant is consumed in any case.
    pub fn grant(&self, attempt: &Attempt, granted: Granted) -> Result<Recorded<Granted>, SinkError> {
        self.attempts.allowed();
        let decision = assumption_json(&granted.assumed);
        let event = Draft::new(attempt, &self.identity, Stage::Decision, line::Verdict::Allow);
        self.permit(&event.with_grant(&granted, &decision).to_permitted_text()?)?;
        Ok(Recorded { inner: granted, decision, cut: Cut::default() })
    }

    /// Writes that a caller asked for its own identity.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn caller_identity(&self, attempt: &Attempt) -> Result<(), SinkError> {
        self.attempts.allowed();
        let event = Draft::new(attempt, &self.identity, Stage::Decision, line::Verdict::Allow);
        self.permit(&event.with_reason("a caller may always ask who it is").to_text())
    }

    /// Writes a denial by policy, or counts it if the caller's budget of lines is used up.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn denied<T>(&self, attempt: &Attempt, denied: &Denied<T>, answered: &Answered) -> Result<Appended, SinkError>
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
            let event = Draft::new(attempt, &self.identity, Stage::Decision, refused.verdict.to_owned().into());
            event.with_judgement(judged).with_answer(answered).into_refused_text()
        })
    }

    /// Writes any other refusal, or counts it if the caller's budget of lines is used up.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn refused(&self, attempt: &Attempt, answered: &Answered) -> Result<Appended, SinkError> {
        let verdict = if answered.status >= 500 { "Error" } else { "Refused" };
        let refused = Refused { attempt, verdict, answered, deciding: 0, resources: &[] };
        self.keep(&refused, || {
            let event = Draft::new(attempt, &self.identity, Stage::Decision, verdict.to_owned().into());
            event.with_answer(answered).into_refused_text()
        })
    }

    /// Writes a line that is never left out for lack of room.
    fn permit(&self, event: &str) -> Result<(), SinkError> {
        self.sink.append(LineClass::Permit, event).map(drop)
    }

    /// Writes a line about a refusal, or counts the attempt. Every attempt is in the metrics.
    fn keep(&self, refused: &Refused<'_>, line: impl FnOnce() -> String) -> Result<Appended, SinkError> {
        self.attempts.refused(refused.verdict, &refused.answered.code);
        let (holder, now) = (refused.attempt.holder(), (self.elapsed)());
        let operation = self.operation(refused.attempt);
        let kind = digest((operation, &refused.answered.code, refused.deciding));
        let kept = if self.may_write(refused, &holder, kind, now) {
            let line = line();
            self.budgets.spend(&holder, BudgetItem::RefusedBytes, line.len() as u64, now);
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

    /// Whether a refusal is written, if the sink has room for it. The first refusal of a kind by a principal is written
    /// even if the budget is used up. Of the calls refused because a budget is used up, only the first is.
    fn may_write(&self, refused: &Refused<'_>, holder: &Holder, kind: u64, now: Duration) -> bool {
        let first = self.budgets.is_first(holder, kind, now);
        if !self.sink.takes_refusals() || (refused.answered.refusal.is_throttling() && !first) {
            return false;
        }
        let room = self.budgets.check(holder, BudgetItem::RefusedBytes, now).is_ok()
            && self.budgets.charge(holder, BudgetItem::RefusedLines, now).is_ok();
        room || (first && holder.is_principal())
    }

    /// The called operation, if it is a known one: callers could invent any number of names.
    fn operation<'a>(&self, attempt: &'a Attempt) -> Option<&'a str> {
        let name = attempt.operation.as_deref()?;
        (self.catalog.operation(name).is_some() || STS_OPERATIONS.contains(&name)).then_some(name)
    }

    /// Writes a line for each count of refusals that is a minute old.
    ///
    /// # Errors
    /// The log cannot be written; the counts are kept and reported later.
    pub fn summarize(&self, id: fn() -> String, now: Timestamp) -> Result<(), SinkError> {
        let due = self.counted().take_due((self.elapsed)());
        self.report(due, id, now)
    }

    /// Writes a line for each remaining count, when the gateway stops.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn close(&self, id: fn() -> String, now: Timestamp) -> Result<(), SinkError> {
        let all = self.counted().take_all();
        self.report(all, id, now)
    }

    fn report(&self, counts: Vec<(Group, Count)>, id: fn() -> String, now: Timestamp) -> Result<(), SinkError> {
        let mut counts = counts.into_iter();
        while let Some((group, count)) = counts.next() {
            let line = counted(&self.identity, id(), now, &group, &count);
            if let Err(error) = self.sink.append(LineClass::Notice, &line) {
                self.counted().put_back(std::iter::once((group, count)).chain(counts));
                return Err(error);
            }
        }
        Ok(())
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A digest of the statements that deny a request; the same for all requests that no statement denies.
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

/// The most codes that are counted separately for a verdict; the catalogue has fewer.
const MOST: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Counters {
    allowed: AtomicU64,
    refused: Mutex<BTreeMap<&'static str, BTreeMap<String, u64>>>,
}

impl Counters {
    pub(super) fn allowed(&self) {
        self.allowed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, verdict: &'static str, code: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let codes = refused.entry(verdict).or_default();
        if let Some(count) = codes.get_mut(code) {
            *count += 1;
            return;
        }
        let code = if codes.len() < MOST { code } else { "other" };
        *codes.entry(code.to_owned()).or_default() += 1;
    }

    pub(super) fn counts(&self, allowed: &'static str) -> Vec<(&'static str, String, u64)> {
        let mut counts = vec![(allowed, String::new(), self.allowed.load(Ordering::Relaxed))];
        counts.extend(self.refusals());
        counts
    }

    pub(super) fn refusals(&self) -> Vec<(&'static str, String, u64)> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |(verdict, codes): (&&'static str, &BTreeMap<String, u64>)| {
            let verdict: &'static str = verdict;
            codes.iter().map(|(code, count)| (verdict, code.clone(), *count)).collect::<Vec<_>>()
        };
        refused.iter().flat_map(of).collect()
    }
}
