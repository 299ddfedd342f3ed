//! Operations of which only the name is known, and that go on unjudged because that was configured.

use std::sync::Arc;

use super::decision::{Decision, Grounds, Judged};
use super::evaluate::evaluate;
use super::layer::Layers;
use super::request::Request;
use super::verdict::Verdict;

/// Lets the request go on unasked, because that was configured. Whoever is under quarantine stays so.
pub fn forward_unlisted(layers: &Arc<Layers>, request: &Request<'_>) -> Decision {
    if layers.quarantine().is_some() {
        return evaluate(layers, request);
    }
    let configured = Judged { verdict: Verdict::Allow, grounds: Grounds::Configured };
    Decision { judged: request.resources.iter().map(|_| configured).collect(), layers: Arc::clone(layers) }
}
