//! Writing the log: the journal and what it knows of an attempt, the lines it makes, and the sinks that take them.
//!
//! Only this module makes a [`Recorded`], and the upstream sends nothing else. `file` is the one place below the edges
//! of the program that touches files; secondary sinks (`stdout`, the spool) get the lines that a file has. Must not
//! know: HTTP, how a caller is recognised, and the time, which callers of this module pass in.

mod attempt;
mod chain;
mod checkpoint_key;
mod counted;
mod counters;
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
