//! Judging a request by the layers of its principal (`spec/ram-policy.md` 6): total, and nothing but a function.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::ram::{Action, Fields, Resource};

use super::decision::{Decision, Grounds, Judged, verdict_of};
use super::effect::Effect;
use super::facts::{Facts, Reading};
use super::lane::{Lane, Lanes};
use super::layer::{Layers, LayersSaid, Scoped};
use super::request::Request;
use super::set::{Asked, PolicySet};
use super::verdict::{Applies, Said, Verdict};

/// Judges each resource of the request by itself. The layers must be those of the request's principal.
pub fn evaluate(layers: &Arc<Layers>, request: &Request<'_>) -> Decision {
    Decision { judged: judge_all(layers, request, Reading::Closed), layers: Arc::clone(layers) }
}

/// Whether the answer turns on tags or groups of resources that the request has no facts of: with all of them known, it
/// might be allowed, and it might be refused.
pub fn turns_on_facts(layers: &Arc<Layers>, request: &Request<'_>) -> bool {
    let allows = |reading| verdict_of(&judge_all(layers, request, reading)) == Verdict::Allow;
    !allows(Reading::Closed) && allows(Reading::Open)
}

fn judge_all(layers: &Layers, request: &Request<'_>, reading: Reading) -> SmallVec<[Judged; 2]> {
    let lane = LaneOf::new(layers, request.action);
    let mut judged = SmallVec::new();
    for (at, resource) in request.resources.iter().enumerate() {
        judged.push(judge(layers, request, &lane, (at, resource), reading));
    }
    judged
}

fn judge(
    layers: &Layers,
    request: &Request<'_>,
    lane: &LaneOf<'_>,
    (at, resource): (usize, &Resource<'_>),
    reading: Reading,
) -> Judged {
    let fields = resource.fields();
    if let Some(settled) = settled(layers, request, fields) {
        return settled;
    }
    let facts = Facts::of(request, at, reading);
    let asked = Asked { action: request.action, lane: lane.lane, resource, fields, facts: &facts };
    let bench = Bench { lanes: lane.lanes, asked };
    let control = bench.levels(layers.control());
    let session = request.session.map(|set| bench.sets(|| [&**set].into_iter()));
    let refused = [control, session].into_iter().flatten().any(|said| !said.allows());
    // What is refused already is refused by that layer whatever the others say: they are not asked.
    let (account, groups) = if refused {
        (Said::Nothing, None)
    } else {
        let account = bench.sets(|| layers.account().iter().map(|set| &**set));
        let groups = layers.resource_groups();
        (account, (!groups.is_empty()).then(|| bench.groups(groups)))
    };
    LayersSaid { control, session, account, groups }.combine()
}

/// What is decided without asking a policy.
pub(super) fn settled(layers: &Layers, request: &Request<'_>, fields: Option<Fields<'_>>) -> Option<Judged> {
    let principal = request.principal;
    let deny = |grounds| Some(Judged { verdict: Verdict::ImplicitDeny, grounds });
    let foreign = fields.is_some_and(|fields| fields.account != principal.account().as_str());
    // A role may be assumed from another account: that is how one comes to the other's resources.
    if foreign && request.action.service() != "sts" {
        return deny(Grounds::ForeignAccount);
    }
    if principal.is_root() && !foreign {
        return Some(Judged { verdict: Verdict::Allow, grounds: Grounds::Ownership });
    }
    if layers.quarantine().is_some() { deny(Grounds::Quarantine) } else { None }
}

/// One resource of one request, to be held against sets of policies.
struct Bench<'a> {
    /// In which the lane was looked up.
    lanes: Option<&'a Lanes>,
    asked: Asked<'a>,
}

impl<'a> Bench<'a> {
    /// Every level must allow, and an explicit deny anywhere is one of the whole; none without levels.
    fn levels(&self, levels: &[Arc<PolicySet>]) -> Option<Said> {
        levels.iter().map(|level| self.sets(|| [&**level].into_iter())).max()
    }

    /// Sets that are one layer.
    fn sets<'s, I: Iterator<Item = &'s PolicySet>>(&self, sets: impl Fn() -> I) -> Said {
        Said::of_set(|effect| Applies::strongest(sets().map(|set| self.applies(set, effect))))
    }

    /// Those of resource groups, which are one layer too.
    fn groups(&self, groups: &[Scoped]) -> Said {
        Said::of_set(|effect| {
            Applies::strongest(groups.iter().map(
                |scoped| match self.asked.facts.acts_in(&scoped.resource_group, effect) {
                    Applies::No => Applies::No,
                    acts => acts.min(self.applies(&scoped.set, effect)),
                },
            ))
        })
    }

    fn applies(&self, set: &PolicySet, effect: Effect) -> Applies {
        if self.lanes.is_some_and(|lanes| lanes.same(set.lanes())) {
            return set.applies(effect, &self.asked);
        }
        set.applies(effect, &Asked { lane: set.lanes().find(self.asked.action), ..self.asked })
    }
}

/// The lane of the action, looked up once: nearly always all sets have the same lanes.
struct LaneOf<'a> {
    lanes: Option<&'a Lanes>,
    lane: Option<Lane>,
}

impl<'a> LaneOf<'a> {
    fn new(layers: &'a Layers, action: &Action) -> Self {
        let lanes = layers.sets().next().map(|(_, _, set)| set.lanes());
        Self { lanes, lane: lanes.and_then(|lanes| lanes.find(action)) }
    }
}
