//! The audit log: each attempt written down, before anything is done about it.
//!
//! Only this room makes a [`Recorded`], and the upstream takes nothing else. The file sink is the one place below
//! the edges that touches a file. Must not know: HTTP, how a caller is recognised, the clock.

mod attempt;
mod bounded;
mod budget;
mod chain;
mod event;
mod file;
mod granted;
mod journal;
mod sink;
mod tag_key;
mod user_identity;
mod written_decision;

pub use attempt::{Attempt, Reached};
pub use budget::{Admission, Budget, BudgetLimits, Suppressed};
pub use chain::{Chain, Link};
pub use event::{Answered, Forwarded, JournalIdentity};
pub use file::{FileSink, OpenFault, SyncMode};
pub use granted::Granted;
pub use journal::{Journal, Recorded};
pub use sink::{MemorySink, Sink, SinkFault};
pub use tag_key::TagKey;
