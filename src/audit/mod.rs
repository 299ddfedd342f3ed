//! The audit log: every attempt is written to it or counted, and a permitted call is written before it is forwarded.
//!
//! | folder | what it holds |
//! |---|---|
//! | [`mod@line`] | one line of the log, as it is written and as it is read |
//! | `write` | the journal, counts of attempts that get no line, and the sinks, such as the log file |
//! | [`read`] | reads logs: rotated and compressed files, a file that still grows, ActionTrail's deliveries |
//! | [`verify`] | checks that a log is as it was written, with separate code |
//!
//! Only `write` makes a [`Recorded`], and the upstream sends nothing else. Must not know: HTTP, how a caller is
//! authenticated, the time (callers of this module pass it in).

pub mod line;
pub mod read;
pub mod verify;
mod write;

pub use write::{
    AllowedAfter, Answered, Appended, Attempt, Batch, Chain, CheckpointKey, CheckpointKeyError, CheckpointPublicKey,
    CheckpointPublicKeyError, CheckpointSettings, Clocks, FileAccess, FileSettings, FileSink, Forwarded, Granted,
    Journal, JournalIdentity, LineClass, Link, LogPast, LogStatus, Loss, MemorySink, NewCheckpointKey, OpenError,
    Packing, Reached, Recorded, Requirement, Rotation, SecondarySink, SecondaryStatus, Shortage, Sink, SinkError,
    Spool, Stamping, StdoutSink, SyncMode, SyncTicket, TagKey, WriteAhead, check_owner, chown, open_existing,
    private_file, sync_folder,
};
