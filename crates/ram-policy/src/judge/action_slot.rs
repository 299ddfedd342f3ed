//! The actions that are indexed. Any other action is judged by examining every statement.

use std::sync::Arc;

use crate::name::action::Action;

/// The list of actions that policy sets are indexed for: at most 32. A clone costs no allocation.
///
/// Sets of one principal should share one list; a [`PolicySetBuilder`](crate::PolicySetBuilder) takes care of that.
#[derive(Clone, Debug, Default)]
pub struct ActionSlots(Arc<[Action]>);

/// The number of an action in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ActionSlot(u8);

/// A set of actions in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ActionSlotSet(u32);

impl ActionSlots {
    /// The list of the first 32 of these actions. The others are not indexed.
    pub fn new(actions: impl IntoIterator<Item = Action>) -> Self {
        Self(actions.into_iter().take(ActionSlotSet::MOST).collect())
    }

    pub(crate) fn find(&self, action: &Action) -> Option<ActionSlot> {
        let at = self.0.iter().position(|known| known == action)?;
        u8::try_from(at).ok().map(ActionSlot)
    }

    /// Whether an action of this name has a slot.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.0.iter().any(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether both are the same list in memory.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The slots whose action is selected.
    pub(crate) fn selected(&self, select: impl Fn(&Action) -> bool) -> ActionSlotSet {
        let bits = self.0.iter().enumerate().filter(|(_, action)| select(action));
        ActionSlotSet(bits.fold(0, |bits, (at, _)| bits | 1 << at))
    }
}

impl ActionSlotSet {
    const MOST: usize = 32;

    pub(crate) fn has(self, slot: ActionSlot) -> bool {
        self.0 >> slot.0 & 1 == 1
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub(crate) fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_the_slot_of_its_place() {
        let actions: Vec<Action> = (0..40).map(|at| format!("ecs:A{at}").parse().unwrap()).collect();
        let slots = ActionSlots::new(actions.clone());
        assert_eq!(slots.find(&"ECS:a31".parse().unwrap()), Some(ActionSlot(31)));
        assert_eq!(slots.find(&actions[32]), None);
        let odd = slots.selected(|action| action.as_str().ends_with('1'));
        assert!(odd.has(ActionSlot(1)) && odd.has(ActionSlot(31)) && !odd.has(ActionSlot(2)) && !odd.is_empty());
        assert!(slots.selected(|_| false).is_empty());
        assert!(odd.with(slots.selected(|_| true)).has(ActionSlot(2)));
    }
}
