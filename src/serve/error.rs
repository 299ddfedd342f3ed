//! Why a gateway does not start, with a remedy.

use std::fmt;
use std::path::Path;

use crate::config::naming;
use ram_policy::{Diagnostic, Source};

/// Why a gateway does not start. Nothing is left running, and no new log is begun.
#[derive(Clone, Debug)]
pub enum StartError {
    /// Diagnostics about configuration, policy and key files.
    Diagnostics(Vec<Diagnostic>),
    /// Everything else.
    Other {
        /// The problem.
        what: String,
        /// The remedy.
        help: String,
    },
}

impl StartError {
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Other { what: what.into(), help: help.into() }
    }

    /// If the error is about a whole file that the configuration names, adds the setting and its line to the help.
    /// Relative paths in the configuration start from `folder`. Other errors are not changed.
    #[must_use]
    pub fn with_setting(self, configuration: &Source, folder: &Path) -> Self {
        match self {
            Self::Diagnostics(mut diagnostics) => {
                for diagnostic in diagnostics.iter_mut().filter(|it| it.span.is_none() && it.is_error()) {
                    if let Some(setting) = setting(configuration, folder, diagnostic.source.name()) {
                        diagnostic.help = format!("{}; {setting}", diagnostic.help);
                    }
                }
                Self::Diagnostics(diagnostics)
            }
            Self::Other { what, mut help } => {
                // Messages quote files in back-ticks.
                let found = what.split('`').skip(1).step_by(2).find_map(|file| setting(configuration, folder, file));
                if let Some(setting) = found {
                    help = format!("{help}; {setting}");
                }
                Self::Other { what, help }
            }
        }
    }
}

fn setting(configuration: &Source, folder: &Path, file: &str) -> Option<String> {
    let named = naming(configuration, folder, Path::new(file)).filter(|_| !file.contains("://"))?;
    Some(format!("the setting is `{}` ({}:{})", named.key, configuration.name(), named.line))
}

impl From<Vec<Diagnostic>> for StartError {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Diagnostics(diagnostics)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Diagnostics(diagnostics) => {
                let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
                for (at, Diagnostic { source, title, help, .. }) in errors.enumerate() {
                    let separator = if at == 0 { "" } else { "\n" };
                    write!(f, "{separator}{}: {title} ({help})", source.name())?;
                }
                Ok(())
            }
            Self::Other { what, help } => write!(f, "{what} ({help})"),
        }
    }
}

impl std::error::Error for StartError {}
