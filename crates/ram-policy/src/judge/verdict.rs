//! Verdicts, and the grounds that they rest on.

use crate::language::effect::{Applies, Effect};

/// The verdict on a resource or on a whole request.
///
/// The verdict on a request is the greatest of the verdicts on its resources (`docs/spec/ram-policy.md` 6.4). Displayed
/// in words, such as `implicit deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Verdict {
    /// Every layer allows.
    Allow,
    /// Some layer does not allow, and no Deny is certain to apply.
    ImplicitDeny,
    /// A Deny applies.
    ExplicitDeny,
}

/// The outcome of the policies of one layer. If all of several must allow, the greatest outcome decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LayerOutcome {
    Allow,
    /// An Allow applies, and a Deny may apply.
    AllowWithPossibleDeny,
    NoAllow,
    /// No Allow applies, and a Deny may apply.
    NoAllowWithPossibleDeny,
    Deny,
}

impl LayerOutcome {
    /// A Deny that applies overrides every Allow (`docs/spec/ram-policy.md` 6.1). An Allow that is not known to apply
    /// counts as not applying.
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

    /// Whether a Deny may apply, without being certain to.
    pub(crate) fn may_deny(self) -> bool {
        matches!(self, Self::AllowWithPossibleDeny | Self::NoAllowWithPossibleDeny)
    }

    pub(crate) fn allows(self) -> bool {
        matches!(self, Self::Allow | Self::AllowWithPossibleDeny)
    }

    /// The verdict of the layer by itself. A Deny that cannot be ruled out refuses.
    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Allow => Verdict::Allow,
            Self::AllowWithPossibleDeny | Self::NoAllow | Self::NoAllowWithPossibleDeny => Verdict::ImplicitDeny,
            Self::Deny => Verdict::ExplicitDeny,
        }
    }
}

impl Verdict {
    /// RAM's name for the verdict, as in `NoPermissionType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::ImplicitDeny => "ImplicitDeny",
            Self::ExplicitDeny => "ExplicitDeny",
        }
    }
}

/// The kind of a layer. Callers see it as the `PolicyType` of a denial (`docs/spec/ram-policy.md` 7.2).
///
/// The kinds are in the order in which RAM evaluates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerKind {
    /// The control policies of the resource directory. Each level must allow.
    Control,
    /// The session policy of a role session.
    Session,
    /// The policies of the principal and its groups that are attached for the whole account.
    AccountIdentity,
    /// The policies of the principal and its groups that are attached for a resource group.
    ResourceGroupIdentity,
}

/// The grounds of a verdict on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// The principal is the root of the account that owns the resource (`docs/spec/ram-policy.md` 6.3).
    Ownership,
    /// The resource belongs to another account, where the principal's policies have no effect
    /// (`docs/spec/ram-policy.md` 6.5).
    ForeignAccount,
    /// The principal has a policy that could not be read, so it is unknown what that policy denies.
    Quarantine,
    /// The operator configured that the operation is allowed without evaluating policies.
    Configured,
    /// A Deny in this layer may apply: that depends on a condition key, a resource or a resource group that is not
    /// known. Otherwise the resource would be allowed.
    Unknown(LayerKind),
    /// The resource needs no Allow, and no Deny applies to it: see [`Request::deny_only`](crate::Request::deny_only).
    NotDenied,
    /// The statements of this layer, or the lack of one that allows.
    Policies(LayerKind),
}

/// The judgement on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The verdict on the resource.
    pub verdict: Verdict,
    /// What the verdict rests on.
    pub grounds: Grounds,
}

impl LayerKind {
    /// Every kind, in the order in which RAM evaluates them.
    pub const ALL: [Self; 4] = [Self::Control, Self::Session, Self::AccountIdentity, Self::ResourceGroupIdentity];

    /// The `PolicyType` of `docs/spec/ram-policy.md` 7.2.
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
    /// The layer to report with the verdict. If no policy was evaluated, the layer that is reported for a principal
    /// without policies (`docs/spec/ram-policy.md` 11, row 15).
    pub fn layer(self) -> LayerKind {
        match self {
            Self::Policies(kind) | Self::Unknown(kind) => kind,
            Self::Ownership | Self::ForeignAccount | Self::Quarantine | Self::Configured | Self::NotDenied => {
                LayerKind::AccountIdentity
            }
        }
    }
}
