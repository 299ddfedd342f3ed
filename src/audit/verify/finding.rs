//! The result of a verification.

use super::super::read::Place;

/// A place where the log is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The line that is wrong, as far as that can be determined.
    pub place: Place,
    /// The chain that the line belongs to, if it says so.
    pub chain: Option<String>,
    pub what: String,
    pub expected: Option<String>,
    pub found: Option<String>,
}

/// What was read, and whether it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// In the order of the files and their lines: the first bad line comes first.
    pub breaks: Vec<Break>,
    /// In the order in which their first lines were read.
    pub chains: Vec<ChainResult>,
    pub lines: u64,
    /// After decompression.
    pub bytes: u64,
    pub checkpoints: u64,
    /// Whether verification stopped because of too many breaks.
    pub stopped: bool,
}

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainResult {
    /// Empty if the lines do not say.
    pub chain: String,
    pub replica: String,
    /// The numbers of the first and the last line.
    pub first: u64,
    pub last: u64,
    /// Of the last line: what the next one, or a checkpoint, would name.
    pub last_hash: String,
    /// What the last checkpoint vouches for.
    pub vouched: Option<Vouched>,
}

/// How far a chain's last checkpoint reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The last line it vouches for.
    pub last: u64,
    pub at: String,
    pub key_id: String,
    /// Whether the signature was verified, which needs a key.
    pub signature: SignatureCheck,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureCheck {
    Verified,
    NotChecked,
}

impl Verified {
    /// Whether everything is as it was written.
    pub fn holds(&self) -> bool {
        self.breaks.is_empty()
    }
}
