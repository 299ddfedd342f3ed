//! The types of a log line, for writing and reading: the writer fills them with borrowed values, a reader gets owned
//! ones.
//!
//! A line is an event in the shape of ActionTrail's, with this program's own fields under
//! `additionalEventData.gateway`; `schema/audit-line.schema.json` is the contract. Reading is lenient, because
//! ActionTrail's own events are read into the same types: almost every field may be absent, and a number or a boolean
//! passes for a text. Must not know: the chain around an event, how a line is assembled, where it is stored.

mod decision;
mod event;
mod gateway;
mod text;

pub use decision::{Condition, Decision, JudgedResource, MatchedStatement, PossibleDeny};
pub use event::{Additional, ErrorAnswer, Event, Resource, ResponseElements, UserIdentity};
pub use gateway::{CountedAttempts, Cut, Gateway, RefusalName, Session, Signature, Stage, Upstream, Verdict};
pub(super) use text::{LONGEST_TEXT, truncate};
