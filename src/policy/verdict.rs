//! What comes of a judgement.

use super::effect::Effect;

/// The greater verdict decides where resources disagree (`spec/ram-policy.md` 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Verdict {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
}

impl Verdict {
    /// What a set of policies says: any Deny that applies goes before any Allow; without either, an implicit deny
    /// (`spec/ram-policy.md` 6.1).
    pub(super) fn of_set(applies: impl Fn(Effect) -> bool) -> Self {
        if applies(Effect::Deny) {
            Self::ExplicitDeny
        } else if applies(Effect::Allow) {
            Self::Allow
        } else {
            Self::ImplicitDeny
        }
    }

    /// RAM's own word, as in `NoPermissionType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::ImplicitDeny => "ImplicitDeny",
            Self::ExplicitDeny => "ExplicitDeny",
        }
    }
}
