//! `ramgate eval`: judges one request in the same way as the gateway.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::gateway::now;
use crate::pdp::Pdp;
use crate::store::load_directories;
use ram_policy::Verdict;

use super::exit::{Exit, Failure};
use super::output::{OutputFormat, print_json};
use super::question::{QuestionArgs, warn_of_stated};

/// Judges one AttachNetworkInterface call by a policy directory, and explains the verdict
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate eval --policies policies --principal role/terway --region cn-hangzhou \\
           --eni eni-bp1demopod0000000001 --instance i-bp1demoworker00000001 --explain")]
pub(super) struct Eval {
    /// A policy directory; repeat the flag for more accounts
    #[arg(long, value_name = "DIR", required = true)]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    question: QuestionArgs,
    /// Show every statement and why it did or did not apply
    #[arg(long)]
    explain: bool,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
    /// Exit with 0 if this is the verdict, and with 1 if it is another
    #[arg(long, value_enum, value_name = "VERDICT")]
    expect: Option<Expected>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Expected {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
    /// Either kind of deny
    Deny,
}

impl Eval {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let unresolved = self.question.read()?;
        let loaded = load_directories(&self.policies, unresolved.attribute_source(), now())?;
        let pdp = Pdp::new(Arc::new(loaded.directory));
        let question = unresolved.question(pdp.directory(), &loaded.inventory)?;
        warn_of_stated(&question);
        let authorization = pdp.decide(question);
        let proof = authorization.proof();
        match self.format {
            OutputFormat::Json => print_json(proof.report()),
            OutputFormat::Text if self.explain => say!("{}", proof.details()),
            OutputFormat::Text => say!("{}", proof.summary()),
        }
        let verdict = proof.verdict();
        let yes = self.expect.map_or(verdict == Verdict::Allow, |expected| expected.is(verdict));
        Ok(if yes { Exit::Yes } else { Exit::No })
    }
}

impl Expected {
    fn is(self, verdict: Verdict) -> bool {
        match self {
            Self::Allow => verdict == Verdict::Allow,
            Self::ImplicitDeny => verdict == Verdict::ImplicitDeny,
            Self::ExplicitDeny => verdict == Verdict::ExplicitDeny,
            Self::Deny => verdict != Verdict::Allow,
        }
    }
}
