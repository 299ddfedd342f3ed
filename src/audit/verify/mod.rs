//! Verification: whether a log is the one that was written, with every line in its place, none changed and none missing.
//!
//! A line names the digest of the line before it, so a change shows at the next line. A checkpoint, signed and kept
//! elsewhere, vouches for all lines up to its own. Lines that no later line and no checkpoint names cannot be vouched
//! for, and the result says how far that is.
//!
//! The chain and the checkpoints are described here a second time on purpose: a verifier must not trust the writer's
//! code. Must not use: anything of `audit::write`.

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
