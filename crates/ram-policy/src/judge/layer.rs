//! The layers of policies that RAM evaluates for one principal, in order.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::judge::request::Check;
use crate::judge::set::PolicySet;
use crate::judge::verdict::{Grounds, Judged, LayerKind, LayerOutcome, Verdict};
use crate::language::attributes::RequiredAttributes;
use crate::name::action::Action;

/// All policies that apply to one principal, in layers.
///
/// The layer of identity policies at account scope always exists, so a principal without policies is denied.
///
/// ```
/// use std::sync::Arc;
///
/// use ram_policy::{AttachedTo, Document, Layers, PolicySetBuilder, Source};
///
/// let document = |name: &str, action: &str| {
///     let text = format!(
///         r#"{{ "Version": "1", "Statement": [ {{ "Effect": "Allow", "Action": "{action}", "Resource": "*" }} ] }}"#
///     );
///     Arc::new(Document::parse(name, &Source::new(format!("{name}.json"), text)).expect("a valid policy"))
/// };
/// let mut sets = PolicySetBuilder::default();
/// let root_folder = sets.set(AttachedTo::Level("root-folder".into()), vec![document("guardrails", "ecs:*")]);
/// let own = sets.set(AttachedTo::User, vec![document("dev", "ecs:Describe*")]);
/// let group = sets.set(AttachedTo::Group("netops".into()), vec![document("network", "vpc:*")]);
///
/// let levels: Arc<[_]> = Arc::new([root_folder]);
/// let layers = Layers::identity([own, group]).under(&levels);
/// assert_eq!((layers.control().len(), layers.account().len()), (1, 2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Layers {
    control: Option<Arc<[Arc<PolicySet>]>>,
    account: SmallVec<[Arc<PolicySet>; 1]>,
    groups: Box<[Scoped]>,
    quarantined: Option<Arc<str>>,
}

/// Policies that are attached for one resource group: they act only on resources in it.
#[derive(Clone, Debug)]
pub struct Scoped {
    /// The id of the resource group.
    pub resource_group: Arc<str>,
    /// The policies.
    pub set: Arc<PolicySet>,
}

/// The outcome of each layer by itself; `None` if the principal does not have the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayerOutcomes {
    pub(crate) control: Option<LayerOutcome>,
    pub(crate) session: Option<LayerOutcome>,
    pub(crate) account: LayerOutcome,
    pub(crate) groups: Option<LayerOutcome>,
}

impl Layers {
    /// Identity policies at account scope, and no other layer. The order of the sets does not matter.
    pub fn identity(sets: impl IntoIterator<Item = Arc<PolicySet>>) -> Self {
        Self { account: sets.into_iter().collect(), ..Self::default() }
    }

    /// Adds the layer of control policies: one set for each level, outermost first. Without levels there is no such
    /// layer. Control policies do not restrict service-linked roles, so make their layers without this method
    /// (`docs/spec/ram-policy.md` 6.2).
    #[must_use]
    pub fn under(self, levels: &Arc<[Arc<PolicySet>]>) -> Self {
        Self { control: (!levels.is_empty()).then(|| Arc::clone(levels)), ..self }
    }

    /// Adds policies that are attached for resource groups.
    #[must_use]
    pub fn scoped(self, groups: Vec<Scoped>) -> Self {
        Self { groups: groups.into(), ..self }
    }

    /// Puts the principal under quarantine, because its policy with this name could not be read. Every request is then
    /// denied, except those of an account's root on its own resources: the policy might have contained a Deny.
    #[must_use]
    pub fn quarantined(self, policy: Arc<str>) -> Self {
        Self { quarantined: Some(policy), ..self }
    }

    /// The control policies, one set for each level, outermost first.
    pub fn control(&self) -> &[Arc<PolicySet>] {
        self.control.as_deref().unwrap_or_default()
    }

    /// The identity policies at account scope.
    pub fn account(&self) -> &[Arc<PolicySet>] {
        &self.account
    }

    /// The identity policies that are attached for resource groups.
    pub fn resource_groups(&self) -> &[Scoped] {
        &self.groups
    }

