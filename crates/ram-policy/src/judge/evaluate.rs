//! Judging a request by the layers of its principal (`docs/spec/ram-policy.md` 6), as a total and pure function.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::judge::action_slot::{ActionSlot, ActionSlots};
use crate::judge::layer::{LayerOutcomes, Layers, Scoped};
use crate::judge::request::{Check, Request};
use crate::judge::set::{PolicySet, ResourceQuery};
use crate::judge::verdict::{Grounds, Judged, LayerKind, LayerOutcome, Verdict};
use crate::language::attributes::Reading;
use crate::language::effect::{Applies, Effect};
use crate::name::action::Action;
use crate::name::arn::{Fields, Resource};

/// Decides a request: judges each of its resources by the layers of its principal.
///
/// The function is total: it returns a decision for every request and does not panic. The layers must be those of
/// `request.principal`, which is not checked.
///
/// ```
/// use std::sync::Arc;
///
/// use ram_policy::{
///     AttachedTo, Context, Document, Layers, PolicySetBuilder, Principal, Request, Resource, Source, Targets,
///     UnknownKeys, Verdict, evaluate,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = r#"{ "Version": "1", "Statement": [ { "Effect": "Allow", "Action": "ecs:*", "Resource": "*" } ] }"#;
/// let document = Document::parse("ecs", &Source::new("ecs.json", text)).expect("a valid policy");
/// let set = PolicySetBuilder::default().set(AttachedTo::User, vec![Arc::new(document)]);
/// let layers = Arc::new(Layers::identity([set]));
///
/// let principal = Principal::new("1234567890123456".parse()?, "user/alice".parse()?);
/// let action = "ecs:StopInstance".parse()?;
/// let resources = [Resource::read("acs:ecs:cn-hangzhou:1234567890123456:instance/i-1")?];
/// let decision = evaluate(&layers, &Request {
///     principal: &principal,
///     action: &action,
///     resources: &resources,
///     deny_only: &[],
///     context: &Context::default(),
///     attributes: &[Context::default()],
///     session_policy: None,
///     unknown_keys: UnknownKeys::none(),
///     targets: Targets::Known,
/// });
/// assert_eq!(decision.verdict(), Verdict::Allow);
/// # Ok(())
/// # }
/// ```
pub fn evaluate(layers: &Arc<Layers>, request: &Request<'_>) -> Decision {
    Decision { judged: judge_all(layers, request, Reading::Closed), layers: Arc::clone(layers) }
}

/// Whether the decision depends on tags or resource groups that [`Request::attributes`] does not have: with them, the
/// request might be allowed or denied.
///
/// If not, [`evaluate`] allows or denies the request without them just as it would with them, and the caller can save
/// the look-up.
pub fn depends_on_attributes(layers: &Arc<Layers>, request: &Request<'_>) -> bool {
    let allows = |reading| verdict_of(&judge_all(layers, request, reading)) == Verdict::Allow;
    !allows(Reading::Closed) && allows(Reading::Open)
}

fn judge_all(layers: &Layers, request: &Request<'_>, reading: Reading) -> SmallVec<[Judged; 2]> {
    let slot = RequestSlot::new(layers, request.action);
    let mut judged = SmallVec::new();
    for resource in request.resources.iter().enumerate() {
        judged.push(judge(layers, request, &slot, resource, Check::AllowAndDeny, reading));
    }
    for resource in request.judged_resources().skip(request.resources.len()) {
        judged.push(judge(layers, request, &slot, resource, Check::DenyOnly, reading));
    }
    judged
}

// Inlined, so that each caller gets a copy for its kind of check: nearly all resources need an Allow.
#[inline(always)]
fn judge(
    layers: &Layers,
    request: &Request<'_>,
    slot: &RequestSlot<'_>,
    (at, resource): (usize, &Resource<'_>),
    check: Check,
    reading: Reading,
) -> Judged {
    let fields = resource.fields();
    if let Some(settled) = settled(layers, request, (fields, check)) {
        return settled;
    }
    let attributes = request.attributes_read(at, reading);
    let query = ResourceQuery { action: request.action, slot: slot.slot, resource, fields, attributes: &attributes };
    let evaluation = Evaluation { slots: slot.slots, query, check };
    let control = evaluation.levels(layers.control());
    let session = request.session_policy.map(|set| evaluation.sets(|| [&**set].into_iter()));
    let refused =
        [control, session].into_iter().flatten().any(|outcome| check == Check::AllowAndDeny && !outcome.allows());
    // The other layers cannot change a refusal by these two, so they are not evaluated.
    let (account, groups) = if refused {
        (LayerOutcome::NoAllow, None)
    } else {
        let account = evaluation.sets(|| layers.account().iter().map(|set| &**set));
        let groups = layers.resource_groups();
        (account, (!groups.is_empty()).then(|| evaluation.groups(groups)))
    };
    LayerOutcomes { control, session, account, groups }.combine(check)
}

/// The judgement on a resource if it is settled without evaluating policies.
#[inline]
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
    // Except for STS: a role of another account can be assumed, which is how its resources are reached.
    if foreign && request.action.service() != "sts" {
        return deny(Grounds::ForeignAccount);
    }
    if principal.is_root() && !foreign {
        return Some(Judged { verdict: Verdict::Allow, grounds: Grounds::Ownership });
    }
    if layers.quarantine().is_some() { deny(Grounds::Quarantine) } else { None }
}

