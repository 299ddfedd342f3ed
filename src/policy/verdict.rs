//! What comes of a judgement.

use super::effect::Effect;

/// The greater verdict decides where resources disagree (`spec/ram-policy.md` 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Verdict {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
}

/// Whether a statement applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Applies {
    No,
    /// It turns on something that is not known.
    Unknown,
    Yes,
}

impl Applies {
    /// The greatest, without a look at what comes after one that applies.
    pub(super) fn strongest(all: impl Iterator<Item = Self>) -> Self {
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

/// What the policies of a layer say. The greater goes before the smaller where all of several must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Said {
    Allow,
    /// There is an Allow, and a Deny of which it is not known whether it applies.
    AllowOrDeny,
    Nothing,
    /// There is no Allow, and a Deny of which it is not known whether it applies.
    NothingOrDeny,
    Deny,
}

impl Said {
    /// Any Deny that applies goes before any Allow (`spec/ram-policy.md` 6.1). An Allow of which it is not known whether
    /// it applies does not.
    pub(super) fn of_set(applies: impl Fn(Effect) -> Applies) -> Self {
        let deny = applies(Effect::Deny);
        if deny == Applies::Yes {
            return Self::Deny;
        }
        match (deny == Applies::Unknown, applies(Effect::Allow) == Applies::Yes) {
            (false, true) => Self::Allow,
            (true, true) => Self::AllowOrDeny,
            (false, false) => Self::Nothing,
            (true, false) => Self::NothingOrDeny,
        }
    }

    /// Whether a Deny may apply, and whether it does is not known.
    pub(super) fn may_deny(self) -> bool {
        matches!(self, Self::AllowOrDeny | Self::NothingOrDeny)
    }

    pub(super) fn allows(self) -> bool {
        matches!(self, Self::Allow | Self::AllowOrDeny)
    }

    /// By itself: what cannot be ruled out refuses.
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Allow => Verdict::Allow,
            Self::AllowOrDeny | Self::Nothing | Self::NothingOrDeny => Verdict::ImplicitDeny,
            Self::Deny => Verdict::ExplicitDeny,
        }
    }
}

impl Verdict {
    /// RAM's own word, as in `NoPermissionType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::ImplicitDeny => "ImplicitDeny",
            Self::ExplicitDeny => "ExplicitDeny",
        }
    }
}
