//! `ramgate key`: the gateway's own keys, and keys that it issues.

mod checkpoint;
mod issuer;
mod obtain;
mod terway;
mod token_file;

use clap::Subcommand;

use super::exit::{Exit, Failure};

/// Makes issuer and checkpoint keys, and files with keys that the gateway issues
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example: ramgate key issuer --out issuer.key")]
pub(super) enum Key {
    Issuer(issuer::IssuerKey),
    Checkpoint(checkpoint::CheckpointKeyFile),
    TokenFile(Box<token_file::TokenFile>),
}

impl Key {
    /// Whether it runs until it is stopped.
    pub(super) fn is_kept_up(&self) -> bool {
        matches!(self, Self::TokenFile(file) if file.is_kept_up())
    }

    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Issuer(issuer) => issuer.run(),
            Self::Checkpoint(file) => file.run(),
            Self::TokenFile(file) => file.run(),
        }
    }
}