    /// The name of the policy that could not be read, if the principal is under quarantine.
    pub fn quarantine(&self) -> Option<&str> {
        self.quarantined.as_deref()
    }

    /// Every set with the kind of its layer and, if it is attached for a resource group, the id of the group. In the
    /// order in which RAM evaluates the layers. Session policies belong to a request and are not included.
    pub fn sets(&self) -> impl Iterator<Item = (LayerKind, Option<&str>, &Arc<PolicySet>)> {
        let control = self.control().iter().map(|set| (LayerKind::Control, None, set));
        let account = self.account.iter().map(|set| (LayerKind::AccountIdentity, None, set));
        let groups =
            self.groups.iter().map(|it| (LayerKind::ResourceGroupIdentity, Some(&*it.resource_group), &it.set));
        control.chain(account).chain(groups)
    }

    /// An upper bound on the number of resource patterns that are examined to find a Deny, and again to find an Allow,
    /// for one resource and an action with a slot in [`ActionSlots`](crate::ActionSlots). Use it to estimate the cost
    /// of a decision.
    pub fn max_examined(&self) -> usize {
        self.sets().map(|(_, _, set)| set.max_examined()).sum()
    }

    /// An upper bound on the number of statements that are examined to judge a call of which only the name of the
    /// action is known: see [`Targets::Unknown`](crate::Targets::Unknown).
    pub fn max_examined_by_name(&self, action: &Action) -> usize {
        self.sets().map(|(_, _, set)| set.max_examined_by_name(action)).sum()
    }

    /// The same layers with each set replaced by the result of `change`, which is called once for each occurrence of a
    /// set.
    #[must_use]
    pub fn map(&self, mut change: impl FnMut(&Arc<PolicySet>) -> Arc<PolicySet>) -> Self {
        Self {
            control: self.control.as_deref().map(|levels| levels.iter().map(&mut change).collect()),
            account: self.account.iter().map(&mut change).collect(),
            groups: self
                .groups
                .iter()
                .map(|scoped| Scoped { resource_group: Arc::clone(&scoped.resource_group), set: change(&scoped.set) })
                .collect(),
            quarantined: self.quarantined.clone(),
        }
    }

    /// The attributes of resources that a decision on this action may depend on. Session policies belong to a request
    /// and are not included: see [`PolicySet::required_attributes`].
    pub fn required_attributes(&self, action: &Action) -> RequiredAttributes {
        self.sets().fold(RequiredAttributes::default(), |required, (kind, _, set)| {
            let scoped = kind == LayerKind::ResourceGroupIdentity && set.selects(action);
            required.and(set.required_attributes(action)).and(RequiredAttributes { tags: false, groups: scoped })
        })
    }
}

impl LayerOutcomes {
    /// The verdict on one resource and its grounds (`docs/spec/ram-policy.md` 6.2). The first layer that does not allow
    /// decides, except that an explicit deny in a resource group overrides an allow at account scope (11, row 13). A
    /// resource that would be allowed is refused if a Deny cannot be ruled out in some layer.
    pub(crate) fn combine(self, check: Check) -> Judged {
        if check == Check::DenyOnly {
            return self.combine_denies();
        }
        use LayerKind::{AccountIdentity, Control, ResourceGroupIdentity, Session};
        let by = |verdict, layer| Judged { verdict, grounds: Grounds::Policies(layer) };
        let bounds = [(self.control, Control), (self.session, Session)];
        for (outcome, layer) in bounds {
            if let Some(refusal) = outcome.filter(|outcome| !outcome.allows()) {
                return by(refusal.verdict(), layer);
            }
        }
        if self.account == LayerOutcome::Deny {
            return by(Verdict::ExplicitDeny, AccountIdentity);
        }
        if self.groups == Some(LayerOutcome::Deny) {
            return by(Verdict::ExplicitDeny, ResourceGroupIdentity);
        }
        let identity = [(Some(self.account), AccountIdentity), (self.groups, ResourceGroupIdentity)];
        let Some((_, allowing)) = identity.iter().find(|(outcome, _)| outcome.is_some_and(LayerOutcome::allows)) else {
            return by(Verdict::ImplicitDeny, AccountIdentity);
        };
        let unknown = bounds.iter().chain(&identity).find(|(outcome, _)| outcome.is_some_and(LayerOutcome::may_deny));
        match unknown {
            Some((_, layer)) => Judged { verdict: Verdict::ImplicitDeny, grounds: Grounds::Unknown(*layer) },
            None => by(Verdict::Allow, *allowing),
        }
    }

