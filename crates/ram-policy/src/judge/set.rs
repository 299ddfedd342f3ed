//! The documents that are attached to one entity at one scope, evaluated as a whole.

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

/// The longest session policy that STS accepts, in characters (`docs/spec/ram-policy.md` 1.4).
pub const LONGEST_SESSION_POLICY: usize = 2048;

/// The documents that are attached to one user, group, role, level or session, with an index.
///
/// Made by a [`PolicySetBuilder`]. The policies of a group are one set, which the layers of all members share.
#[derive(Debug)]
pub struct PolicySet {
    to: AttachedTo,
    documents: Box<[Arc<Document>]>,
    index: Index,
    slots: ActionSlots,
    /// The actions that some statement selects.
    selects: ActionSlotSet,
    /// The actions that a statement with a condition on tags selects.
    tags: ActionSlotSet,
    /// The actions that a statement with a condition on resource groups selects.
    groups: ActionSlotSet,
    first_allow: Option<At>,
    pub(crate) name_index: NameIndex,
}

/// The entity that documents are attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachedTo {
    /// A RAM user.
    User,
    /// The RAM user group with this name.
    Group(Arc<str>),
    /// A RAM role.
    Role,
    /// The level with this name of the resource directory, for control policies.
    Level(Arc<str>),
    /// A role session, for as long as it lasts.
    Session,
}

/// A statement, with the document and the set that it is in. Displayed as `terway#0 (policies/terway.json:5)`, with the
/// Sid if there is one.
#[derive(Clone, Copy, Debug)]
pub struct StatementRef<'a> {
    /// The set through which the statement affects the principal.
    pub set: &'a PolicySet,
    /// The document that contains the statement.
    pub document: &'a Document,
    /// The statement.
    pub statement: &'a Statement,
}

/// Makes policy sets that share one list of indexed actions.
///
/// ```
/// use std::sync::Arc;
///
/// use ram_policy::{AttachedTo, Document, PolicySetBuilder, Source};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = r#"{ "Version": "1", "Statement": [ { "Effect": "Allow", "Action": "ecs:*", "Resource": "*" } ] }"#;
/// let document = Document::parse("ecs", &Source::new("ecs.json", text)).expect("a valid policy");
/// let mut sets = PolicySetBuilder::new(["ecs:StartInstance".parse()?, "ecs:StopInstance".parse()?]);
/// let set = sets.set(AttachedTo::User, vec![Arc::new(document)]);
/// assert!(set.is_indexed());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct PolicySetBuilder {
    slots: ActionSlots,
    /// The slots that a list of actions selects, by the address of the list. The list is kept, so that its address is
    /// not reused.
    selected: HashMap<usize, (Arc<Actions>, ActionSlotSet)>,
    builder: Builder,
}

/// A query to a set about one resource.
pub(crate) struct ResourceQuery<'a> {
    pub(crate) action: &'a Action,
    pub(crate) slot: Option<ActionSlot>,
    pub(crate) resource: &'a Resource<'a>,
    /// The fields of `resource`.
    pub(crate) fields: Option<Fields<'a>>,
    pub(crate) attributes: &'a Attributes<'a>,
}

impl PolicySetBuilder {
    /// A builder of sets with an index for these actions: pass those that are requested most. Requests for other
    /// actions get the same decisions, but every statement is examined for them. See [`ActionSlots::new`].
    pub fn new(actions: impl IntoIterator<Item = Action>) -> Self {
        Self { slots: ActionSlots::new(actions), ..Self::default() }
    }

    /// The indexed actions.
    pub fn action_slots(&self) -> &ActionSlots {
        &self.slots
    }

    /// Makes the set of documents that are attached to one entity. Their order does not affect decisions, only the
    /// order in which explanations name statements.
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
    /// The set for [`Request::session_policy`](crate::Request::session_policy). Decisions are fastest if `slots` are
    /// those of the principal's other sets.
    pub fn session(document: Arc<Document>, slots: &ActionSlots) -> Arc<Self> {
        let mut sets = PolicySetBuilder { slots: slots.clone(), ..PolicySetBuilder::default() };
        sets.set(AttachedTo::Session, vec![document])
    }

