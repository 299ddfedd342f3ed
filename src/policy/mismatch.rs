//! Why a statement does not apply.

use super::condition::ConditionFault;

/// The first check that a statement fails. The order of the variants is the order of the checks: the greater, the
/// nearer the statement came to applying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mismatch {
    /// It is attached for the resources of a group that this one is not in.
    ResourceGroup,
    Action,
    Service,
    Region,
    Account,
    ResourceType,
    ResourceId,
    /// The condition with this index in [`Statement::conditions`](super::Statement::conditions).
    Condition {
        index: usize,
        fault: ConditionFault,
    },
}
