//! `ramgate lint`: finds policies that load but are probably not what their author meant.

use std::path::PathBuf;

use clap::Args;

use crate::envelope::json_lines;
use crate::gateway::now;
use crate::lint::{
    AccountInput, AccountText, Finding, IgnoreList, github, json, lint_account, rules_json, rules_text, sarif, summary,
};
use crate::store::{AttributeSource, LoadedPolicies, load_directories};
use ram_policy::{Diagnostic, Severity};

use super::diagnostic;
use super::exit::{Exit, Failure};
use super::output::print_json;

/// Finds policies that load but are probably not what their author meant
#[derive(Debug, Args)]
#[command(after_help = "\
Accepted findings are listed in `lint.toml` of the directory, each with its reason:

  [[ignore]]
  rule = \"leaks-enis\"
  principal = \"user/alice\"        # and policy = \"NAME\", statement = 0 or \"Sid\"
  reason = \"the node controller deletes what she detaches\"

Exit status: 0 nothing found, 1 findings of the `--fail-on` severity or above, 2 could not run.

Example: ramgate lint policies --format github")]
pub(super) struct Lint {
    /// Policy directories, one account each
    #[arg(default_value = "policies")]
    directories: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The lowest severity that counts as a failure
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "warning")]
    fail_on: FailOn,
    /// List the rules (as text or JSON) and stop
    #[arg(long, visible_alias = "list-rules")]
    rules: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    Error,
    Warning,
}

impl Lint {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if self.rules {
            match self.format {
                Format::Text => say!("{}", rules_text()),
                Format::Json => print_json(rules_json()),
                Format::Sarif | Format::Github => {
                    let what = "the rules can be listed only as text or JSON";
                    return Err(Failure::new(what, "use `--format json`, or omit `--format`"));
                }
            }
            return Ok(Exit::Yes);
        }
        // Findings do not depend on the attributes of resources.
        let loaded = load_directories(&self.directories, AttributeSource::Question, now())?;
        if loaded.documents.is_empty() {
            let what = "the directories contain no policy";
            return Err(Failure::new(what, "name a directory that contains policy documents"));
        }
        let findings = findings(&loaded)?;
        match self.format {
            Format::Text => {
                diagnostic::print_findings(findings.iter().filter(|finding| finding.ignored.is_none()));
                say!("{}", summary(&findings, loaded.documents.len()));
            }
            Format::Json => print_json(json(&findings)),
            Format::Sarif => say!("{}", json_lines(&sarif(&findings))),
            Format::Github => {
                let lines = github(&findings);
                if !lines.is_empty() {
                    say!("{lines}");
                }
            }
        }
        let threshold = match self.fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
        };
        let fails = findings.iter().any(|finding| finding.reaches(threshold));
        Ok(if fails { Exit::No } else { Exit::Yes })
    }
}

/// The findings of all accounts. Each account has its own ignore list.
fn findings(loaded: &LoadedPolicies) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    for account in &loaded.accounts {
        let ignores = account.lint.as_ref().map(IgnoreList::read).transpose()?;
        let documents = loaded.documents[account.documents.clone()].iter();
        findings.extend(lint_account(&AccountInput {
            directory: &loaded.directory,
            account: AccountText { id: &account.id, files: &account.files, ignores: ignores.as_ref() },
            documents: documents.map(|loaded| (&*loaded.document, &loaded.source)).collect(),
        }));
    }
    Ok(findings)
}
