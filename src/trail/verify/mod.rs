//! Whether a log is the one that was written: every line where it stood, none changed, none missing.
//!
//! A line names the digest of the one before it, so a change shows at the next line; a checkpoint, signed and kept
//! elsewhere, vouches for all lines up to it. What no later line and no checkpoint names cannot be vouched for, and the
//! result says how far that is.

mod chain;
mod checkpoint;
mod finding;
mod line;
mod run;
mod segment;
mod signed;

pub use checkpoint::{Checkpoint, CheckpointKey, read_checkpoint};
pub use finding::{Break, ChainResult, SignatureCheck, Verified, Vouched};
pub use run::{Order, Verification, verify};
