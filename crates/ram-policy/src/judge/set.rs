//! The documents attached to one holder at one scope, judged as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use crate::document::policy_document::Document;
use crate::judge::action_slot::{ActionSlot, ActionSlotSet, ActionSlots};
use crate::judge::index::{At, Builder, Index, Lookup};
use crate::judge::name_index::NameIndex;
use crate::judge::nearness::{Nearness, SearchBudget};
use crate::language::attributes::{Attributes, RequiredAttributes, Targets};
use crate::language::condition::Condition;
use crate::language::effect::{Applies, Effect};
use crate::language::statement::{Actions, Statement};
use crate::name::action::Action;
use crate::name::arn::{Fields, Resource};

/// How many characters a session policy has at most: STS takes no longer one (`docs/spec/ram-policy.md` 1.4).
pub const LONGEST_SESSION_POLICY: usize = 2048;

/// Documents and their index. What several principals have through a group is one set, held once.
#[derive(Debug)]
pub struct PolicySet {
    to: AttachedTo,
    documents: Box<[Arc<Document>]>,
    index: Index,
    slots: ActionSlots,
    /// Which actions some statement selects, and for which one asks for tags, and for groups.
    selects: ActionSlotSet,
    tags: ActionSlotSet,
    groups: ActionSlotSet,
    first_allow: Option<At>,
    pub(crate) name_index: NameIndex,
}

/// To whom documents are attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachedTo {
    User,
    Group(Arc<str>),
    Role,
    /// A level of the resource directory.
    Level(Arc<str>),
    /// A role session, for its length.
    Session,
}

/// One statement, and how it came to bear on the principal.
#[derive(Clone, Copy, Debug)]
pub struct StatementRef<'a> {
    pub set: &'a PolicySet,
    pub document: &'a Document,
    pub statement: &'a Statement,
}

/// Makes sets that have the same slots.
#[derive(Debug, Default)]
pub struct PolicySetBuilder {
    slots: ActionSlots,
    /// What was worked out for an action list, by its address; the list is kept, so that the address stays its own.
    selected: HashMap<usize, (Arc<Actions>, ActionSlotSet)>,
    builder: Builder,
}

/// What is asked of a set about one resource.
pub(crate) struct ResourceQuery<'a> {
    pub(crate) action: &'a Action,
    pub(crate) slot: Option<ActionSlot>,
    pub(crate) resource: &'a Resource<'a>,
    /// Those of the resource.
    pub(crate) fields: Option<Fields<'a>>,
    pub(crate) attributes: &'a Attributes<'a>,
}

impl PolicySetBuilder {
    /// `actions` are those that will be asked for most; see [`ActionSlots::new`].
    pub fn new(actions: impl IntoIterator<Item = Action>) -> Self {
        Self { slots: ActionSlots::new(actions), ..Self::default() }
    }

    pub fn action_slots(&self) -> &ActionSlots {
        &self.slots
    }

    pub fn set(&mut self, to: AttachedTo, documents: Vec<Arc<Document>>) -> Arc<PolicySet> {
        let statements = documents.iter().map(|document| document.statements().len()).sum();
        let mut placed: Vec<(At, &Statement, ActionSlotSet)> = Vec::with_capacity(statements);
        for (document, number) in documents.iter().zip(0..) {
            for statement in document.statements() {
                let at = At { document: number, statement: statement.index };
                placed.push((at, statement, self.selected(&statement.actions)));
            }
        }
        let union = |holds: fn(&Statement) -> bool| {
            let held = placed.iter().filter(|(_, statement, _)| holds(statement));
            held.fold(ActionSlotSet::default(), |slots, (_, _, selected)| slots.with(*selected))
        };
        let selects = union(|_| true);
        let (tags, groups) = (union(|it| required_by(it).tags), union(|it| required_by(it).groups));
        let first_allow = placed.iter().find(|(_, statement, _)| statement.effect == Effect::Allow).map(|(at, ..)| *at);
        let index = self.builder.index(&placed);
        let name_index = NameIndex::new(placed.iter().map(|(at, statement, _)| (*at, *statement)), &self.slots);
        let (slots, documents) = (self.slots.clone(), documents.into());
        Arc::new(PolicySet { to, documents, index, slots, selects, tags, groups, first_allow, name_index })
    }

