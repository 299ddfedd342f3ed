//! Why a statement does not apply, or is not known to apply.

use crate::language::condition::ConditionMismatch;

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
    /// The condition with this index in [`Statement::conditions`](crate::Statement::conditions).
    Condition {
        index: usize,
        reason: ConditionMismatch,
    },
    /// Which resources the call names is not known, and the statement is about some resources only.
    ResourceUnknown,
    /// It is attached for the resources of a group, and whether this one is in it is not known.
    ResourceGroupUnknown,
}

impl Mismatch {
    /// Whether the statement may apply all the same: what it turns on is not known.
    pub fn is_unknown(self) -> bool {
        matches!(
            self,
            Self::Condition { reason: ConditionMismatch::KeyUnknown, .. }
                | Self::ResourceUnknown
                | Self::ResourceGroupUnknown
        )
    }
}
