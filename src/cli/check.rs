//! `ramgate check`: loads policy directories and reports every error and warning.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::gateway::now;
use crate::lint::{Finding, IgnoreList, warnings_at_load};
use crate::store::{AttributeSource, LoadedPolicies, load_directories};
use ram_policy::Diagnostic;

use super::diagnostic;
use super::exit::{Exit, Failure};
use super::output::{OutputFormat, counted, print_json};

/// Loads policy directories and reports every error, without running anything
#[derive(Debug, Args)]
#[command(after_help = "Example: ramgate check policies")]
pub(super) struct Check {
    /// Policy directories, one account each
    #[arg(default_value = "policies")]
    directories: Vec<PathBuf>,
    /// Where the gateway will read tags and resource groups from
    #[arg(long, value_enum, default_value = "file")]
    resources: Resources,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Resources {
    /// From `resources.toml` of each directory
    File,
    /// From ECS, as with `[resources] source = "upstream"`
    Upstream,
}

impl Check {
    fn attributes(&self) -> AttributeSource {
        match self.resources {
            Resources::File => AttributeSource::File,
            Resources::Upstream => AttributeSource::Upstream,
        }
    }

    pub(super) fn run(self) -> Result<Exit, Failure> {
        let loaded = load_directories(&self.directories, self.attributes(), now());
        let loaded = loaded.and_then(|mut loaded| {
            let warnings = lint_warnings(&loaded)?;
            loaded.warnings.extend(warnings);
            Ok(loaded)
        });
        match (self.format, loaded) {
            (OutputFormat::Json, Ok(loaded)) => {
                let diagnostics: Vec<_> = loaded.warnings.iter().map(describe).collect();
                print_json(json!({
                    "ok": true,
                    "documents": loaded.documents.len(),
                    "statements": loaded.statements(),
                    "principals": loaded.directory.len(),
                    "revision": loaded.directory.revision(),
                    "complaints": diagnostics,
                }));
                Ok(Exit::Yes)
            }
            (OutputFormat::Json, Err(diagnostics)) => {
                print_json(json!({ "ok": false, "complaints": diagnostics.iter().map(describe).collect::<Vec<_>>() }));
                Ok(Exit::CouldNotRun)
            }
            (OutputFormat::Text, Ok(loaded)) => {
                summarize(&loaded);
                Ok(Exit::Yes)
            }
            (OutputFormat::Text, Err(diagnostics)) => Err(diagnostics.into()),
        }
    }
}

/// The findings that RAM's documentation wants reported when a policy is loaded, except those in the ignore lists.
fn lint_warnings(loaded: &LoadedPolicies) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let mut warnings = Vec::new();
    for account in &loaded.accounts {
        let ignores = account.lint.as_ref().map(IgnoreList::read).transpose()?;
        let documents = &loaded.documents[account.documents.clone()];
        let mut findings: Vec<_> =
            documents.iter().flat_map(|loaded| warnings_at_load(&loaded.document, &loaded.source)).collect();
        if let Some(ignores) = ignores {
            // Unused entries are not reported: they may match findings that only `ramgate lint` makes.
            ignores.apply(&mut findings);
        }
        warnings.extend(findings.iter().filter(|it| it.ignored.is_none()).map(Finding::diagnostic));
    }
    Ok(warnings)
}

fn summarize(loaded: &LoadedPolicies) {
    diagnostic::print(&loaded.warnings);
    let principals = counted(loaded.directory.len() as u64, "principal");
    say!(
        "ok: {} with {}, {principals}, {}",
        counted(loaded.documents.len() as u64, "document"),
        counted(loaded.statements() as u64, "statement"),
        counted(loaded.warnings.len() as u64, "warning"),
    );
    say!("revision {}", loaded.directory.revision());
}

fn describe(diagnostic: &Diagnostic) -> Value {
    let position = diagnostic.position();
    json!({
        "severity": diagnostic.severity.as_str(),
        "file": diagnostic.source.name(),
        "line": position.map(|position| position.line),
        "column": position.map(|position| position.column),
        "title": diagnostic.title,
        "help": diagnostic.help,
    })
}
