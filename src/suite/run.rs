//! Running cases: each gets exactly one outcome.

use std::sync::Arc;

use crate::pdp::{Asked, Directory, Pdp, Ruling, Standing};

use super::case::{Case, CaseFile, Expected};
use super::holders::{Holdings, Unfit, holdings};

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail {
        expected: String,
        got: String,
        /// The deciding statements, or the nearest miss, or what is wrong with a document.
        because: String,
    },
    /// The case itself makes no sense.
    Broken(String),
}

/// A case file that was run.
#[derive(Debug)]
pub struct Run<'a> {
    pub file: &'a CaseFile,
    /// One for each case, in their order.
    pub outcomes: Vec<Outcome>,
}

pub fn run(file: &CaseFile) -> Run<'_> {
    Run { file, outcomes: file.cases.iter().map(Case::run).collect() }
}

impl Run<'_> {
    /// Cases and their outcomes.
    pub fn iter(&self) -> impl Iterator<Item = (&Case, &Outcome)> {
        self.file.cases.iter().zip(&self.outcomes)
    }

    /// Cases that failed: a disputed one never does.
    pub fn failed(&self) -> usize {
        self.iter().filter(|(case, outcome)| matches!(outcome, Outcome::Fail { .. }) && !case.disputed).count()
    }

    /// Cases that make no sense.
    pub fn broken(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Broken(_))).count()
    }
}

impl Case {
    pub fn run(&self) -> Outcome {
        match self.decide() {
            Err(Unfit::Broken(why)) => Outcome::Broken(why),
            Err(Unfit::Rejected(complaints)) => {
                let because = complaints.first().map(|complaint| complaint.title.clone()).unwrap_or_default();
                self.compare(Expected::PolicyRejected, None, &because)
            }
            Ok(ruling) => {
                let decision = ruling.decision();
                let because = ruling.proof().summary().to_string();
                self.compare(Expected::of(decision.verdict()), decision.policy_type(), &because)
            }
        }
    }

    /// What the decision point says.
    ///
    /// # Errors
    /// Documents that do not load, or a case that makes no sense.
    pub fn decide(&self) -> Result<Ruling<Asked>, Unfit> {
        let principal = self.request.principal().map_err(Unfit::Broken)?;
        let Holdings { layers, session } = holdings(self, &principal)?;
        let standing = Standing { id: None, layers: Arc::new(layers) };
        let account = principal.account().clone();
        let pdp = Pdp::new(Arc::new(Directory::new([account], [(principal, standing)], String::new())));
        let mut question = self.request.question(|_| Vec::new()).map_err(Unfit::Broken)?;
        if let Some(session) = session {
            question = question.in_session(session);
        }
        Ok(pdp.decide(question))
    }

    fn compare(&self, got: Expected, layer: Option<&str>, because: &str) -> Outcome {
        let wanted = self.layer.as_deref().filter(|_| self.expect != Expected::PolicyRejected);
        if got == self.expect && wanted.is_none_or(|wanted| layer == Some(wanted)) {
            return Outcome::Pass;
        }
        let told = |verdict: Expected, layer: Option<&str>| match layer {
            Some(layer) => format!("{verdict} by {layer}"),
            None => verdict.to_string(),
        };
        Outcome::Fail {
            expected: told(self.expect, wanted),
            got: told(got, layer.filter(|_| wanted.is_some())),
            because: because.to_owned(),
        }
    }
}
