//! A decision with its proof: what each resource got, by which statements, and why the others did not apply.

use std::sync::Arc;

use crate::ram::Resource;

use super::layer::{Layer, LayerKind, Layers, StatementRef};
use super::statement::{Effect, Mismatch};

/// The answer to one request. Owns all it speaks of.
#[derive(Clone, Debug)]
pub struct Decision {
    pub(super) layers: Arc<Layers>,
    pub(super) judged: Vec<Judged>,
}

/// The greater verdict decides where resources disagree (`spec/ram-policy.md` 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Verdict {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// The account's root, on a resource of its account (`spec/ram-policy.md` 6.3).
    Ownership,
    /// The resource is not of the principal's account: out of reach of any policy (`spec/ram-policy.md` 6.5).
    ForeignAccount,
    /// What the statements of a layer say, or that none says anything.
    Policies(LayerKind),
}

/// What became of one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It applies, and the verdict is its effect.
    Decides,
    /// It applies and allows, but an explicit deny goes before it.
    Overruled,
    /// It does not apply; this is the first reason.
    Misses(Mismatch),
}

/// The judgement on one resource, borrowed from its decision.
#[derive(Clone, Copy, Debug)]
pub struct Judgement<'a> {
    layers: &'a Layers,
    judged: &'a Judged,
}

#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) resource: Resource,
    pub(super) verdict: Verdict,
    pub(super) grounds: Grounds,
    /// One entry a statement, in the order of the layers; shorter where evaluation ended before the last layer.
    pub(super) examined: Vec<Option<Mismatch>>,
}

impl Decision {
    /// Allowed only when every resource is; and a request without resources asks for nothing that could be allowed.
    pub fn verdict(&self) -> Verdict {
        self.decisive().map_or(Verdict::ImplicitDeny, Judgement::verdict)
    }

    /// The resource that decides the whole: the first with the decision's verdict.
    pub fn decisive(&self) -> Option<Judgement<'_>> {
        self.judgements().reduce(|first, next| if next.verdict() > first.verdict() { next } else { first })
    }

    /// One judgement a resource, in the order of the request.
    pub fn judgements(&self) -> impl Iterator<Item = Judgement<'_>> {
        self.judged.iter().map(|judged| Judgement { layers: &self.layers, judged })
    }

    /// The `PolicyType` to report with a denial; none when the decision is to allow. Where no policy was asked, the
    /// one that an account without policies gets (`spec/ram-policy.md` 11, row 15).
    pub fn policy_type(&self) -> Option<&'static str> {
        if self.verdict() == Verdict::Allow {
            return None;
        }
        let kind = match self.decisive().map(Judgement::grounds) {
            Some(Grounds::Policies(kind)) => kind,
            Some(Grounds::Ownership | Grounds::ForeignAccount) | None => LayerKind::AccountIdentity,
        };
        Some(kind.policy_type())
    }
}

impl<'a> Judgement<'a> {
    pub fn resource(self) -> &'a Resource {
        &self.judged.resource
    }

    pub fn verdict(self) -> Verdict {
        self.judged.verdict
    }

    pub fn grounds(self) -> Grounds {
        self.judged.grounds
    }

    /// Every statement that was examined, and what became of it.
    pub fn findings(self) -> impl Iterator<Item = (StatementRef<'a>, Finding)> {
        let verdict = self.judged.verdict;
        let statements = self.layers.iter().flat_map(Layer::statements);
        statements.zip(&self.judged.examined).map(move |(at, mismatch)| {
            let finding = match (mismatch, at.statement.effect(), verdict) {
                (Some(mismatch), ..) => Finding::Misses(*mismatch),
                (None, Effect::Allow, Verdict::ExplicitDeny | Verdict::ImplicitDeny) => Finding::Overruled,
                (None, Effect::Allow, Verdict::Allow) | (None, Effect::Deny, _) => Finding::Decides,
            };
            (at, finding)
        })
    }

    /// The statements whose effect the verdict is; none for an implicit deny.
    pub fn deciding(self) -> impl Iterator<Item = StatementRef<'a>> {
        self.findings().filter(|(_, finding)| *finding == Finding::Decides).map(|(at, _)| at)
    }

    /// The Allow statement that came nearest to applying: the first of those that failed the latest check.
    pub fn nearest_miss(self) -> Option<(StatementRef<'a>, Mismatch)> {
        let misses = self.findings().filter_map(|(at, finding)| match (at.statement.effect(), finding) {
            (Effect::Allow, Finding::Misses(mismatch)) => Some((at, mismatch)),
            _ => None,
        });
        misses.reduce(|nearest, next| if next.1 > nearest.1 { next } else { nearest })
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
