//! The proof of a decision: every layer by itself, and the finding on every statement in it.
//!
//! Made on request by examining every statement in turn: independently of the index, but with the same verdict.

use crate::context::table::Context;
use crate::explain::deciding::PossibleDeny;
use crate::judge::evaluate::settled;
use crate::judge::evaluate::{Decision, decisive};
use crate::judge::layer::{LayerOutcomes, Layers};
use crate::judge::nearness::Nearness;
use crate::judge::request::{Check, Request};
use crate::judge::set::{PolicySet, StatementRef};
use crate::judge::verdict::{Grounds, Judged, LayerKind, LayerOutcome, Verdict};
use crate::language::attributes::{Attributes, Targets};
use crate::language::effect::{Applies, Effect, Mismatch};
use crate::language::statement::Statement;
use crate::name::arn::Resource;

/// The full explanation of a decision: every resource, every layer, every statement.
///
/// It is worked out independently of the index, by examining every statement, so it costs more than the decision. For
/// the denial of a call, [`Decision::reason`] is much cheaper. A proof can be shown as one line ([`Proof::summary`]),
/// as text ([`Proof::details`]) and as data ([`Proof::report`]).
#[derive(Clone, Debug)]
pub struct Proof<'a> {
    pub(crate) request: Request<'a>,
    resources: Vec<ResourceProof<'a>>,
}

/// The explanation of the judgement on one resource.
#[derive(Clone, Debug)]
pub struct ResourceProof<'a> {
    /// The resource.
    pub resource: &'a Resource<'a>,
    /// The attributes of the resource in the request, if it has any.
    pub attributes: Option<&'a Context>,
    /// The verdict and its grounds.
    pub judged: Judged,
    /// The name of the policy under quarantine, if that is why no policies were evaluated.
    pub quarantined: Option<&'a str>,
    /// The layers in the order in which RAM evaluates them, including those after one that refuses. Empty if no
    /// policies were evaluated.
    pub layers: Vec<LayerProof<'a>>,
    known: Attributes<'a>,
}

/// The explanation of one layer by itself. Each level of a resource directory and each resource group counts as a
/// layer.
#[derive(Clone, Debug)]
pub struct LayerProof<'a> {
    /// The kind of the layer.
    pub kind: LayerKind,
    /// The name of the level, or the id of the resource group.
    pub name: Option<&'a str>,
    /// The verdict of the layer by itself; `None` if it is for a resource group that the resource is not in.
    pub verdict: Option<Verdict>,
    /// Every statement of the layer, in the order of documents, and whether it applies.
    pub findings: Vec<(StatementRef<'a>, Finding)>,
    targets: Targets,
    check: Check,
}

/// Whether a statement applies, and whether it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The statement applies, and the verdict of the layer is its effect.
    Decides,
    /// The statement is an Allow that applies but does not decide: a Deny applies or cannot be ruled out, or the
    /// resource needs no Allow.
    Overruled,
    /// The statement does not apply, or is not known to apply, for this reason.
    Misses(Mismatch),
}

impl Decision {
    /// The full explanation. `request` must be the request that was evaluated.
    pub fn proof<'a>(&'a self, request: &Request<'a>) -> Proof<'a> {
        Proof::new(self, request)
    }
}

impl<'a> Proof<'a> {
    fn new(decision: &'a Decision, request: &Request<'a>) -> Self {
        let resources = request.judged_resources();
        let prove = |(at, resource)| match decision
            .judged
            .get(at)
            .copied()
            .filter(|judged: &Judged| judged.grounds == Grounds::Configured)
        {
            Some(judged) => ResourceProof::configured(request, at, resource, judged),
            None => ResourceProof::new(&decision.layers, request, at, resource),
        };
        let resources = resources.map(prove).collect();
        Self { request: *request, resources }
    }

    /// The verdict on the whole request, the same as [`Decision::verdict`].
    pub fn verdict(&self) -> Verdict {
        self.decisive().map_or(Verdict::ImplicitDeny, |decisive| decisive.judged.verdict)
    }

    /// The explanation for each resource, in the order of the request.
    pub fn resources(&self) -> &[ResourceProof<'a>] {
        &self.resources
    }

    /// The resource that decides the request: see [`Decision::decisive`].
    pub fn decisive(&self) -> Option<&ResourceProof<'a>> {
        let judged: Vec<Judged> = self.resources.iter().map(|resource| resource.judged).collect();
        decisive(&judged).map(|(at, _)| &self.resources[at])
    }
}

