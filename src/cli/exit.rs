//! The exit status, the same for every subcommand.

use std::process::ExitCode;

use crate::serve::StartError;
use ram_policy::Diagnostic;

use super::diagnostic;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Status 0: allowed, passed, no finding, no difference.
    Yes,
    /// Status 1: denied, refused, a finding, a difference.
    No,
    /// Status 2: wrong usage, unreadable or invalid input.
    CouldNotRun,
    /// The status of the command that `ramgate run` ran.
    Of(u8),
}

/// Why a command could not run.
#[derive(Debug)]
pub(super) enum Failure {
    Diagnostics(Vec<Diagnostic>),
    /// What went wrong, and how to fix it.
    Other {
        what: String,
        help: String,
    },
}

impl Failure {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Other { what: what.into(), help: help.into() }
    }

    /// Prints the failure to standard error. Returns the exit status for it.
    pub(super) fn print(&self) -> Exit {
        match self {
            Self::Diagnostics(diagnostics) => diagnostic::print(diagnostics),
            Self::Other { what, help } => tell!("error: {what}\n  help: {help}"),
        }
        Exit::CouldNotRun
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Diagnostics(diagnostics)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Diagnostics(diagnostics) => Self::Diagnostics(diagnostics),
            StartError::Other { what, help } => Self::Other { what, help },
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Yes => Self::from(0),
            Exit::No => Self::from(1),
            Exit::CouldNotRun => Self::from(2),
            Exit::Of(status) => Self::from(status),
        }
    }
}
