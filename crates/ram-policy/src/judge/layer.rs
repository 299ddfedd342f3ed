//! The layers RAM evaluates for one principal, in order, and what is attached in each.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::judge::request::Check;
use crate::judge::set::PolicySet;
use crate::judge::verdict::{Grounds, Judged, LayerKind, LayerOutcome, Verdict};
use crate::language::attributes::RequiredAttributes;
use crate::name::action::Action;

/// All that is attached to one principal. There is always the layer of identity policies, so that no policies are an
/// implicit deny and never nothing at all.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    control: Option<Arc<[Arc<PolicySet>]>>,
    account: SmallVec<[Arc<PolicySet>; 1]>,
    groups: Box<[Scoped]>,
    quarantined: Option<Arc<str>>,
}

/// Policies attached for the resources of one resource group.
#[derive(Clone, Debug)]
pub struct Scoped {
    pub resource_group: Arc<str>,
    pub set: Arc<PolicySet>,
}

/// What each layer says by itself; none where the layer does not exist for the principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayerOutcomes {
    pub(crate) control: Option<LayerOutcome>,
    pub(crate) session: Option<LayerOutcome>,
    pub(crate) account: LayerOutcome,
    pub(crate) groups: Option<LayerOutcome>,
}

impl Layers {
    /// A principal under identity policies at account scope only. Their order does not matter.
    pub fn identity(sets: impl IntoIterator<Item = Arc<PolicySet>>) -> Self {
        Self { account: sets.into_iter().collect(), ..Self::default() }
    }

    /// Under control policies too: one set a level, outermost first. Without a level there is no such layer. They do
    /// not bind a service-linked role, whose layers are made without them (`docs/spec/ram-policy.md` 6.2).
    #[must_use]
    pub fn under(self, levels: &Arc<[Arc<PolicySet>]>) -> Self {
        Self { control: (!levels.is_empty()).then(|| Arc::clone(levels)), ..self }
    }

    /// With policies that act in resource groups only.
    #[must_use]
    pub fn scoped(self, groups: Vec<Scoped>) -> Self {
        Self { groups: groups.into(), ..self }
    }

    /// Holding a policy that could not be read: nothing that the others say can be relied upon.
    #[must_use]
    pub fn quarantined(self, policy: Arc<str>) -> Self {
        Self { quarantined: Some(policy), ..self }
    }

    pub fn control(&self) -> &[Arc<PolicySet>] {
        self.control.as_deref().unwrap_or_default()
    }

    pub fn account(&self) -> &[Arc<PolicySet>] {
        &self.account
    }

    pub fn resource_groups(&self) -> &[Scoped] {
        &self.groups
    }

    /// The policy that could not be read, where there is one.
    pub fn quarantine(&self) -> Option<&str> {
        self.quarantined.as_deref()
    }

    /// Every set, in the order in which RAM evaluates the layers, with the resource group where it acts in one.
    pub fn sets(&self) -> impl Iterator<Item = (LayerKind, Option<&str>, &Arc<PolicySet>)> {
        let control = self.control().iter().map(|set| (LayerKind::Control, None, set));
        let account = self.account.iter().map(|set| (LayerKind::AccountIdentity, None, set));
        let groups =
            self.groups.iter().map(|it| (LayerKind::ResourceGroupIdentity, Some(&*it.resource_group), &it.set));
        control.chain(account).chain(groups)
    }

    /// The most statements that judging one resource can meet, for an action with a slot: those that neither the action
    /// nor the beginning of a resource's id tells apart.
    pub fn max_examined(&self) -> usize {
        self.sets().map(|(_, _, set)| set.max_examined()).sum()
    }

    /// The most statements that judging a call can meet of which only the name of its action is known.
    pub fn max_examined_by_name(&self, action: &Action) -> usize {
        self.sets().map(|(_, _, set)| set.max_examined_by_name(action)).sum()
    }

    /// The same with each set as `change` gives it back; it is asked once for each place a set stands in.
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

    /// Which facts about resources a judgement on this action may turn on.
    pub fn required_attributes(&self, action: &Action) -> RequiredAttributes {
        self.sets().fold(RequiredAttributes::default(), |needs, (kind, _, set)| {
            let scoped = kind == LayerKind::ResourceGroupIdentity && set.selects(action);
            needs.and(set.required_attributes(action)).and(RequiredAttributes { tags: false, groups: scoped })
        })
    }
}

impl LayerOutcomes {
    /// The decision on one resource, and what it rests on (`docs/spec/ram-policy.md` 6.2). A layer that does not allow
    /// ends it; but a resource group's explicit deny goes before the account's allow (11, row 13). What would be
    /// allowed is refused when in some layer a Deny cannot be ruled out.
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

    /// The decision on a resource that only a Deny looks at: a Deny that applies, in the order of the layers, else one
    /// that cannot be ruled out.
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

    /// Every row of the table: 6 x 6 x 5 x 6.
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