impl<'a> ResourceProof<'a> {
    fn new(layers: &'a Layers, request: &Request<'a>, at: usize, resource: &'a Resource<'a>) -> Self {
        let attributes = request.attributes_of(at);
        let mut proof = Self {
            resource,
            attributes: request.attributes.get(at).filter(|attributes| !attributes.is_empty()),
            judged: Judged { verdict: Verdict::ImplicitDeny, grounds: Grounds::Quarantine },
            quarantined: None,
            layers: Vec::new(),
            known: attributes,
        };
        let check = request.check(at);
        if let Some(judged) = settled(layers, request, (resource.fields(), check)) {
            let quarantined = layers.quarantine().filter(|_| judged.grounds == Grounds::Quarantine);
            return Self { judged, quarantined, ..proof };
        }
        let examine = |kind, name, sets: Vec<&'a PolicySet>, scope: LayerScope| {
            LayerProof::new(kind, name, &sets, (scope, request.targets_of(at), check), |at| {
                at.statement.mismatch(request.action, resource, &attributes)
            })
        };
        for level in layers.control() {
            proof.layers.push(examine(LayerKind::Control, level.to().level(), vec![level], LayerScope::InScope));
        }
        if let Some(session) = request.session_policy {
            proof.layers.push(examine(LayerKind::Session, None, vec![session], LayerScope::InScope));
        }
        let account = layers.account().iter().map(|set| &**set).collect();
        proof.layers.push(examine(LayerKind::AccountIdentity, None, account, LayerScope::InScope));
        for scoped in layers.resource_groups() {
            let group = &*scoped.resource_group;
            let scope = match attributes.acts_in(group, Effect::Deny) {
                Applies::Yes => LayerScope::InScope,
                Applies::Unknown => LayerScope::GroupUnknown,
                Applies::No => LayerScope::NotInGroup,
            };
            proof.layers.push(examine(LayerKind::ResourceGroupIdentity, Some(group), vec![&*scoped.set], scope));
        }
        Self { judged: proof.layer_outcomes().combine(check), ..proof }
    }

    /// The explanation for a call that is allowed by configuration.
    fn configured(request: &Request<'a>, at: usize, resource: &'a Resource<'a>, judged: Judged) -> Self {
        let known = request.attributes_of(at);
        Self { resource, attributes: None, judged, quarantined: None, layers: Vec::new(), known }
    }

    fn layer_outcomes(&self) -> LayerOutcomes {
        let of = |kind| self.layers.iter().filter(move |layer| layer.kind == kind);
        // The resource groups are one layer; a group that the resource is not in contributes nothing.
        let groups: Vec<_> = of(LayerKind::ResourceGroupIdentity).collect();
        let outcome = |effect| groups.iter().map(|layer| layer.applies(effect)).max().unwrap_or(Applies::No);
        LayerOutcomes {
            control: of(LayerKind::Control).map(LayerProof::outcome).max(),
            session: of(LayerKind::Session).map(LayerProof::outcome).max(),
            account: of(LayerKind::AccountIdentity).map(LayerProof::outcome).next().unwrap_or(LayerOutcome::NoAllow),
            groups: (!groups.is_empty()).then(|| LayerOutcome::of_set(outcome)),
        }
    }

    /// The statement that may deny the resource; `None` unless the grounds are [`Grounds::Unknown`].
    pub fn possible_deny(&self) -> Option<PossibleDeny<'a>> {
        let Grounds::Unknown(layer) = self.judged.grounds else { return None };
        let targets = self.known.targets();
        let findings = self.layers.iter().filter(|it| it.kind == layer).flat_map(|layer| &layer.findings);
        let mut unknown = findings.filter_map(|(at, finding)| match finding {
            Finding::Misses(mismatch) if at.statement.denies(Some(*mismatch), targets) == Applies::Unknown => {
                Some(PossibleDeny { layer, at: *at, mismatch: *mismatch, targets })
            }
            _ => None,
        });
        unknown.next()
    }

    /// The statements that the verdict rests on, with their layers: for an allow, those that allow in any layer; for an
    /// explicit deny, those that deny in the layer that refuses. Empty for an implicit deny.
    pub fn deciding(&self) -> impl Iterator<Item = (LayerKind, StatementRef<'a>)> {
        let Judged { verdict, grounds } = self.judged;
        let layers = self.layers.iter().filter(move |layer| match verdict {
            Verdict::Allow => true,
            Verdict::ExplicitDeny => grounds == Grounds::Policies(layer.kind),
            Verdict::ImplicitDeny => false,
        });
        layers.flat_map(move |layer| {
            let deciding = layer.findings.iter().filter(move |(at, finding)| {
                let effect = if verdict == Verdict::Allow { Effect::Allow } else { Effect::Deny };
                *finding == Finding::Decides && at.statement.effect() == effect
            });
            deciding.map(|(at, _)| (layer.kind, *at))
        })
    }

    /// The Allow statement of the refusing layer that came closest to applying, and why it does not apply.
    ///
    /// That is the statement that failed the latest check. Among several that fail on the same field of the resource,
    /// the statement with the longest prefix in common with the resource's id is the closest, then the first.
    pub fn nearest_miss(&self) -> Option<(StatementRef<'a>, Mismatch)> {
        let refusing = self.judged.grounds.layer();
        // Without an Allow at account scope, one for a resource group would be enough.
        let scope = |layer: &&LayerProof<'a>| match refusing {
            LayerKind::AccountIdentity => layer.kind >= refusing,
            // A level that allows does not refuse, even if a Deny in it cannot be ruled out.
            _ => layer.kind == refusing && layer.verdict == Some(self.judged.verdict) && !layer.outcome().allows(),
        };
        self.nearest(self.layers.iter().filter(scope), Effect::Allow)
    }

    /// The Deny statement, in any layer, that came closest to applying, and why it does not apply.
    pub fn nearest_deny(&self) -> Option<(StatementRef<'a>, Mismatch)> {
        self.nearest(self.layers.iter(), Effect::Deny)
    }

    fn nearest<'p>(
        &self,
        layers: impl Iterator<Item = &'p LayerProof<'a>>,
        effect: Effect,
    ) -> Option<(StatementRef<'a>, Mismatch)>
    where
        'a: 'p,
    {
        let misses = layers.flat_map(|layer| &layer.findings).filter_map(|(at, finding)| match finding {
            Finding::Misses(mismatch) if at.statement.effect() == effect => {
                Some((*at, Nearness::new(at.statement, self.resource, *mismatch)))
            }
            _ => None,
        });
        let nearest = misses.reduce(|nearest, next| if next.1 > nearest.1 { next } else { nearest });
        nearest.map(|(at, nearness)| (at, nearness.mismatch))
    }

    /// The condition keys that are known for the resource.
    pub(crate) fn known_attributes(&self) -> &Attributes<'a> {
        &self.known
    }
}

