//! Why a decision is what it is: every layer by itself, and what became of every statement in it.
//!
//! Worked out when it is asked for, by looking at each statement in turn: another way than the index goes, to the same
//! verdict.

use crate::ram::{Context, Resource};

use super::decision::{Decision, Grounds, Judged, decisive};
use super::doubt::Doubt;
use super::effect::Effect;
use super::evaluate::settled;
use super::facts::Facts;
use super::layer::{LayerKind, Layers, LayersSaid};
use super::mismatch::Mismatch;
use super::nearest::Nearness;
use super::request::{Naming, Request};
use super::set::{PolicySet, StatementRef};
use super::statement::Statement;
use super::verdict::{Applies, Said, Verdict};

/// A decision, explained.
#[derive(Clone, Debug)]
pub struct Proof<'a> {
    pub(super) request: Request<'a>,
    resources: Vec<ResourceProof<'a>>,
}

/// One resource of it.
#[derive(Clone, Debug)]
pub struct ResourceProof<'a> {
    pub resource: &'a Resource<'a>,
    /// What is known of the resource itself.
    pub facts: Option<&'a Context>,
    pub judged: Judged,
    /// Why no policy was asked, in a word that names the policy under quarantine; the layers are empty then.
    pub quarantined: Option<&'a str>,
    /// In the order in which RAM evaluates them. Those behind one that refuses are shown too.
    pub layers: Vec<LayerProof<'a>>,
    asked: Facts<'a>,
}

/// What one layer says by itself. Each level of a resource directory, and each resource group, is one.
#[derive(Clone, Debug)]
pub struct LayerProof<'a> {
    pub kind: LayerKind,
    /// The level or the resource group.
    pub name: Option<&'a str>,
    /// None where the layer is not asked about this resource: one of another resource group.
    pub verdict: Option<Verdict>,
    pub findings: Vec<(StatementRef<'a>, Finding)>,
    naming: Naming,
}

/// What became of one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It applies, and the layer's verdict is its effect.
    Decides,
    /// It applies and allows, but a deny goes before it, or cannot be ruled out.
    Overruled,
    /// It does not apply, or is not known to; this is the first reason.
    Misses(Mismatch),
}

impl Decision {
    /// Why. The request must be the one that was judged.
    pub fn proof<'a>(&'a self, request: &Request<'a>) -> Proof<'a> {
        Proof::new(self, request)
    }
}

impl<'a> Proof<'a> {
    fn new(decision: &'a Decision, request: &Request<'a>) -> Self {
        let resources = request.resources.iter().enumerate();
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

    pub fn verdict(&self) -> Verdict {
        self.decisive().map_or(Verdict::ImplicitDeny, |decisive| decisive.judged.verdict)
    }

    pub fn resources(&self) -> &[ResourceProof<'a>] {
        &self.resources
    }

    /// The resource that decides the whole: see [`Decision::decisive`].
    pub fn decisive(&self) -> Option<&ResourceProof<'a>> {
        let judged: Vec<Judged> = self.resources.iter().map(|resource| resource.judged).collect();
        decisive(&judged).map(|(at, _)| &self.resources[at])
    }
}

