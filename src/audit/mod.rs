//! The audit log: each attempt written down, before anything is done about it.
//!
//! Only this room makes a [`Recorded`], and the upstream takes nothing else. `file` is the one place below the edges
//! that touches files; what follows it (`stdout`, the spool) gets its lines. Must not know: HTTP, how a caller is
//! recognised, the clock, which it is handed.

mod ahead;
mod attempt;
mod bounded;
mod chain;
mod checkpoint_key;
mod counted;
mod cut;
mod event;
mod file;
mod follower;
mod granted;
mod journal;
mod notice;
mod sink;
mod stdout;
mod tag_key;
mod tally;
mod user_identity;
mod written_decision;

pub use ahead::{Stamping, SyncTicket, WriteAhead};
pub use attempt::{Attempt, Reached};
pub use chain::{Chain, Link};
pub use checkpoint_key::{
    CheckpointKey, CheckpointPublicKey, NewCheckpointKey, NoCheckpointKey, NoCheckpointPublicKey,
};
pub use event::{Answered, Forwarded, JournalIdentity};
pub use file::{
    AllowedAfter, CheckpointSettings, Clocks, FileAccess, FileSettings, FileSink, LogPast, Loss, OpenFault, Packing,
    Parcel, Rotation, Spool, SyncMode, check_owner, chown, open_existing, private_file, sync_folder,
};
pub use follower::{Follower, FollowerStatus};
pub use granted::Granted;
pub use journal::{Journal, Recorded};
pub use sink::{Appended, LineClass, LogStatus, MemorySink, Requirement, Shortage, Sink, SinkFault};
pub use stdout::StdoutSink;
pub use tag_key::TagKey;
