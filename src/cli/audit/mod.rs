//! `ramgate audit`: questions to the log.

mod verify;

use clap::Subcommand;

use super::exit::{Exit, Failure};

/// Verifies the audit log, and answers questions from it
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    Verify(verify::Verify),
}

impl Audit {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Verify(verify) => verify.run(),
        }
    }
}
