//! Reading the log: this program's files, rotated and compressed, and the events that ActionTrail delivers, as one kind
//! of value.
//!
//! Reading streams: no log is held in memory, and no line is longer than a bound. Log contents are untrusted input, and
//! callers chose much of it. Must not know: HTTP, policies, and what a reader of the log wants of it.

mod attempts;
mod events;
mod follow;
mod input;
mod lines;
mod log_name;
mod open;
mod parse;
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

/// An event that was read, with all its texts.
pub type Event = line::Event<'static>;
/// What only this program's lines say.
pub type Gateway = line::Gateway<'static>;
/// What the policies decided, and on what.
pub type Decision = line::Decision<'static>;
/// A condition key and all its values.
pub type Condition = line::Condition<'static>;
/// One resource of the request, and its verdict.
pub type JudgedResource = line::JudgedResource<'static>;
/// A statement that decided.
pub type MatchedStatement = line::MatchedStatement<'static>;
/// A Deny that could not be ruled out.
pub type PossibleDeny = line::PossibleDeny<'static>;
/// What a line of stage `Summary` says of attempts that have no line.
pub type CountedAttempts = line::CountedAttempts<'static>;