/// The evaluation of sets of policies for one resource of a request.
struct Evaluation<'a> {
    /// The slots that the slot of the query belongs to.
    slots: Option<&'a ActionSlots>,
    query: ResourceQuery<'a>,
    check: Check,
}

impl<'a> Evaluation<'a> {
    /// The outcome of the control policies: every level must allow, and an explicit deny in one level is an explicit
    /// deny of the layer. `None` without levels.
    fn levels(&self, levels: &[Arc<PolicySet>]) -> Option<LayerOutcome> {
        levels.iter().map(|level| self.sets(|| [&**level].into_iter())).max()
    }

    /// The outcome of sets that form one layer.
    fn sets<'s, I: Iterator<Item = &'s PolicySet>>(&self, sets: impl Fn() -> I) -> LayerOutcome {
        LayerOutcome::of_set(|effect| Applies::strongest(sets().map(|set| self.applies(set, effect))))
    }

    /// The outcome of the sets of all resource groups, which also form one layer.
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

/// The slot of the action, looked up once, because nearly always all sets have the same slots.
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

/// Allows the request without evaluating policies, because the operator configured that for its operation.
///
/// The grounds are [`Grounds::Configured`]. A principal under quarantine is still denied; see [`Layers::quarantined`].
pub fn allow_by_configuration(layers: &Arc<Layers>, request: &Request<'_>) -> Decision {
    if layers.quarantine().is_some() {
        return evaluate(layers, request);
    }
    let configured = Judged { verdict: Verdict::Allow, grounds: Grounds::Configured };
    Decision { judged: request.judged_resources().map(|_| configured).collect(), layers: Arc::clone(layers) }
}

/// The decision on one request, as [`evaluate`](crate::evaluate) makes it.
///
/// It can be explained by [`Decision::reason`] in one line and by [`Decision::proof`] in full.
#[derive(Clone, Debug)]
pub struct Decision {
    pub(crate) judged: SmallVec<[Judged; 2]>,
    pub(crate) layers: Arc<Layers>,
}

impl Decision {
    /// The verdict on the whole request. It is allowed only if every resource is; a request without resources is an
    /// implicit deny.
    #[inline]
    pub fn verdict(&self) -> Verdict {
        verdict_of(&self.judged)
    }

    /// The judgement that decides the request, with the index of its resource: the first one with the verdict of the
    /// request, and among denials first one that does not depend on something unknown. `None` without resources.
    pub fn decisive(&self) -> Option<(usize, Judged)> {
        decisive(&self.judged)
    }

    /// Whether the request was allowed by configuration, without evaluating policies.
    pub fn is_configured(&self) -> bool {
        self.judged.iter().any(|judged| judged.grounds == Grounds::Configured)
    }

    /// The judgement on each resource, in the order of the request.
    pub fn judgements(&self) -> &[Judged] {
        &self.judged
    }

    /// The `PolicyType` to report with a denial; `None` if the request is allowed.
    pub fn policy_type(&self) -> Option<&'static str> {
        if self.verdict() == Verdict::Allow {
            return None;
        }
        let kind = self.decisive().map_or(LayerKind::AccountIdentity, |(_, judged)| judged.grounds.layer());
        Some(kind.policy_type())
    }
}

/// See [`Decision::verdict`].
#[inline]
pub(crate) fn verdict_of(judged: &[Judged]) -> Verdict {
    judged.iter().map(|judged| judged.verdict).max().unwrap_or(Verdict::ImplicitDeny)
}

/// See [`Decision::decisive`].
pub(crate) fn decisive(judged: &[Judged]) -> Option<(usize, Judged)> {
    let weight = |judged: Judged| (judged.verdict, !matches!(judged.grounds, Grounds::Unknown(_)));
    let judged = judged.iter().copied().enumerate();
    judged.reduce(|first, next| if weight(next.1) > weight(first.1) { next } else { first })
}
