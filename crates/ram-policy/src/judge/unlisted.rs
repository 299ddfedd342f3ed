//! Operations of which only the name is known, and that go on unjudged because that was configured.

use std::sync::Arc;

use crate::judge::decision::Decision;
use crate::judge::evaluate::evaluate;
use crate::judge::layer::Layers;
use crate::judge::request::Request;
use crate::judge::verdict::{Grounds, Judged, Verdict};

/// Lets the request go on unasked, because that was configured. Whoever is under quarantine stays so.
pub fn allow_by_configuration(layers: &Arc<Layers>, request: &Request<'_>) -> Decision {
    if layers.quarantine().is_some() {
        return evaluate(layers, request);
    }
    let configured = Judged { verdict: Verdict::Allow, grounds: Grounds::Configured };
    Decision { judged: request.judged_resources().map(|_| configured).collect(), layers: Arc::clone(layers) }
}
