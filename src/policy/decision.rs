//! A decision: what each resource got, and what it rests on. Why, statement by statement, is the [`Proof`](super::Proof)'s to
//! say, made when somebody asks.

use std::sync::Arc;

use smallvec::SmallVec;

use super::layer::{LayerKind, Layers};
use super::verdict::Verdict;

/// The answer to one request.
#[derive(Clone, Debug)]
pub struct Decision {
    pub(super) judged: SmallVec<[Judged; 2]>,
    pub(super) layers: Arc<Layers>,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// The account's root, on a resource of its account (`spec/ram-policy.md` 6.3).
    Ownership,
    /// The resource is not of the principal's account: out of reach of any policy (`spec/ram-policy.md` 6.5).
    ForeignAccount,
    /// The principal has a policy that could not be read: what it would have denied is unknown.
    Quarantine,
    /// The operation goes on unjudged: whoever runs the gateway said so (design 8).
    Configured,
    /// A Deny of this layer may apply: whether it does turns on a condition key, a resource or a resource group that is
    /// not known. All else would allow.
    Unknown(LayerKind),
    /// What the statements of a layer say, or that none says anything.
    Policies(LayerKind),
}

/// The judgement on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    pub verdict: Verdict,
    pub grounds: Grounds,
}

impl Decision {
    /// Allowed only when every resource is; and a request without resources asks for nothing that could be allowed.
    pub fn verdict(&self) -> Verdict {
        verdict_of(&self.judged)
    }

    /// The judgement that decides the whole, the first with the decision's verdict, and which resource it is on. A
    /// refusal that is certain goes before one that rests on what is not known.
    pub fn decisive(&self) -> Option<(usize, Judged)> {
        decisive(&self.judged)
    }

    /// Whether no policy was asked, because that was configured.
    pub fn is_configured(&self) -> bool {
        self.judged.iter().any(|judged| judged.grounds == Grounds::Configured)
    }

    /// One judgement a resource, in the order of the request.
    pub fn judgements(&self) -> &[Judged] {
        &self.judged
    }

    /// The `PolicyType` to report with a denial; none when the decision is to allow.
    pub fn policy_type(&self) -> Option<&'static str> {
        if self.verdict() == Verdict::Allow {
            return None;
        }
        let kind = self.decisive().map_or(LayerKind::AccountIdentity, |(_, judged)| judged.grounds.layer());
        Some(kind.policy_type())
    }
}

/// See [`Decision::verdict`].
pub(super) fn verdict_of(judged: &[Judged]) -> Verdict {
    judged.iter().map(|judged| judged.verdict).max().unwrap_or(Verdict::ImplicitDeny)
}

/// See [`Decision::decisive`].
pub(super) fn decisive(judged: &[Judged]) -> Option<(usize, Judged)> {
    let weight = |judged: Judged| (judged.verdict, !matches!(judged.grounds, Grounds::Unknown(_)));
    let judged = judged.iter().copied().enumerate();
    judged.reduce(|first, next| if weight(next.1) > weight(first.1) { next } else { first })
}

impl Grounds {
    /// Where no policy was asked, the layer that an account without policies gets (`spec/ram-policy.md` 11, row 15).
    pub fn layer(self) -> LayerKind {
        match self {
            Self::Policies(kind) | Self::Unknown(kind) => kind,
            Self::Ownership | Self::ForeignAccount | Self::Quarantine | Self::Configured => LayerKind::AccountIdentity,
        }
    }
}
