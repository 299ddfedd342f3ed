//! Limits the lines about refused calls in the program's own log: a budget of lines per minute for each caller, and the
//! number of further refusals. The audit log has its own budgets.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::budget::{BudgetItem, Budgets, Holder};
use ram_policy::Principal;

/// How many subjects are counted separately between two reports. All others are counted together.
const MOST: usize = 4096;
const INTERVAL: Duration = Duration::from_secs(60);

/// Counts the lines left out since the last report. Times are monotonic.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog(Mutex<LeftOut>);

#[derive(Debug, Default)]
struct LeftOut {
    counts: HashMap<Subject, u64>,
    reported: Duration,
}

/// The subject of a line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Denied(Principal),
    /// Lines about all subjects beyond [`MOST`].
    DeniedOthers,
    /// Answers of an upstream, to calls of a principal or of unauthenticated callers, that were not passed on.
    NotPassedOn(Option<Principal>),
    /// Refusals that could not be written to the audit log.
    Unwritten,
}

impl Subject {
    /// The holder of the budget that the line is charged to.
    fn holder(&self) -> Holder {
        match self {
            Self::Denied(principal) | Self::NotPassedOn(Some(principal)) => Holder::principal(principal.clone()),
            Self::DeniedOthers | Self::NotPassedOn(None) | Self::Unwritten => Holder::all_sources(),
        }
    }
}

impl RefusalLog {
    /// Whether to log a line about the subject. A line that is left out is counted.
    pub(crate) fn admits(&self, subject: Subject, budgets: &Budgets, now: Duration) -> bool {
        if budgets.charge(&subject.holder(), BudgetItem::LoggedRefusals, now).is_ok() {
            return true;
        }
        let counts = &mut self.lock().counts;
        let has_room = counts.len() < MOST || counts.contains_key(&subject);
        *counts.entry(if has_room { subject } else { Subject::DeniedOthers }).or_default() += 1;
        false
    }

    /// Logs how many lines were left out, at most once a minute. Without a time, at shutdown, always.
    pub(crate) fn report(&self, now: Option<Duration>) {
        for (subject, left_out) in self.take(now) {
            match subject {
                Subject::Denied(principal) => tracing::warn!(%principal, left_out, "more calls were denied"),
                Subject::NotPassedOn(principal) => {
                    let principal = principal.map_or("unknown callers".to_owned(), |principal| principal.to_string());
                    tracing::warn!(principal, left_out, "more answers of an upstream were not passed on");
                }
                Subject::DeniedOthers => tracing::warn!(left_out, "more calls of other principals were denied"),
                Subject::Unwritten => tracing::error!(left_out, "more refusals could not be written to the audit log"),
            }
        }
    }

    /// The counts to report now: none if the last report was less than a minute ago.
    fn take(&self, now: Option<Duration>) -> HashMap<Subject, u64> {
        let mut left_out = self.lock();
        if let Some(now) = now {
            if now.saturating_sub(left_out.reported) < INTERVAL {
                return HashMap::new();
            }
            left_out.reported = now;
        }
        std::mem::take(&mut left_out.counts)
    }

    fn lock(&self) -> MutexGuard<'_, LeftOut> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::BudgetLimits;
    use ram_policy::Identity;

    #[test]
    fn a_flood_of_denials_is_counted() {
        let (log, budgets) = (RefusalLog::default(), Budgets::new(BudgetLimits::default()));
        let denied = |name: &str| Subject::Denied(Principal::new("1".parse().unwrap(), Identity::User(name.into())));
        let at = Duration::from_secs;
        let admits = |subject, now| log.admits(subject, &budgets, at(now));
        let logged = (0..3000).filter(|_| admits(denied("bob"), 10)).count();
        assert_eq!((logged, admits(denied("alice"), 10)), (60, true));
        assert!(log.take(Some(at(59))).is_empty());
        assert_eq!(log.take(Some(at(80))), HashMap::from([(denied("bob"), 2940)]));
        assert!(admits(denied("bob"), 81), "the budget is renewed a minute later");
        assert_eq!((0..100).filter(|_| admits(Subject::Unwritten, 82)).count(), 60);
        assert!(log.take(Some(at(100))).is_empty());
        assert_eq!(log.take(None), HashMap::from([(Subject::Unwritten, 40)]), "all counts are reported at the end");
        let Subject::Denied(bob) = denied("bob") else { unreachable!() };
        let not_passed_on = Subject::NotPassedOn(Some(bob));
        assert_eq!((0..100).filter(|_| admits(not_passed_on.clone(), 200)).count(), 60);
        assert_eq!(log.take(None), HashMap::from([(not_passed_on, 40)]));
    }

    #[test]
    fn principals_beyond_the_bound_are_counted_together() {
        let (log, budgets) = (RefusalLog::default(), Budgets::new(BudgetLimits::default()));
        for number in 0..MOST + 2 {
            let user = Identity::User(format!("u{number}").into());
            let subject = Subject::Denied(Principal::new("1".parse().unwrap(), user));
            for _ in 0..61 {
                log.admits(subject.clone(), &budgets, INTERVAL);
            }
        }
        let left_out = log.take(None);
        assert_eq!((left_out.len(), left_out[&Subject::DeniedOthers]), (MOST + 1, 2));
    }
}
