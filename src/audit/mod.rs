//! The audit log: every attempt is written to it before anything is done about the attempt.
//!
//! | folder | what it holds |
//! |---|---|
//! | [`mod@line`] | one line of the log, as it is written and as it is read |
//! | `write` | the journal, what a caller's lines may use up, and where lines go; the log file among them |
//! | [`read`] | the log read back: rotated and compressed files, a file that still grows, what ActionTrail delivers |
//! | [`verify`] | whether a log is the one that was written, with code of its own |
//!
//! Only `write` makes a [`Recorded`], and the upstream sends nothing else. Must not know: HTTP, how a caller is
//! recognised, the time, which callers of this module pass in.

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
