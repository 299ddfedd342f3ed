//! `ramgate key`: makes keys for the gateway, and gets keys from it.

mod checkpoint;
mod issuer;
mod obtain;
mod terway;
mod token_file;

use clap::Subcommand;

use super::exit::{Exit, Failure};

/// Makes issuer and checkpoint keys, and gets temporary keys from a gateway
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example: ramgate key issuer --out issuer.key")]
pub(super) enum Key {
    Issuer(issuer::IssuerKey),
    Checkpoint(checkpoint::CheckpointKeyFile),
    TokenFile(Box<token_file::TokenFile>),
}

impl Key {
    /// Whether the command runs until it is stopped.
    pub(super) fn runs_until_stopped(&self) -> bool {
        matches!(self, Self::TokenFile(file) if file.runs_until_stopped())
    }

    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Issuer(issuer) => issuer.run(),
            Self::Checkpoint(file) => file.run(),
            Self::TokenFile(file) => file.run(),
        }
    }
}
