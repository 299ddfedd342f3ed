//! The log, read: files of ours, rotated and compressed, and the events ActionTrail delivers, as one kind of value.
//!
//! Streams: no log is held in memory, and no line is longer than a bound. What is read was written by others, callers
//! among them, so it is material to judge and nothing to trust. Must not know: HTTP, policies, what a reader wants of it.

mod attempts;
mod decision;
mod event;
mod events;
mod follow;
mod gateway;
mod input;
mod lines;
mod log_name;
mod open;
mod resource;
mod text;
mod values;
pub mod verify;
mod written;

pub use attempts::{Attempt, Attempts};
pub use decision::{Condition, Decision, JudgedResource, MatchedStatement, PossibleDeny};
pub use event::{ErrorAnswer, Event, UserIdentity};
pub use events::{Events, Located, Place, RawEvent, ReadFault};
pub use follow::Follow;
pub use gateway::{CountedAttempts, Cut, Gateway, Session, Signature, Stage, Upstream, Verdict};
pub use input::{Input, Selection, Wanted, inputs, log_with_rotated, logs, total_size};
pub use lines::{LONGEST_LINE, LineForm, Lines, RawLine};
pub use log_name::{LogName, checkpoints_of};
pub use open::{Bytes, open};
pub use resource::Resource;
