//! The layers RAM evaluates for one principal, in order, and what is attached in each.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::ram::Action;

use super::decision::{Grounds, Judged};
use super::set::{Needs, PolicySet};
use super::verdict::{Said, Verdict};

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

/// Which layer it is; named to a caller as the `PolicyType` of `spec/ram-policy.md` 7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerKind {
    /// The levels of the resource directory; each must allow.
    Control,
    /// The policy that a role session was narrowed with.
    Session,
    /// The principal's own policies and those of its groups, attached for the whole account.
    AccountIdentity,
    /// The same, attached for one resource group.
    ResourceGroupIdentity,
}

/// What each layer says by itself; none where the layer does not exist for the principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LayersSaid {
    pub(super) control: Option<Said>,
    pub(super) session: Option<Said>,
    pub(super) account: Said,
    pub(super) groups: Option<Said>,
}

impl Layers {
    /// A principal under identity policies at account scope only. Their order does not matter.
    pub fn identity(sets: impl IntoIterator<Item = Arc<PolicySet>>) -> Self {
        Self { account: sets.into_iter().collect(), ..Self::default() }
    }

    /// Under control policies too: one set a level, outermost first. Without a level there is no such layer. They do
    /// not bind a service-linked role, whose layers are made without them (`spec/ram-policy.md` 6.2).
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

    /// The most statements that judging one resource can meet, for an action with a lane: those that neither the action
    /// nor the beginning of a resource's id tells apart.
    pub fn longest_way(&self) -> usize {
        self.sets().map(|(_, _, set)| set.longest_way()).sum()
    }

    /// The most statements that judging a call can meet of which only the name of its action is known.
    pub fn untold_way(&self, action: &Action) -> usize {
        self.sets().map(|(_, _, set)| set.untold_way(action)).sum()
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
    pub fn needs(&self, action: &Action) -> Needs {
        self.sets().fold(Needs::default(), |needs, (kind, _, set)| {
            let scoped = kind == LayerKind::ResourceGroupIdentity && set.selects(action);
            needs.and(set.needs(action)).and(Needs { tags: false, groups: scoped })
        })
    }
}

impl LayersSaid {
    /// The decision on one resource, and what it rests on (`spec/ram-policy.md` 6.2). A layer that does not allow ends
    /// it; but a resource group's explicit deny goes before the account's allow (11, row 13). What would be allowed is
    /// refused when in some layer a Deny cannot be ruled out.
    pub(super) fn combine(self) -> Judged {
        use LayerKind::{AccountIdentity, Control, ResourceGroupIdentity, Session};
        let by = |verdict, layer| Judged { verdict, grounds: Grounds::Policies(layer) };
        let bounds = [(self.control, Control), (self.session, Session)];
        for (said, layer) in bounds {
            if let Some(refusal) = said.filter(|said| !said.allows()) {
                return by(refusal.verdict(), layer);
            }
        }
        if self.account == Said::Deny {
            return by(Verdict::ExplicitDeny, AccountIdentity);
        }
        if self.groups == Some(Said::Deny) {
            return by(Verdict::ExplicitDeny, ResourceGroupIdentity);
        }
        let identity = [(Some(self.account), AccountIdentity), (self.groups, ResourceGroupIdentity)];
        let Some((_, allowing)) = identity.iter().find(|(said, _)| said.is_some_and(Said::allows)) else {
            return by(Verdict::ImplicitDeny, AccountIdentity);
        };
        let unknown = bounds.iter().chain(&identity).find(|(said, _)| said.is_some_and(Said::may_deny));
        match unknown {
            Some((_, layer)) => Judged { verdict: Verdict::ImplicitDeny, grounds: Grounds::Unknown(*layer) },
            None => by(Verdict::Allow, *allowing),
        }
    }
}

impl LayerKind {
    /// Every kind, in the order in which RAM evaluates them.
    pub const ALL: [Self; 4] = [Self::Control, Self::Session, Self::AccountIdentity, Self::ResourceGroupIdentity];

    pub fn policy_type(self) -> &'static str {
        match self {
            Self::Control => "ControlPolicy",
            Self::Session => "SessionPolicy",
            Self::AccountIdentity => "AccountLevelIdentityBasedPolicy",
            Self::ResourceGroupIdentity => "ResourceGroupLevelIdentityBasedPolicy",
        }
    }

    /// The `AttachedScope` of `spec/ram-policy.md` 7.3.
    pub fn scope(self) -> &'static str {
        match self {
            Self::Control => "Folder",
            Self::Session | Self::AccountIdentity => "Account",
            Self::ResourceGroupIdentity => "ResourceGroup",
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
        use Said::{Allow, AllowOrDeny, Deny, Nothing, NothingOrDeny};
        let all = [Allow, AllowOrDeny, Nothing, NothingOrDeny, Deny];
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
                            (Allow | AllowOrDeny, _) => AccountIdentity,
                            _ => ResourceGroupIdentity,
                        };
                        let expected = match (control, session, account, groups) {
                            (Some(Nothing | NothingOrDeny), ..) => policies(implicit, Control),
                            (Some(Deny), ..) => policies(explicit, Control),
                            (_, Some(Nothing | NothingOrDeny), ..) => policies(implicit, Session),
                            (_, Some(Deny), ..) => policies(explicit, Session),
                            (.., Deny, _) => policies(explicit, AccountIdentity),
                            (.., Some(Deny)) => policies(explicit, ResourceGroupIdentity),
                            (.., Nothing | NothingOrDeny, None | Some(Nothing | NothingOrDeny)) => {
                                policies(implicit, AccountIdentity)
                            }
                            (Some(AllowOrDeny), ..) => unknown(Control),
                            (_, Some(AllowOrDeny), ..) => unknown(Session),
                            (.., AllowOrDeny | NothingOrDeny, _) => unknown(AccountIdentity),
                            (.., Some(AllowOrDeny | NothingOrDeny)) => unknown(ResourceGroupIdentity),
                            _ => policies(Verdict::Allow, allowing),
                        };
                        let said = LayersSaid { control, session, account, groups };
                        assert_eq!(said.combine(), expected, "{said:?}");
                        rows += 1;
                    }
                }
            }
        }
        assert_eq!(rows, 1080);
    }
}
