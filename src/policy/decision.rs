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
    /// A statement turns on which resources the call names, and that is not known.
    Unplaced,
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
        self.decisive().map_or(Verdict::ImplicitDeny, |(_, judged)| judged.verdict)
    }

    /// The judgement that decides the whole, the first with the decision's verdict, and which resource it is on.
    pub fn decisive(&self) -> Option<(usize, Judged)> {
        let judged = self.judged.iter().copied().enumerate();
        judged.reduce(|first, next| if next.1.verdict > first.1.verdict { next } else { first })
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

impl Grounds {
    /// Where no policy was asked, the layer that an account without policies gets (`spec/ram-policy.md` 11, row 15).
    pub fn layer(self) -> LayerKind {
        match self {
            Self::Policies(kind) => kind,
            Self::Ownership | Self::ForeignAccount | Self::Quarantine | Self::Configured | Self::Unplaced => {
                LayerKind::AccountIdentity
            }
        }
    }
}
