//! The clocks of the process. The layers below read no clock: they get the time as an argument.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The wall-clock time.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Time since the first call of this function, by a monotonic clock that is not affected by changes of the system time.
pub fn steady() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
