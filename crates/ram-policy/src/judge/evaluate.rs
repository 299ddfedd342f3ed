//! Judging a request by the layers of its principal (`docs/spec/ram-policy.md` 6): total, and nothing but a function.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::judge::action_slot::{ActionSlot, ActionSlots};
use crate::judge::decision::{Decision, verdict_of};
use crate::judge::layer::{LayerOutcomes, Layers, Scoped};
use crate::judge::request::{Check, Request};
use crate::judge::set::{PolicySet, ResourceQuery};
use crate::judge::verdict::{Grounds, Judged, LayerOutcome, Verdict};
use crate::language::attributes::Reading;
use crate::language::effect::{Applies, Effect};
use crate::name::action::Action;
use crate::name::arn::{Fields, Resource};

/// Judges each resource of the request by itself. The layers must be those of the request's principal.
pub fn evaluate(layers: &Arc<Layers>, request: &Request<'_>) -> Decision {
    Decision { judged: judge_all(layers, request, Reading::Closed), layers: Arc::clone(layers) }
}

/// Whether the answer turns on tags or groups of resources that the request has no facts of: with all of them known, it
/// might be allowed, and it might be refused.
pub fn depends_on_attributes(layers: &Arc<Layers>, request: &Request<'_>) -> bool {
    let allows = |reading| verdict_of(&judge_all(layers, request, reading)) == Verdict::Allow;
    !allows(Reading::Closed) && allows(Reading::Open)
}

fn judge_all(layers: &Layers, request: &Request<'_>, reading: Reading) -> SmallVec<[Judged; 2]> {
    let slot = RequestSlot::new(layers, request.action);
    let mut judged = SmallVec::new();
    for resource in request.judged_resources() {
        judged.push(judge(layers, request, &slot, resource, reading));
    }
    judged
}

fn judge(
    layers: &Layers,
    request: &Request<'_>,
    slot: &RequestSlot<'_>,
    (at, resource): (usize, &Resource<'_>),
    reading: Reading,
) -> Judged {
    let (fields, check) = (resource.fields(), request.check(at));
    if let Some(settled) = settled(layers, request, (fields, check)) {
        return settled;
    }
    let attributes = request.attributes_read(at, reading);
    let query = ResourceQuery { action: request.action, slot: slot.slot, resource, fields, attributes: &attributes };
    let bench = Bench { slots: slot.slots, query, check };
    let control = bench.levels(layers.control());
    let session = request.session_policy.map(|set| bench.sets(|| [&**set].into_iter()));
    let refused =
        [control, session].into_iter().flatten().any(|outcome| check == Check::AllowAndDeny && !outcome.allows());
    // What is refused already is refused by that layer whatever the others say: they are not asked.
    let (account, groups) = if refused {
        (LayerOutcome::NoAllow, None)
    } else {
        let account = bench.sets(|| layers.account().iter().map(|set| &**set));
        let groups = layers.resource_groups();
        (account, (!groups.is_empty()).then(|| bench.groups(groups)))
    };
    LayerOutcomes { control, session, account, groups }.combine(check)
}

/// What is decided without asking a policy.
pub(crate) fn settled(
    layers: &Layers,
    request: &Request<'_>,
    (fields, check): (Option<Fields<'_>>, Check),
) -> Option<Judged> {
    let principal = request.principal;
    let deny = |grounds| Some(Judged { verdict: Verdict::ImplicitDeny, grounds });
    if check == Check::DenyOnly {
        return match layers.quarantine() {
            _ if principal.is_root() => Some(Judged { verdict: Verdict::Allow, grounds: Grounds::NotDenied }),
            Some(_) => deny(Grounds::Quarantine),
            None => None,
        };
    }
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
    /// In which the slot was looked up.
    slots: Option<&'a ActionSlots>,
    query: ResourceQuery<'a>,
    check: Check,
}

impl<'a> Bench<'a> {
    /// Every level must allow, and an explicit deny anywhere is one of the whole; none without levels.
    fn levels(&self, levels: &[Arc<PolicySet>]) -> Option<LayerOutcome> {
        levels.iter().map(|level| self.sets(|| [&**level].into_iter())).max()
    }

    /// Sets that form one layer.
    fn sets<'s, I: Iterator<Item = &'s PolicySet>>(&self, sets: impl Fn() -> I) -> LayerOutcome {
        LayerOutcome::of_set(|effect| Applies::strongest(sets().map(|set| self.applies(set, effect))))
    }

    /// Those of resource groups, which are one layer too.
    fn groups(&self, groups: &[Scoped]) -> LayerOutcome {
        LayerOutcome::of_set(|effect| {
            Applies::strongest(groups.iter().map(|scoped| {
                match self.query.attributes.acts_in(&scoped.resource_group, effect) {
                    Applies::No => Applies::No,
                    acts => acts.min(self.applies(&scoped.set, effect)),
                }
            }))
        })
    }

    fn applies(&self, set: &PolicySet, effect: Effect) -> Applies {
        if effect == Effect::Allow && self.check == Check::DenyOnly {
            return Applies::No;
        }
        if self.slots.is_some_and(|slots| slots.same(set.action_slots())) {
            return set.applies(effect, &self.query);
        }
        set.applies(effect, &ResourceQuery { slot: set.action_slots().find(self.query.action), ..self.query })
    }
}

/// The slot of the action, looked up once: nearly always all sets have the same slots.
struct RequestSlot<'a> {
    slots: Option<&'a ActionSlots>,
    slot: Option<ActionSlot>,
}

impl<'a> RequestSlot<'a> {
    fn new(layers: &'a Layers, action: &Action) -> Self {
        let slots = layers.sets().next().map(|(_, _, set)| set.action_slots());
        Self { slots, slot: slots.and_then(|slots| slots.find(action)) }
    }
}
