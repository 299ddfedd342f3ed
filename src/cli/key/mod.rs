//! `ramgate key`: the gateway's own keys, and keys that it issues.

mod issuer;
mod obtain;
mod terway;
mod token_file;

use clap::Subcommand;

use super::exit::{Exit, Failure};

/// Issuer keys, and files with keys that the gateway issues
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example: ramgate key issuer --out issuer.key")]
pub(super) enum Key {
    Issuer(issuer::IssuerKey),
    TokenFile(Box<token_file::TokenFile>),
}

impl Key {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Issuer(issuer) => issuer.run(),
            Self::TokenFile(file) => file.run(),
        }
    }
}
