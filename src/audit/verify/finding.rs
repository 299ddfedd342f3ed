//! The result of a verification.

use super::super::read::Place;

/// A place where the log is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The line that is wrong; if that cannot be determined, the line at which the break shows.
    pub place: Place,
    /// The chain that the line belongs to, if it names one.
    pub chain: Option<String>,
    pub what: String,
    pub expected: Option<String>,
    pub found: Option<String>,
}

/// The result: what was read, and the breaks in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// In the order of the files and their lines: the first bad line comes first.
    pub breaks: Vec<Break>,
    /// In the order in which their first lines were read.
    pub chains: Vec<ChainResult>,
    pub lines: u64,
    /// The number of bytes, after decompression.
    pub bytes: u64,
    pub checkpoints: u64,
    /// Whether verification stopped because of too many breaks.
    pub stopped: bool,
}

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainResult {
    /// The name of the chain; empty if the lines do not name it.
    pub chain: String,
    pub replica: String,
    /// The numbers of the first and the last line.
    pub first: u64,
    pub last: u64,
    /// The digest of the last line, which the next line or a checkpoint would name.
    pub last_hash: String,
    /// The lines that the last checkpoint vouches for.
    pub vouched: Option<Vouched>,
}

/// How far a chain's last checkpoint reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The number of the last line that it vouches for.
    pub last: u64,
    pub at: String,
    pub key_id: String,
    /// Whether the signature was verified. That requires a key.
    pub signature: SignatureCheck,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureCheck {
    Verified,
    NotChecked,
}

impl Verified {
    /// Whether the log is as it was written.
    pub fn holds(&self) -> bool {
        self.breaks.is_empty()
    }
}
