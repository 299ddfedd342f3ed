//! Judges a case of a case file, with a decision point that knows only its principal.

use std::sync::Arc;

use crate::pdp::{ActionRequest, Authorization, Directory, Pdp, PrincipalEntry, Question};
use ram_policy::PolicySet;

use super::case::{Case, CaseRequest, Expected};
use super::case_layers::{CaseError, CaseLayers, case_layers};
use super::run::reason;
use super::test_result::Outcome;

/// A decision point that knows only the principal of one case.
#[derive(Clone, Debug)]
pub struct CasePdp {
    pdp: Pdp,
    session: Option<Arc<PolicySet>>,
}

impl CasePdp {
    /// Decides a request of the case's principal.
    ///
    /// # Errors
    /// The request is invalid.
    pub fn decide(&self, request: &CaseRequest) -> Result<Authorization<ActionRequest>, CaseError> {
        Ok(self.put(request.question(|_| Vec::new()).map_err(CaseError::Broken)?))
    }

    /// Decides a question of the case's principal.
    pub fn put(&self, question: Question<ActionRequest>) -> Authorization<ActionRequest> {
        self.pdp.decide(self.in_session(question))
    }

    /// Whether the decision depends on attributes of the resources: see [`Pdp::depends_on_attributes`].
    pub fn depends_on_attributes(&self, question: &Question<ActionRequest>) -> bool {
        self.pdp.depends_on_attributes(&self.in_session(question.clone()))
    }

    fn in_session(&self, question: Question<ActionRequest>) -> Question<ActionRequest> {
        match &self.session {
            Some(session) => question.in_session(Arc::clone(session)),
            None => question,
        }
    }
}

impl Case {
    pub fn run(&self) -> Outcome {
        match self.decide() {
            Err(CaseError::Broken(why)) => Outcome::Broken(why),
            Err(CaseError::Rejected(diagnostics)) => {
                let because =
                    diagnostics.first().map(|diagnostic| format!("for: {}", diagnostic.title)).unwrap_or_default();
                self.compare(Expected::PolicyRejected, None, &because)
            }
            Ok(authorization) => {
                let decision = authorization.decision();
                let because = reason(&authorization.proof());
                self.compare(Expected::of(decision.verdict()), decision.policy_type(), &because)
            }
        }
    }

    /// Decides the request of the case.
    ///
    /// # Errors
    /// Documents that do not load, or an invalid case.
    pub fn decide(&self) -> Result<Authorization<ActionRequest>, CaseError> {
        self.pdp()?.decide(&self.request)
    }

    /// The decision point of the case: its principal, with the policies attached to it.
    ///
    /// # Errors
    /// Documents that do not load, or an invalid case.
    pub fn pdp(&self) -> Result<CasePdp, CaseError> {
        let principal = self.request.principal().map_err(CaseError::Broken)?;
        let CaseLayers { layers, session } = case_layers(self, &principal)?;
        let entry = PrincipalEntry { id: None, layers: Arc::new(layers), assumable: None };
        let account = principal.account().clone();
        let directory = Directory::new([account], [(principal, entry)], String::new());
        Ok(CasePdp { pdp: Pdp::new(Arc::new(directory)), session })
    }

    fn compare(&self, got: Expected, layer: Option<&str>, because: &str) -> Outcome {
        let wanted = self.layer.as_deref().filter(|_| self.expect != Expected::PolicyRejected);
        if got == self.expect && wanted.is_none_or(|wanted| layer == Some(wanted)) {
            return Outcome::Pass;
        }
        let described = |verdict: Expected, layer: Option<&str>| match layer {
            Some(layer) => format!("{verdict} by {layer}"),
            None => verdict.to_string(),
        };
        Outcome::Fail {
            expected: described(self.expect, wanted),
            got: described(got, layer.filter(|_| wanted.is_some())),
            because: because.to_owned(),
        }
    }
}
