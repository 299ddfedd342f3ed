//! Reading the log: this program's files, rotated and compressed, and ActionTrail's deliveries, as values of one type.
//!
//! Reading streams: no log is held in memory, and no line is longer than a bound. Log contents are untrusted input:
//! callers chose much of it. Must not know: HTTP, policies, what the log is read for.

mod attempts;
mod events;
mod follow;
mod input;
mod lines;
mod log_name;
mod open;
mod values;

use super::line;

pub use super::line::{Cut, ErrorAnswer, Stage, Verdict};
pub use attempts::{Attempt, Attempts};
pub use events::{Events, Located, Place, RawEvent, ReadError};
pub use follow::Follow;
pub use input::{Input, Selection, Wanted, inputs, log_with_rotated, logs, total_size};
pub use lines::{LONGEST_LINE, LineForm, Lines, RawLine};
pub use log_name::{LogName, checkpoints_of};
pub use open::{Bytes, open};

/// An event that was read. It owns its texts.
pub type Event = line::Event<'static>;
/// The fields that only this program's lines have.
pub type Gateway = line::Gateway<'static>;
/// The decision of the policies, and the values it is based on.
pub type Decision = line::Decision<'static>;
/// A condition key and all its values.
pub type Condition = line::Condition<'static>;
/// One resource of the request, and its verdict.
pub type JudgedResource = line::JudgedResource<'static>;
/// A statement that decided.
pub type MatchedStatement = line::MatchedStatement<'static>;
/// A Deny that could not be ruled out.
pub type PossibleDeny = line::PossibleDeny<'static>;
/// The attempts without a line of their own, as a line of stage `Summary` counts them.
pub type CountedAttempts = line::CountedAttempts<'static>;
