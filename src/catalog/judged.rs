//! The catalogue with what the vendor calls unavailable taken after all, and judged (design 5.3, `trunk = "judge"`).

use std::sync::Arc;

use super::load::Catalog;
use super::operation::Operation;
use super::parameter::State;

impl Catalog {
    /// The same with every unavailable parameter that names a resource available, and that resource one more to be
    /// allowed. The vendor gives it no ARN (`spec/ram-policy.md` 3.1): it is the ENI's own, and a literal in place of
    /// an id, `DenseModeTrunkEniId`, is the ENI of that name, which a policy has to cover like any other.
    #[must_use]
    pub fn judging_unavailable(&self) -> Self {
        let mut catalog = self.clone();
        for operation in catalog.operations.values_mut() {
            if operation.parameters.iter().any(|spec| spec.when_judged.is_some()) {
                judge_unavailable(Arc::make_mut(operation));
            }
        }
        catalog
    }
}

fn judge_unavailable(operation: &mut Operation) {
    for spec in &mut operation.parameters {
        if let Some(resource) = spec.when_judged.take() {
            spec.state = State::Available;
            operation.resources.push(resource);
        }
    }
}
