//! The two clocks of a log: the wall clock, which operators and time servers set, and a monotonic one.
//!
//! Lines are dated by the wall clock. Everything that measures time (rotation, checkpoints, waiting for a disk) uses
//! the monotonic one. The age of a file that an earlier run left behind is only known by the wall clock, so no file is
//! removed for its age while the wall clock cannot be trusted.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The clocks of a log.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// The wall clock.
    pub now: fn() -> Timestamp,
    /// The monotonic clock: the time since some moment before the start.
    pub elapsed: fn() -> Duration,
}

/// The moment at which the log was opened, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    now: Timestamp,
    elapsed: Duration,
    /// How far the wall clock was ahead of the last time that an earlier run recorded, if that is implausible.
    gap: Option<SignedDuration>,
}

/// Why the age of a file is unknown at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockDoubt {
    /// The wall clock was set. It is this far ahead of the time that has passed; behind it if this is negative.
    Set(SignedDuration),
    /// At the start, the wall clock was this far ahead of the log's last line or checkpoint.
    Ahead(SignedDuration),
}

/// The largest tolerated correction of the wall clock; a tenth of the age at which files are removed, if that is less.
const TOLERANCE: Duration = Duration::from_secs(600);
/// An idle log has a checkpoint every hour, so a longer gap before a start means a long pause or a wrong clock.
const LONGEST_GAP: SignedDuration = SignedDuration::from_hours(24);
/// How long an operator has, after a start with such a gap, to notice the error in the program log.
const GRACE: Duration = Duration::from_secs(24 * 3600);

impl Opened {
    /// `last` is when the last line or checkpoint of an earlier run was written, by the wall clock at that time.
    pub(super) fn new(clocks: Clocks, last: Option<Timestamp>) -> Self {
        let (now, elapsed) = ((clocks.now)(), (clocks.elapsed)());
        let gap = last.map(|last| now.duration_since(last)).filter(|gap| *gap > LONGEST_GAP);
        Self { now, elapsed, gap }
    }

    /// Whether the wall clock was implausible at the start.
    pub(super) fn is_doubtful(&self) -> bool {
        self.gap.is_some()
    }

    /// Why files must not be removed for their age now; `keep` is the age at which they are removed.
    pub(super) fn doubt(&self, now: Timestamp, elapsed: Duration, keep: Option<Duration>) -> Option<ClockDoubt> {
        let ran = elapsed.saturating_sub(self.elapsed);
        if let Some(gap) = self.gap.filter(|_| ran < GRACE) {
            return Some(ClockDoubt::Ahead(gap));
        }
        let tolerance = keep.map_or(TOLERANCE, |keep| TOLERANCE.min(keep / 10));
        let set = now.duration_since(self.now) - signed(ran);
        (set.unsigned_abs() > tolerance).then_some(ClockDoubt::Set(set))
    }
}

impl fmt::Display for ClockDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(by) if by.is_negative() => write!(f, "the system clock was set back by {} s", -by.as_secs()),
            Self::Set(by) => write!(f, "the system clock was set forward by {} s", by.as_secs()),
            Self::Ahead(by) => {
                write!(f, "at the start the system clock was {} h after the end of the log", by.as_hours())
            }
        }
    }
}

/// A time of the monotonic clock in a form that can become negative, for a file that is older than the process.
pub(super) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(gap: Option<SignedDuration>) -> Opened {
        Opened { now: Timestamp::UNIX_EPOCH, elapsed: Duration::from_secs(100), gap }
    }

    #[test]
    fn a_clock_that_was_set_is_detected_and_one_that_drifts_is_not() {
        let day = Some(Duration::from_secs(86_400));
        let at = |wall: i64, ran: u64, keep| {
            let now = Timestamp::from_second(wall).unwrap();
            opened(None).doubt(now, Duration::from_secs(100 + ran), keep)
        };
        assert_eq!(at(1000, 1000, day), None);
        assert_eq!(at(1300, 1000, day), None, "within the tolerance");
        assert_eq!(at(1000, 400, day), None);
        assert_eq!(at(4600, 1000, day), Some(ClockDoubt::Set(SignedDuration::from_secs(3600))));
        assert_eq!(at(-2600, 1000, None), Some(ClockDoubt::Set(SignedDuration::from_secs(-3600))));
        let minute = Some(Duration::from_secs(60));
        assert_eq!(at(1010, 1000, minute), Some(ClockDoubt::Set(SignedDuration::from_secs(10))));
        assert_eq!(
            at(4600, 1000, day).unwrap().to_string() + " / " + &at(-2600, 1000, None).unwrap().to_string(),
            "the system clock was set forward by 3600 s / the system clock was set back by 3600 s"
        );
    }

    #[test]
    fn after_a_start_long_after_the_end_of_the_log_nothing_is_removed_for_a_day() {
        let gap = SignedDuration::from_hours(48);
        let at = |ran: u64| {
            let now = Timestamp::from_second(i64::try_from(ran).unwrap()).unwrap();
            opened(Some(gap)).doubt(now, Duration::from_secs(100 + ran), None)
        };
        assert_eq!(at(3600), Some(ClockDoubt::Ahead(gap)));
        assert_eq!(at(24 * 3600), None);
    }
}
