//! The catalogue: what the gateway knows about the vendor's operations, and the answers it may give.

use std::collections::BTreeMap;
use std::sync::Arc;

use ram_policy::Action;

use super::answer::{Answer, Answers, DenialCodeError, FilledRow};
use super::condition_key::ConditionKeys;
use super::operation::{ATTACH_NETWORK_INTERFACE, Operation};
use super::parameter::State;
use super::parameter_names::InnerNames;

/// Every operation that has a file, and the answers that do not depend on an operation.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(super) operations: BTreeMap<String, Arc<Operation>>,
    pub(super) protocol_parameters: Vec<String>,
    pub(super) owners: Vec<String>,
    pub(super) claims: Vec<String>,
    pub(super) inner: InnerNames,
    pub(super) never_in_a_denial: Vec<String>,
    pub(super) denials: Vec<FilledRow>,
    /// Parameters left out of the rebuilt calls of all operations.
    pub(super) ignored: Vec<String>,
    pub(super) answers: Arc<Answers>,
    pub(super) keys: ConditionKeys,
}

impl Catalog {
    /// The operation with this exact name, if it has a file.
    pub fn operation(&self, name: &str) -> Option<&Arc<Operation>> {
        self.operations.get(name)
    }

    /// All operations with a file, sorted by name.
    pub fn operations(&self) -> impl Iterator<Item = &Arc<Operation>> {
        self.operations.values()
    }

    /// The action of every operation, `ecs:AttachNetworkInterface` first.
    pub fn actions(&self) -> Vec<Action> {
        let mut actions: Vec<Action> = self.operations().map(|operation| operation.action().clone()).collect();
        actions.sort_by_key(|action| action.name() != ATTACH_NETWORK_INTERFACE);
        actions
    }

    /// The answers to calls of operations without a file.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Whether a name is a parameter of the protocol rather than of an operation.
    pub fn is_protocol_parameter(&self, name: &str) -> bool {
        self.protocol_parameters.iter().any(|known| known == name)
    }

    /// Whether real clients send this parameter with any operation, without effect.
    pub fn is_ignored(&self, name: &str) -> bool {
        self.ignored.iter().any(|known| known == name)
    }

    /// Whether a text may appear in a denial: clients search denials for certain words and act on them.
    pub fn is_safe_in_a_denial(&self, text: &str) -> bool {
        !self.never_in_a_denial.iter().any(|word| text.contains(word.as_str()))
    }

    /// The answer for a denial by policy under a configured code.
    ///
    /// # Errors
    /// A code that a denial may not carry.
    pub fn denial(&self, code: &str) -> Result<Answer, DenialCodeError> {
        self.denials.iter().find(|filled| filled.row.code == code).map(|filled| filled.answer("")).ok_or_else(|| {
            let known = self.denials.iter().map(|filled| format!("`{}`", filled.row.code)).collect();
            DenialCodeError { code: code.to_owned(), known }
        })
    }

    /// A copy in which the unavailable parameters that name a resource are available, and that resource must be allowed
    /// as well (the setting `trunk = "judge"`). The vendor does not document its ARN (`docs/spec/ram-policy.md` 3.1),
    /// so the ARN of an ENI is used. The literal `DenseModeTrunkEniId` counts as an ENI of that name, which a policy
    /// must cover like any other.
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
