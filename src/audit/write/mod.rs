//! Writing the log: the journal, the facts about an attempt, the lines made of them, and the sinks that take the lines.
//!
//! Only this module makes a [`Recorded`], and the upstream sends nothing else. Below the edges of the program, only
//! `file` touches files. Secondary sinks (`stdout`, the spool) get the lines that are in the file. Must not know: HTTP,
//! how a caller is authenticated, the time (callers of this module pass it in).

mod attempt;
mod chain;
mod checkpoint_key;
mod counted;
mod decision;
mod draft;
mod file;
mod granted;
mod journal;
mod length;
mod notice;
mod sink;
mod stdout;
mod tag_key;
mod user_identity;

pub use attempt::{Attempt, Reached};
pub use chain::{Chain, Link};
pub use checkpoint_key::{
    CheckpointKey, CheckpointKeyError, CheckpointPublicKey, CheckpointPublicKeyError, NewCheckpointKey,
};
pub use draft::{Answered, Forwarded, JournalIdentity};
pub use file::{
    AllowedAfter, Batch, CheckpointSettings, Clocks, FileAccess, FileSettings, FileSink, LogPast, Loss, OpenError,
    Packing, Rotation, Spool, SyncMode, check_owner, chown, open_existing, private_file, sync_folder,
};
pub use granted::Granted;
pub use journal::{Journal, Recorded};
pub use sink::{
    Appended, LineClass, LogStatus, MemorySink, Requirement, SecondarySink, SecondaryStatus, Shortage, Sink, SinkError,
    Stamping, SyncTicket, WriteAhead,
};
pub use stdout::StdoutSink;
pub use tag_key::TagKey;