impl<'a> ResourceProof<'a> {
    fn new(layers: &'a Layers, request: &Request<'a>, at: usize, resource: &'a Resource<'a>) -> Self {
        let facts = request.facts_of(at);
        let mut proof = Self {
            resource,
            facts: request.facts.get(at).filter(|facts| !facts.is_empty()),
            judged: Judged { verdict: Verdict::ImplicitDeny, grounds: Grounds::Quarantine },
            quarantined: None,
            layers: Vec::new(),
            asked: facts,
        };
        if let Some(judged) = settled(layers, request, resource.fields()) {
            let quarantined = layers.quarantine().filter(|_| judged.grounds == Grounds::Quarantine);
            return Self { judged, quarantined, ..proof };
        }
        let examine = |kind, name, sets: Vec<&'a PolicySet>, asked: Asked| {
            LayerProof::new(kind, name, &sets, (asked, request.naming), |at| {
                at.statement.mismatch(request.action, resource, &facts)
            })
        };
        for level in layers.control() {
            proof.layers.push(examine(LayerKind::Control, level.to().level(), vec![level], Asked::Yes));
        }
        if let Some(session) = request.session {
            proof.layers.push(examine(LayerKind::Session, None, vec![session], Asked::Yes));
        }
        let account = layers.account().iter().map(|set| &**set).collect();
        proof.layers.push(examine(LayerKind::AccountIdentity, None, account, Asked::Yes));
        for scoped in layers.resource_groups() {
            let group = &*scoped.resource_group;
            let asked = match facts.acts_in(group, Effect::Deny) {
                Applies::Yes => Asked::Yes,
                Applies::Unknown => Asked::GroupUnknown,
                Applies::No => Asked::NotInGroup,
            };
            proof.layers.push(examine(LayerKind::ResourceGroupIdentity, Some(group), vec![&*scoped.set], asked));
        }
        Self { judged: proof.layers_said().combine(), ..proof }
    }

    /// Of a call that goes on unjudged.
    fn configured(request: &Request<'a>, at: usize, resource: &'a Resource<'a>, judged: Judged) -> Self {
        let asked = request.facts_of(at);
        Self { resource, facts: None, judged, quarantined: None, layers: Vec::new(), asked }
    }

    fn layers_said(&self) -> LayersSaid {
        let of = |kind| self.layers.iter().filter(move |layer| layer.kind == kind);
        // Groups are one set: one that is not asked says nothing.
        let groups: Vec<_> = of(LayerKind::ResourceGroupIdentity).collect();
        let said = |effect| groups.iter().map(|layer| layer.applies(effect)).max().unwrap_or(Applies::No);
        LayersSaid {
            control: of(LayerKind::Control).map(LayerProof::said).max(),
            session: of(LayerKind::Session).map(LayerProof::said).max(),
            account: of(LayerKind::AccountIdentity).map(LayerProof::said).next().unwrap_or(Said::Nothing),
            groups: (!groups.is_empty()).then(|| Said::of_set(said)),
        }
    }

    /// The Deny that cannot be ruled out, where the refusal rests on one, and what is not known.
    pub fn doubt(&self) -> Option<Doubt<'a>> {
        let Grounds::Unknown(layer) = self.judged.grounds else { return None };
        let naming = self.asked.naming();
        let findings = self.layers.iter().filter(|it| it.kind == layer).flat_map(|layer| &layer.findings);
        let mut unknown = findings.filter_map(|(at, finding)| match finding {
            Finding::Misses(mismatch) if at.statement.denies(Some(*mismatch), naming) == Applies::Unknown => {
                Some(Doubt { layer, at: *at, mismatch: *mismatch, naming })
            }
            _ => None,
        });
        unknown.next()
    }

    /// The statements that the verdict rests on: for an allow, those that allow in any layer; for an explicit deny,
    /// those that deny in the layer that refuses; none for an implicit deny.
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

    /// The Allow statement of the refusing layer that came nearest to applying: the one that failed the latest check;
    /// of several that miss the resource by the same field, the one that shares most of its id; then the first.
    pub fn nearest_miss(&self) -> Option<(StatementRef<'a>, Mismatch)> {
        let refusing = self.judged.grounds.layer();
        // Without an allow at account scope, one for a resource group would do.
        let asked = |layer: &&LayerProof<'a>| match refusing {
            LayerKind::AccountIdentity => layer.kind >= refusing,
            // A level that allows is not what refuses, even where a Deny in it cannot be ruled out.
            _ => layer.kind == refusing && layer.verdict == Some(self.judged.verdict) && !layer.said().allows(),
        };
        self.nearest(self.layers.iter().filter(asked), Effect::Allow)
    }

    /// The Deny statement, in any layer, that came nearest to applying.
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

    /// What the request has for a condition's key.
    pub(super) fn facts(&self) -> &Facts<'a> {
        &self.asked
    }
}

/// Whether a layer is asked about the resource.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Yes,
    NotInGroup,
    GroupUnknown,
}

impl<'a> LayerProof<'a> {
    fn new(
        kind: LayerKind,
        name: Option<&'a str>,
        sets: &[&'a PolicySet],
        (asked, naming): (Asked, Naming),
        mismatch: impl Fn(StatementRef<'a>) -> Option<Mismatch>,
    ) -> Self {
        let statements = sets.iter().flat_map(|set| set.statements());
        let examined: Vec<_> = statements
            .map(|at| match (asked, mismatch(at)) {
                (Asked::Yes, mismatch) => (at, mismatch),
                (Asked::NotInGroup, _) => (at, Some(Mismatch::ResourceGroup)),
                (Asked::GroupUnknown, Some(mismatch)) if !mismatch.is_unknown() => (at, Some(mismatch)),
                (Asked::GroupUnknown, _) => (at, Some(Mismatch::ResourceGroupUnknown)),
            })
            .collect();
        let said = Said::of_set(|effect| {
            let applies = examined.iter().map(|(at, mismatch)| applies(at.statement, effect, *mismatch, naming));
            applies.max().unwrap_or(Applies::No)
        });
        let finding = |(at, miss): (StatementRef<'a>, Option<Mismatch>)| {
            let finding = match (miss, at.statement.effect()) {
                (Some(mismatch), _) => Finding::Misses(mismatch),
                (None, Effect::Allow) if matches!(said, Said::Deny | Said::AllowOrDeny) => Finding::Overruled,
                (None, _) => Finding::Decides,
            };
            (at, finding)
        };
        let findings = examined.into_iter().map(finding).collect();
        Self { kind, name, verdict: (asked != Asked::NotInGroup).then_some(said.verdict()), findings, naming }
    }

    /// Whether some statement applies with this effect.
    fn applies(&self, effect: Effect) -> Applies {
        let applies = self.findings.iter().map(|(at, finding)| {
            let mismatch = match finding {
                Finding::Decides | Finding::Overruled => None,
                Finding::Misses(mismatch) => Some(*mismatch),
            };
            applies(at.statement, effect, mismatch, self.naming)
        });
        applies.max().unwrap_or(Applies::No)
    }

    fn said(&self) -> Said {
        Said::of_set(|effect| self.applies(effect))
    }
}

/// Whether a statement applies with this effect, where this is why it does not.
fn applies(statement: &Statement, effect: Effect, mismatch: Option<Mismatch>, naming: Naming) -> Applies {
    match (effect, statement.effect()) {
        (Effect::Deny, _) => statement.denies(mismatch, naming),
        (Effect::Allow, Effect::Allow) => Applies::of(mismatch),
        (Effect::Allow, Effect::Deny) => Applies::No,
    }
}