    /// The entity that the documents are attached to.
    pub fn to(&self) -> &AttachedTo {
        &self.to
    }

    /// The documents, in the order in which they were passed to [`PolicySetBuilder::set`].
    pub fn documents(&self) -> &[Arc<Document>] {
        &self.documents
    }

    /// Whether some statement selects an indexed action.
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

    /// The most patterns that one query about an action with a slot examines.
    pub(crate) fn max_examined(&self) -> usize {
        self.index.max_examined()
    }

    /// The most statements that one query about a call with [`Targets::Unknown`] examines.
    pub(crate) fn max_examined_by_name(&self, action: &Action) -> usize {
        self.name_index.max_examined(action)
    }

    pub(crate) fn action_slots(&self) -> &ActionSlots {
        &self.slots
    }

    /// The attributes of resources that conditions of statements about the action test.
    pub fn required_attributes(&self, action: &Action) -> RequiredAttributes {
        if let Some(slot) = self.slots.find(action) {
            return RequiredAttributes { tags: self.tags.has(slot), groups: self.groups.has(slot) };
        }
        let none = RequiredAttributes::default();
        self.about(action).fold(none, |required, statement| required.and(required_by(statement)))
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
    #[inline]
    pub(crate) fn applies(&self, effect: Effect, query: &ResourceQuery<'_>) -> Applies {
        match self.lookup(query) {
            Some(lookup) => self.index.applies(effect, &lookup),
            None => match Applies::strongest(self.scan(effect, query).map(|(_, applies)| applies)) {
                // One possible Deny is enough: no statement of this kind is certain to apply.
                Applies::No if self.doubtful(effect, query).any(|(_, it)| it != Applies::No) => Applies::Unknown,
                found => found,
            },
        }
    }

    /// The statements of this effect that apply, in the order of documents; if there are more than `most`, some of
    /// them.
    pub(crate) fn applying(&self, effect: Effect, query: &ResourceQuery<'_>, most: usize) -> Vec<StatementRef<'_>> {
        self.finding(effect, query, Applies::Yes, most)
    }

    /// A statement of this effect that is not known to apply: of the first `most` that are found, the first one in the
    /// order of documents.
    pub(crate) fn unknown(&self, effect: Effect, query: &ResourceQuery<'_>, most: usize) -> Option<StatementRef<'_>> {
        self.finding(effect, query, Applies::Unknown, most).into_iter().next()
    }

    /// A statement of this effect that applies or may apply: of the first `most` of either kind that are found, the
    /// first one in the order of documents.
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

    /// Every statement whose action and resource match, in the order of documents. Conditions are not tested.
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

    /// The statements in the order of documents, without duplicates.
    fn in_order(&self, mut found: Vec<At>) -> Vec<StatementRef<'_>> {
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|at| self.at(at)).collect()
    }

    /// The first Allow statement.
    pub(crate) fn first_allow(&self) -> Option<StatementRef<'_>> {
        self.first_allow.map(|at| self.at(at))
    }

    /// The Allow statement that came closest to applying, of those that select the action; `None` for an action without
    /// a slot.
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

    /// The lookup in the index; `None` if each statement must be examined instead, because the action has no slot or
    /// the resources that the call names are not known.
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
    /// Whether both are the same statement of the same document; the sets may differ.
    pub fn is(&self, other: StatementRef<'_>) -> bool {
        // Documents with the same text share their statements.
        std::ptr::eq(self.statement, other.statement) && std::ptr::eq(self.document, other.document)
    }
}

impl AttachedTo {
    /// The name of the level, if this is one.
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

/// The attributes that the conditions of a statement test.
fn required_by(statement: &Statement) -> RequiredAttributes {
    let keys = statement.conditions().iter().map(Condition::key);
    keys.fold(RequiredAttributes::default(), |required, key| required.and(RequiredAttributes::of_key(key)))
}
