//! The effect of a statement, whether it applies, and if not, the check that it fails.

use crate::language::condition::ConditionMismatch;

/// The effect of a statement. A Deny that applies overrides every Allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub enum Effect {
    /// The statement allows the call.
    Allow,
    /// The statement denies the call.
    Deny,
}

impl Effect {
    /// The spelling in a policy: `Allow` or `Deny`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// Whether a statement applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Applies {
    No,
    /// It depends on something that is not known.
    Unknown,
    Yes,
}

impl Applies {
    /// The greatest of all. Stops at the first [`Applies::Yes`].
    pub(crate) fn strongest(all: impl Iterator<Item = Self>) -> Self {
        let mut found = Self::No;
        for applies in all {
            found = found.max(applies);
            if found == Self::Yes {
                break;
            }
        }
        found
    }
}

/// The first check that a statement fails.
///
/// The variants are in the order of the checks: the greater the mismatch, the closer the statement came to applying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mismatch {
    /// The policy is attached for a resource group that the resource is not in.
    ResourceGroup,
    /// The statement does not select the action.
    Action,
    /// No pattern of Resource matches the service of the resource. This and the next four name the field of the pattern
    /// that came closest to matching.
    Service,
    /// The service matches, the region does not.
    Region,
    /// Service and region match, the account does not.
    Account,
    /// Only the relative id does not match: the pattern names another resource type.
    ResourceType,
    /// Only the relative id does not match: the pattern names other resources of the type.
    ResourceId,
    /// A condition does not hold, or is not known to hold.
    Condition {
        /// The index of the condition in [`Statement::conditions`](crate::Statement::conditions).
        index: usize,
        /// Why the condition does not hold.
        reason: ConditionMismatch,
    },
    /// It is not known which resources the call names, and the statement is about some resources only.
    ResourceUnknown,
    /// The policy is attached for a resource group, and it is not known whether the resource is in it.
    ResourceGroupUnknown,
}

impl Mismatch {
    /// Whether the statement may apply nevertheless, because it depends on something that is not known.
    pub fn is_unknown(self) -> bool {
        matches!(
            self,
            Self::Condition { reason: ConditionMismatch::KeyUnknown, .. }
                | Self::ResourceUnknown
                | Self::ResourceGroupUnknown
        )
    }
}
