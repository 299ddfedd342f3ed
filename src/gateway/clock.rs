//! The time. Read here and handed down; everything below is told.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Time since this process first asked, by a clock that nobody can set.
pub fn steady() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