/// Whether a layer acts on the resource.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LayerScope {
    InScope,
    NotInGroup,
    GroupUnknown,
}

impl<'a> LayerProof<'a> {
    fn new(
        kind: LayerKind,
        name: Option<&'a str>,
        sets: &[&'a PolicySet],
        (scope, targets, check): (LayerScope, Targets, Check),
        mismatch: impl Fn(StatementRef<'a>) -> Option<Mismatch>,
    ) -> Self {
        let statements = sets.iter().flat_map(|set| set.statements());
        let examined: Vec<_> = statements
            .map(|at| match (scope, mismatch(at)) {
                (LayerScope::InScope, mismatch) => (at, mismatch),
                (LayerScope::NotInGroup, _) => (at, Some(Mismatch::ResourceGroup)),
                (LayerScope::GroupUnknown, Some(mismatch)) if !mismatch.is_unknown() => (at, Some(mismatch)),
                (LayerScope::GroupUnknown, _) => (at, Some(Mismatch::ResourceGroupUnknown)),
            })
            .collect();
        let outcome = LayerOutcome::of_set(|effect| {
            let applies =
                examined.iter().map(|(at, mismatch)| applies(at.statement, effect, *mismatch, (targets, check)));
            applies.max().unwrap_or(Applies::No)
        });
        let finding = |(at, miss): (StatementRef<'a>, Option<Mismatch>)| {
            let finding = match (miss, at.statement.effect()) {
                (Some(mismatch), _) => Finding::Misses(mismatch),
                (None, Effect::Allow)
                    if check == Check::DenyOnly || outcome.may_deny() || outcome == LayerOutcome::Deny =>
                {
                    Finding::Overruled
                }
                (None, _) => Finding::Decides,
            };
            (at, finding)
        };
        let findings = examined.into_iter().map(finding).collect();
        let verdict = match check {
            Check::DenyOnly if outcome == LayerOutcome::NoAllow => Verdict::Allow,
            _ => outcome.verdict(),
        };
        let verdict = (scope != LayerScope::NotInGroup).then_some(verdict);
        Self { kind, name, verdict, findings, targets, check }
    }

    /// Whether some statement applies with this effect.
    fn applies(&self, effect: Effect) -> Applies {
        let applies = self.findings.iter().map(|(at, finding)| {
            let mismatch = match finding {
                Finding::Decides | Finding::Overruled => None,
                Finding::Misses(mismatch) => Some(*mismatch),
            };
            applies(at.statement, effect, mismatch, (self.targets, self.check))
        });
        applies.max().unwrap_or(Applies::No)
    }

    fn outcome(&self) -> LayerOutcome {
        LayerOutcome::of_set(|effect| self.applies(effect))
    }
}

/// Whether a statement applies with this effect; `mismatch` is its own.
fn applies(
    statement: &Statement,
    effect: Effect,
    mismatch: Option<Mismatch>,
    (targets, check): (Targets, Check),
) -> Applies {
    match (effect, statement.effect()) {
        (Effect::Allow, _) if check == Check::DenyOnly => Applies::No,
        (Effect::Deny, _) => statement.denies(mismatch, targets),
        (Effect::Allow, Effect::Allow) => Applies::of(mismatch),
        (Effect::Allow, Effect::Deny) => Applies::No,
    }
}
