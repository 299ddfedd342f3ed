//! What comes of a judgement.

use crate::language::effect::{Applies, Effect};

/// The greater verdict decides where resources disagree (`docs/spec/ram-policy.md` 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Verdict {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
}

/// What the policies of a layer say. The greater goes before the smaller where all of several must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LayerOutcome {
    Allow,
    /// There is an Allow, and a Deny of which it is not known whether it applies.
    AllowWithPossibleDeny,
    NoAllow,
    /// There is no Allow, and a Deny of which it is not known whether it applies.
    NoAllowWithPossibleDeny,
    Deny,
}

impl LayerOutcome {
    /// Any Deny that applies goes before any Allow (`docs/spec/ram-policy.md` 6.1). An Allow of which it is not known
    /// whether it applies does not.
    pub(crate) fn of_set(applies: impl Fn(Effect) -> Applies) -> Self {
        let deny = applies(Effect::Deny);
        if deny == Applies::Yes {
            return Self::Deny;
        }
        match (deny == Applies::Unknown, applies(Effect::Allow) == Applies::Yes) {
            (false, true) => Self::Allow,
            (true, true) => Self::AllowWithPossibleDeny,
            (false, false) => Self::NoAllow,
            (true, false) => Self::NoAllowWithPossibleDeny,
        }
    }

    /// Whether a Deny may apply, and whether it does is not known.
    pub(crate) fn may_deny(self) -> bool {
        matches!(self, Self::AllowWithPossibleDeny | Self::NoAllowWithPossibleDeny)
    }

    pub(crate) fn allows(self) -> bool {
        matches!(self, Self::Allow | Self::AllowWithPossibleDeny)
    }

    /// By itself: what cannot be ruled out refuses.
    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Allow => Verdict::Allow,
            Self::AllowWithPossibleDeny | Self::NoAllow | Self::NoAllowWithPossibleDeny => Verdict::ImplicitDeny,
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

/// Which layer it is; named to a caller as the `PolicyType` of `docs/spec/ram-policy.md` 7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerKind {
    /// The levels of the resource directory; each must allow.
    Control,
    /// The policy that a role session was narrowed with.
    Session,
    /// The principal's own policies and those of its groups, attached for the whole account.
    AccountIdentity,
    /// The same, attached for one resource group.
    ResourceGroupIdentity,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// The account's root, on a resource of its account (`docs/spec/ram-policy.md` 6.3).
    Ownership,
    /// The resource is not of the principal's account: out of reach of any policy (`docs/spec/ram-policy.md` 6.5).
    ForeignAccount,
    /// The principal has a policy that could not be read: what it would have denied is unknown.
    Quarantine,
    /// The operator configured that calls of this operation are not evaluated.
    Configured,
    /// A Deny of this layer may apply: whether it does turns on a condition key, a resource or a resource group that is
    /// not known. All else would allow.
    Unknown(LayerKind),
    /// Only a Deny looks at the resource, and none applies: see [`Request::deny_only`](crate::Request::deny_only).
    NotDenied,
    /// What the statements of a layer say, or that none says anything.
    Policies(LayerKind),
}

/// The judgement on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    pub verdict: Verdict,
    pub grounds: Grounds,
}

impl LayerKind {
    /// Every kind, in the order in which RAM evaluates them.
    pub const ALL: [Self; 4] = [Self::Control, Self::Session, Self::AccountIdentity, Self::ResourceGroupIdentity];

    pub fn policy_type(self) -> &'static str {
        match self {
            Self::Control => "ControlPolicy",
            Self::Session => "SessionPolicy",
            Self::AccountIdentity => "AccountLevelIdentityBasedPolicy",
            Self::ResourceGroupIdentity => "ResourceGroupLevelIdentityBasedPolicy",
        }
    }

    /// The `AttachedScope` of `docs/spec/ram-policy.md` 7.3.
    pub fn scope(self) -> &'static str {
        match self {
            Self::Control => "Folder",
            Self::Session | Self::AccountIdentity => "Account",
            Self::ResourceGroupIdentity => "ResourceGroup",
        }
    }
}

impl Grounds {
    /// Where no policy was asked, the layer that an account without policies gets (`docs/spec/ram-policy.md` 11, row
    /// 15).
    pub fn layer(self) -> LayerKind {
        match self {
            Self::Policies(kind) | Self::Unknown(kind) => kind,
            Self::Ownership | Self::ForeignAccount | Self::Quarantine | Self::Configured | Self::NotDenied => {
                LayerKind::AccountIdentity
            }
        }
    }
}
