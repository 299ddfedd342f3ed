//! The time. Read here and handed down; everything below is told.

use jiff::Timestamp;

pub fn now() -> Timestamp {
    Timestamp::now()
}
