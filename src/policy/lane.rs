//! The actions that are asked for all the time. An index is built for these; any other action is judged without one.

use std::sync::Arc;

use crate::ram::Action;

/// A fixed list of actions. A clone costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct Lanes(Arc<[Action]>);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane(u8);

/// Some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneSet(u32);

impl Lanes {
    /// The first 32 actions have a lane; the rest do without.
    pub fn new(actions: impl IntoIterator<Item = Action>) -> Self {
        Self(actions.into_iter().take(LaneSet::MOST).collect())
    }

    pub(super) fn find(&self, action: &Action) -> Option<Lane> {
        let at = self.0.iter().position(|known| known == action)?;
        u8::try_from(at).ok().map(Lane)
    }

    /// Whether an action of this name has a lane.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.0.iter().any(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether two are one list.
    pub(super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The lanes whose action is selected.
    pub(super) fn selected(&self, select: impl Fn(&Action) -> bool) -> LaneSet {
        let bits = self.0.iter().enumerate().filter(|(_, action)| select(action));
        LaneSet(bits.fold(0, |bits, (at, _)| bits | 1 << at))
    }
}

impl LaneSet {
    const MOST: usize = 32;

    pub(super) fn has(self, lane: Lane) -> bool {
        self.0 >> lane.0 & 1 == 1
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub(super) fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_the_lane_of_its_place() {
        let actions: Vec<Action> = (0..40).map(|at| format!("ecs:A{at}").parse().unwrap()).collect();
        let lanes = Lanes::new(actions.clone());
        assert_eq!(lanes.find(&"ECS:a31".parse().unwrap()), Some(Lane(31)));
        assert_eq!(lanes.find(&actions[32]), None);
        let odd = lanes.selected(|action| action.as_str().ends_with('1'));
        assert!(odd.has(Lane(1)) && odd.has(Lane(31)) && !odd.has(Lane(2)) && !odd.is_empty());
        assert!(lanes.selected(|_| false).is_empty());
        assert!(odd.with(lanes.selected(|_| true)).has(Lane(2)));
    }
}
