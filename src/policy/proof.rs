//! Why a decision is what it is: every layer by itself, and what became of every statement in it.
//!
//! Worked out when it is asked for, by looking at each statement in turn: another way than the index goes, to the same
//! verdict.

use crate::ram::{Context, Resource};

use super::decision::{Decision, Grounds, Judged};
use super::effect::Effect;
use super::evaluate::settled;
use super::facts::Facts;
use super::layer::{LayerKind, LayerVerdicts, Layers};
use super::mismatch::Mismatch;
use super::nearest::Nearness;
use super::request::Request;
use super::set::{PolicySet, StatementRef};
use super::verdict::Verdict;

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
    /// The statement of which it is not known whether it applies; the layers are empty then.
    pub unplaced: Option<StatementRef<'a>>,
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
}

/// What became of one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It applies, and the layer's verdict is its effect.
    Decides,
    /// It applies and allows, but an explicit deny goes before it.
    Overruled,
    /// It does not apply; this is the first reason.
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
        let prove = |(at, resource)| match decision.judged.get(at).copied().filter(Judged::is_unlisted) {
            Some(judged) => ResourceProof::unlisted(&decision.layers, request, at, resource, judged),
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

    /// The resource that decides the whole: the first with the verdict of the whole.
    pub fn decisive(&self) -> Option<&ResourceProof<'a>> {
        self.resources
            .iter()
            .reduce(|first, next| if next.judged.verdict > first.judged.verdict { next } else { first })
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
            unplaced: None,
            layers: Vec::new(),
            asked: facts,
        };
        if let Some(judged) = settled(layers, request, resource.fields()) {
            let quarantined = layers.quarantine().filter(|_| judged.grounds == Grounds::Quarantine);
            return Self { judged, quarantined, ..proof };
        }
        let examine = |kind, name, sets: Vec<&'a PolicySet>, asked: Asked| {
            LayerProof::new(kind, name, &sets, asked, |at| at.statement.mismatch(request.action, resource, &facts))
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
            let asked = if facts.is_in_group(group) { Asked::Yes } else { Asked::NotInGroup };
            proof.layers.push(examine(LayerKind::ResourceGroupIdentity, Some(group), vec![&*scoped.set], asked));
        }
        let (verdict, layer) = proof.layer_verdicts().combine();
        Self { judged: Judged { verdict, grounds: Grounds::Policies(layer) }, ..proof }
    }

    /// Of an operation without a file, where the policies were not what decided.
    fn unlisted(
        layers: &'a Layers,
        request: &Request<'a>,
        at: usize,
        resource: &'a Resource<'a>,
        judged: Judged,
    ) -> Self {
        let unplaced = (judged.grounds == Grounds::Unplaced).then(|| layers.unplaced(request)).flatten();
        let (facts, asked) = (None, request.facts_of(at));
        Self { resource, facts, judged, quarantined: None, unplaced, layers: Vec::new(), asked }
    }

    fn layer_verdicts(&self) -> LayerVerdicts {
        let of = |kind| self.layers.iter().filter(move |layer| layer.kind == kind);
        // Groups are one set: one that is not asked says nothing, a deny goes first, then an allow.
        let groups = of(LayerKind::ResourceGroupIdentity).map(|layer| layer.verdict.unwrap_or(Verdict::ImplicitDeny));
        let strongest = |verdict: &Verdict| match verdict {
            Verdict::ImplicitDeny => 0,
            Verdict::Allow => 1,
            Verdict::ExplicitDeny => 2,
        };
        LayerVerdicts {
            control: of(LayerKind::Control).filter_map(|layer| layer.verdict).max(),
            session: of(LayerKind::Session).filter_map(|layer| layer.verdict).max(),
            account: of(LayerKind::AccountIdentity).find_map(|layer| layer.verdict).unwrap_or(Verdict::ImplicitDeny),
            groups: groups.max_by_key(strongest),
        }
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
            _ => layer.kind == refusing && layer.verdict == Some(self.judged.verdict),
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
}

impl<'a> LayerProof<'a> {
    fn new(
        kind: LayerKind,
        name: Option<&'a str>,
        sets: &[&'a PolicySet],
        asked: Asked,
        mismatch: impl Fn(StatementRef<'a>) -> Option<Mismatch>,
    ) -> Self {
        let statements = sets.iter().flat_map(|set| set.statements());
        let examined: Vec<_> = statements
            .map(|at| match asked {
                Asked::Yes => (at, mismatch(at)),
                Asked::NotInGroup => (at, Some(Mismatch::ResourceGroup)),
            })
            .collect();
        let applies = |effect| examined.iter().any(|(at, miss)| miss.is_none() && at.statement.effect() == effect);
        let verdict = Verdict::of_set(applies);
        let finding = |(at, miss): (StatementRef<'a>, Option<Mismatch>)| {
            let finding = match (miss, at.statement.effect()) {
                (Some(mismatch), _) => Finding::Misses(mismatch),
                (None, Effect::Allow) if verdict == Verdict::ExplicitDeny => Finding::Overruled,
                (None, _) => Finding::Decides,
            };
            (at, finding)
        };
        let findings = examined.into_iter().map(finding).collect();
        Self { kind, name, verdict: (asked == Asked::Yes).then_some(verdict), findings }
    }
}
