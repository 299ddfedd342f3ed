//! A case of a case file, judged: a decision point that knows its principal alone.

use std::sync::Arc;

use crate::pdp::{Asked, Directory, Pdp, Question, Ruling, Standing};
use crate::policy::PolicySet;

use super::case::{Case, CaseRequest, Expected};
use super::holders::{Holdings, Unfit, holdings};
use super::run::reason;
use super::tested::Outcome;

/// A decision point that knows the principal of one case.
#[derive(Clone, Debug)]
pub struct Stage {
    pdp: Pdp,
    session: Option<Arc<PolicySet>>,
}

impl Stage {
    /// Asks it something, as the principal that it knows.
    ///
    /// # Errors
    /// A request that makes no sense.
    pub fn decide(&self, request: &CaseRequest) -> Result<Ruling<Asked>, Unfit> {
        Ok(self.put(request.question(|_| Vec::new()).map_err(Unfit::Broken)?))
    }

    /// The same with a question of the principal that it knows.
    pub fn put(&self, question: Question<Asked>) -> Ruling<Asked> {
        self.pdp.decide(self.in_session(question))
    }

    /// Whether facts about the resources would be worth a look-up: see [`Pdp::turns_on_facts`].
    pub fn turns_on_facts(&self, question: &Question<Asked>) -> bool {
        self.pdp.turns_on_facts(&self.in_session(question.clone()))
    }

    fn in_session(&self, question: Question<Asked>) -> Question<Asked> {
        match &self.session {
            Some(session) => question.in_session(Arc::clone(session)),
            None => question,
        }
    }
}

impl Case {
    pub fn run(&self) -> Outcome {
        match self.decide() {
            Err(Unfit::Broken(why)) => Outcome::Broken(why),
            Err(Unfit::Rejected(complaints)) => {
                let because =
                    complaints.first().map(|complaint| format!("for: {}", complaint.title)).unwrap_or_default();
                self.compare(Expected::PolicyRejected, None, &because)
            }
            Ok(ruling) => {
                let decision = ruling.decision();
                let because = reason(&ruling.proof());
                self.compare(Expected::of(decision.verdict()), decision.policy_type(), &because)
            }
        }
    }

    /// What the decision point says.
    ///
    /// # Errors
    /// Documents that do not load, or a case that makes no sense.
    pub fn decide(&self) -> Result<Ruling<Asked>, Unfit> {
        self.stage()?.decide(&self.request)
    }

    /// The decision point of the case: its principal and what is attached to it.
    ///
    /// # Errors
    /// Documents that do not load, or a case that makes no sense.
    pub fn stage(&self) -> Result<Stage, Unfit> {
        let principal = self.request.principal().map_err(Unfit::Broken)?;
        let Holdings { layers, session } = holdings(self, &principal)?;
        let standing = Standing { id: None, layers: Arc::new(layers), assumable: None };
        let account = principal.account().clone();
        let directory = Directory::new([account], [(principal, standing)], String::new());
        Ok(Stage { pdp: Pdp::new(Arc::new(directory)), session })
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