    fn selected(&mut self, actions: &Arc<Actions>) -> ActionSlotSet {
        let slots = &self.slots;
        let select = || (Arc::clone(actions), slots.selected(|action| actions.select(action)));
        self.selected.entry(Arc::as_ptr(actions) as usize).or_insert_with(select).1
    }
}

impl PolicySet {
    /// One document by itself: a session policy.
    pub fn session(document: Arc<Document>, slots: &ActionSlots) -> Arc<Self> {
        let mut sets = PolicySetBuilder { slots: slots.clone(), ..PolicySetBuilder::default() };
        sets.set(AttachedTo::Session, vec![document])
    }

    pub fn to(&self) -> &AttachedTo {
        &self.to
    }

    pub fn documents(&self) -> &[Arc<Document>] {
        &self.documents
    }

    /// Whether some statement selects one of the actions that have a slot.
    pub fn is_indexed(&self) -> bool {
        !self.selects.is_empty()
    }

    /// Every statement, in the order of documents.
    pub fn statements(&self) -> impl Iterator<Item = StatementRef<'_>> {
        self.documents.iter().flat_map(move |document| {
            let statements = document.statements().iter();
            statements.map(move |statement| StatementRef { set: self, document, statement })
        })
    }

    /// The most statements that one question about an action with a slot can meet.
    pub(crate) fn max_examined(&self) -> usize {
        self.index.max_examined()
    }

    /// The most statements that one question about a call can meet of which only the name is known, as
    /// [`Targets::Unknown`] says.
    pub(crate) fn max_examined_by_name(&self, action: &Action) -> usize {
        self.name_index.way(action)
    }

    pub(crate) fn action_slots(&self) -> &ActionSlots {
        &self.slots
    }

    /// Which facts some statement about the action asks for.
    pub fn required_attributes(&self, action: &Action) -> RequiredAttributes {
        if let Some(slot) = self.slots.find(action) {
            return RequiredAttributes { tags: self.tags.has(slot), groups: self.groups.has(slot) };
        }
        self.about(action).fold(RequiredAttributes::default(), |needs, statement| needs.and(required_by(statement)))
    }

    /// Whether some statement selects the action.
    pub(crate) fn selects(&self, action: &Action) -> bool {
        match self.slots.find(action) {
            Some(slot) => self.selects.has(slot),
            None => self.about(action).next().is_some(),
        }
    }

    fn about(&self, action: &Action) -> impl Iterator<Item = &Statement> {
        self.statements().map(|at| at.statement).filter(|statement| statement.actions.select(action))
    }

    /// Whether some statement of this effect applies.
    pub(crate) fn applies(&self, effect: Effect, query: &ResourceQuery<'_>) -> Applies {
        match self.lookup(query) {
            Some(lookup) => self.index.applies(effect, &lookup),
            None => match Applies::strongest(self.scan(effect, query).map(|(_, applies)| applies)) {
                // One possible Deny is enough: the rest cannot make it more certain.
                Applies::No if self.doubtful(effect, query).any(|(_, it)| it != Applies::No) => Applies::Unknown,
                found => found,
            },
        }
    }

    /// The statements of this effect that apply, in the order of documents; some of them where there are more than
    /// `most`.
    pub(crate) fn applying(&self, effect: Effect, query: &ResourceQuery<'_>, most: usize) -> Vec<StatementRef<'_>> {
        self.finding(effect, query, Applies::Yes, most)
    }

    /// The first statement of this effect of which it is not known whether it applies, in the order of documents, of the
    /// first `most` that are found.
    pub(crate) fn unknown(&self, effect: Effect, query: &ResourceQuery<'_>, most: usize) -> Option<StatementRef<'_>> {
        self.finding(effect, query, Applies::Unknown, most).into_iter().next()
    }

    /// The first statement of this effect that applies or may apply, in the order of documents, of the first `most`
    /// that are found of either.
    pub(crate) fn may_apply(&self, effect: Effect, query: &ResourceQuery<'_>, most: usize) -> Option<StatementRef<'_>> {
        let Some(lookup) = self.lookup(query) else {
            let found = self.scan(effect, query).chain(self.doubtful(effect, query));
            let found = found.filter(|(_, applies)| *applies != Applies::No).map(|(at, _)| at);
            return found.take(most).min().map(|at| self.at(at));
        };
        let found = [Applies::Yes, Applies::Unknown].map(|it| self.index.finding(effect, &lookup, it, most));
        found.into_iter().flatten().min().map(|at| self.at(at))
    }

    fn finding(
        &self,
        effect: Effect,
        query: &ResourceQuery<'_>,
        wanted: Applies,
        most: usize,
    ) -> Vec<StatementRef<'_>> {
        let Some(lookup) = self.lookup(query) else {
            let found = self.scan(effect, query).chain(self.doubtful(effect, query));
            let found = found.filter(|(_, applies)| *applies == wanted).map(|(at, _)| at);
            return self.in_order(found.take(most).collect());
        };
        let found = self.index.finding(effect, &lookup, wanted, most);
        self.in_order(found)
    }

    /// Every statement whose action and resource match, whatever its conditions say, in the order of documents.
    pub(crate) fn matching(&self, query: &ResourceQuery<'_>) -> Vec<StatementRef<'_>> {
        let Some(lookup) = self.lookup(query) else {
            return self.statements().filter(|at| at.statement.matches(query.action, query.resource)).collect();
        };
        let mut found = Vec::new();
        for effect in [Effect::Deny, Effect::Allow] {
            self.index.for_each_match(effect, &lookup, |at| found.push(at));
        }
        self.in_order(found)
    }

    /// Each of the statements once.
    fn in_order(&self, mut found: Vec<At>) -> Vec<StatementRef<'_>> {
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|at| self.at(at)).collect()
    }

    /// The first statement that allows something.
    pub(crate) fn first_allow(&self) -> Option<StatementRef<'_>> {
        self.first_allow.map(|at| self.at(at))
    }

    /// The Allow statement that came nearest to applying, of those that select the action; none without a slot.
    pub(crate) fn nearest_by_index(
        &self,
        query: &ResourceQuery<'_>,
        budget: &mut SearchBudget,
    ) -> Option<(StatementRef<'_>, Nearness)> {
        let lookup = self.lookup(query).filter(|lookup| self.selects.has(lookup.slot))?;
        let unmet = |at| self.at(at).statement.condition_mismatch(query.attributes);
        let found = self.index.nearest(Effect::Allow, &lookup, budget, unmet)?;
        Some((self.at(found.at), found.nearness))
    }

    /// None where each statement must be looked at: for an action without a slot, and for a call of which it is not
    /// known what it names.
    fn lookup<'a>(&self, query: &ResourceQuery<'a>) -> Option<Lookup<'a>> {
        if query.attributes.targets() == Targets::Unknown {
            return None;
        }
        Some(Lookup { slot: query.slot?, resource: query.resource, fields: query.fields, attributes: query.attributes })
    }

    pub(crate) fn at(&self, at: At) -> StatementRef<'_> {
        let document = &self.documents[at.document as usize];
        StatementRef { set: self, document, statement: &document.statements()[at.statement as usize] }
    }
}

impl StatementRef<'_> {
    /// Whether both are the same statement of the same document, however it came to bear. Documents with one text
    /// share their statements.
    pub fn is(&self, other: StatementRef<'_>) -> bool {
        std::ptr::eq(self.statement, other.statement) && std::ptr::eq(self.document, other.document)
    }
}

impl AttachedTo {
    /// The level's name; none for whoever is none.
    pub(crate) fn level(&self) -> Option<&str> {
        match self {
            Self::Level(name) => Some(name),
            Self::User | Self::Group(_) | Self::Role | Self::Session => None,
        }
    }

    /// The `AttachedEntityType` of `docs/spec/ram-policy.md` 7.3.
    pub fn entity_type(&self) -> &'static str {
        match self {
            Self::User => "RamUser",
            Self::Group(_) => "RamGroup",
            Self::Role | Self::Session => "RamRole",
            Self::Level(_) => "ResourceDirectoryTarget",
        }
    }
}

/// Which attributes the conditions of a statement ask for.
fn required_by(statement: &Statement) -> RequiredAttributes {
    let keys = statement.conditions().iter().map(Condition::key);
    keys.fold(RequiredAttributes::default(), |needs, key| needs.and(RequiredAttributes::of_key(key)))
}