    /// The verdict on a resource that needs no Allow: the first layer with a Deny that applies decides, otherwise the
    /// first one with a Deny that cannot be ruled out.
    fn combine_denies(self) -> Judged {
        use LayerKind::{AccountIdentity, Control, ResourceGroupIdentity, Session};
        let layers = [
            (self.control, Control),
            (self.session, Session),
            (Some(self.account), AccountIdentity),
            (self.groups, ResourceGroupIdentity),
        ];
        let first = |is: fn(LayerOutcome) -> bool| layers.iter().find(|it| it.0.is_some_and(is)).map(|it| it.1);
        if let Some(layer) = first(|outcome| outcome == LayerOutcome::Deny) {
            return Judged { verdict: Verdict::ExplicitDeny, grounds: Grounds::Policies(layer) };
        }
        match first(LayerOutcome::may_deny) {
            Some(layer) => Judged { verdict: Verdict::ImplicitDeny, grounds: Grounds::Unknown(layer) },
            None => Judged { verdict: Verdict::Allow, grounds: Grounds::NotDenied },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All 6 x 6 x 5 x 6 combinations of outcomes.
    #[test]
    fn the_table_over_the_layers_is_complete() {
        use LayerKind::{AccountIdentity, Control, ResourceGroupIdentity, Session};
        use LayerOutcome::{Allow, AllowWithPossibleDeny, Deny, NoAllow, NoAllowWithPossibleDeny};
        let all = [Allow, AllowWithPossibleDeny, NoAllow, NoAllowWithPossibleDeny, Deny];
        let maybe = || std::iter::once(None).chain(all.map(Some));
        let mut rows = 0;
        for control in maybe() {
            for session in maybe() {
                for account in all {
                    for groups in maybe() {
                        let policies = |verdict, layer| Judged { verdict, grounds: Grounds::Policies(layer) };
                        let unknown =
                            |layer| Judged { verdict: Verdict::ImplicitDeny, grounds: Grounds::Unknown(layer) };
                        let (implicit, explicit) = (Verdict::ImplicitDeny, Verdict::ExplicitDeny);
                        let allowing = match (account, groups) {
                            (Allow | AllowWithPossibleDeny, _) => AccountIdentity,
                            _ => ResourceGroupIdentity,
                        };
                        let expected = match (control, session, account, groups) {
                            (Some(NoAllow | NoAllowWithPossibleDeny), ..) => policies(implicit, Control),
                            (Some(Deny), ..) => policies(explicit, Control),
                            (_, Some(NoAllow | NoAllowWithPossibleDeny), ..) => policies(implicit, Session),
                            (_, Some(Deny), ..) => policies(explicit, Session),
                            (.., Deny, _) => policies(explicit, AccountIdentity),
                            (.., Some(Deny)) => policies(explicit, ResourceGroupIdentity),
                            (.., NoAllow | NoAllowWithPossibleDeny, None | Some(NoAllow | NoAllowWithPossibleDeny)) => {
                                policies(implicit, AccountIdentity)
                            }
                            (Some(AllowWithPossibleDeny), ..) => unknown(Control),
                            (_, Some(AllowWithPossibleDeny), ..) => unknown(Session),
                            (.., AllowWithPossibleDeny | NoAllowWithPossibleDeny, _) => unknown(AccountIdentity),
                            (.., Some(AllowWithPossibleDeny | NoAllowWithPossibleDeny)) => {
                                unknown(ResourceGroupIdentity)
                            }
                            _ => policies(Verdict::Allow, allowing),
                        };
                        let outcome = LayerOutcomes { control, session, account, groups };
                        assert_eq!(outcome.combine(Check::AllowAndDeny), expected, "{outcome:?}");
                        rows += 1;
                    }
                }
            }
        }
        assert_eq!(rows, 1080);
    }
}
