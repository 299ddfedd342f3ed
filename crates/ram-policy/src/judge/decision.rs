//! A decision: what each resource got, and what it rests on. Why, statement by statement, is the [`Proof`](crate::Proof)'s to
//! say, made when somebody asks.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::judge::layer::Layers;
use crate::judge::verdict::{Grounds, Judged, LayerKind, Verdict};

/// The answer to one request.
#[derive(Clone, Debug)]
pub struct Decision {
    pub(crate) judged: SmallVec<[Judged; 2]>,
    pub(crate) layers: Arc<Layers>,
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
pub(crate) fn verdict_of(judged: &[Judged]) -> Verdict {
    judged.iter().map(|judged| judged.verdict).max().unwrap_or(Verdict::ImplicitDeny)
}

/// See [`Decision::decisive`].
pub(crate) fn decisive(judged: &[Judged]) -> Option<(usize, Judged)> {
    let weight = |judged: Judged| (judged.verdict, !matches!(judged.grounds, Grounds::Unknown(_)));
    let judged = judged.iter().copied().enumerate();
    judged.reduce(|first, next| if weight(next.1) > weight(first.1) { next } else { first })
}
