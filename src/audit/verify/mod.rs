//! Verification: whether a log is as it was written, with every line in its place, none changed and none missing.
//!
//! A line names the digest of the line before it, so a change shows at the next line. A checkpoint, signed and kept
//! elsewhere, vouches for all lines up to its own. The result states how far the checkpoints reach, because
//! later lines could be rewritten, chain and all.
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
