//! What the program's own log says of refused calls: a few lines a minute of each caller, and the number of the others.
//! The audit log has them, and has a budget of its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ram::Principal;

/// Lines a minute.
const LINES: u32 = 60;
/// Principals that are told apart; all others share their lines.
const MOST: usize = 4096;
const MINUTE: Duration = Duration::from_secs(60);

/// Times are monotonic.
#[derive(Debug, Default)]
pub(super) struct RefusalLog {
    logged: Mutex<HashMap<Subject, Logged>>,
}

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Denied(Principal),
    /// Denials of principals for whom there is no room here.
    DeniedOthers,
    /// Refusals that could not be written to the audit log.
    Unwritten,
}

#[derive(Debug, Default)]
struct Logged {
    since: Duration,
    lines: u32,
    left_out: u64,
}

impl RefusalLog {
    /// Whether to log a line about the subject. One that is not logged is counted.
    pub(super) fn admits(&self, subject: Subject, now: Duration) -> bool {
        let mut all = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = all.len() < MOST || all.contains_key(&subject);
        let logged = all.entry(if has_room { subject } else { Subject::DeniedOthers }).or_default();
        if logged.left_out == 0 && now.saturating_sub(logged.since) >= MINUTE {
            *logged = Logged { since: now, ..Logged::default() };
        }
        if logged.lines < LINES {
            logged.lines += 1;
            return true;
        }
        logged.left_out += 1;
        false
    }

    /// Logs how many lines were left out in minutes that are over; at the end, in all.
    pub(super) fn tell(&self, now: Option<Duration>) {
        for (subject, left_out) in self.take(now) {
            match subject {
                Subject::Denied(principal) => tracing::warn!(%principal, left_out, "more calls were denied"),
                Subject::DeniedOthers => tracing::warn!(left_out, "more calls of other principals were denied"),
                Subject::Unwritten => tracing::error!(left_out, "more refusals could not be written to the audit log"),
            }
        }
    }

    fn take(&self, now: Option<Duration>) -> Vec<(Subject, u64)> {
        let mut all = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |logged: &Logged| now.is_none_or(|now| now.saturating_sub(logged.since) >= MINUTE);
        let due = all.extract_if(|_, logged| over(logged));
        due.filter(|(_, logged)| logged.left_out > 0).map(|(subject, logged)| (subject, logged.left_out)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ram::Identity;

    #[test]
    fn a_flood_of_denials_is_counted() {
        let log = RefusalLog::default();
        let denied = |name: &str| Subject::Denied(Principal::new("1".parse().unwrap(), Identity::User(name.into())));
        let at = Duration::from_secs;
        let logged = (0..3000).filter(|_| log.admits(denied("bob"), at(10))).count();
        assert_eq!((logged, log.admits(denied("alice"), at(10))), (60, true));
        assert!(log.take(Some(at(59))).is_empty());
        // Until it is told how many were left out, no new minute begins.
        assert!(!log.admits(denied("bob"), at(80)));
        assert_eq!(log.take(Some(at(80))), [(denied("bob"), 2941)]);
        assert!(log.admits(denied("bob"), at(81)));
        assert!(log.take(None).is_empty());
    }
}
