//! The documents attached to one holder at one scope, judged as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ram::{Action, ContextKey, Fields, Resource};

use super::condition::Condition;
use super::document::Document;
use super::effect::Effect;
use super::facts::Facts;
use super::index::{At, Builder, Index, Sought};
use super::lane::{Lane, LaneSet, Lanes};
use super::nearest::{Looks, Nearness};
use super::request::Naming;
use super::statement::{Actions, Statement};
use super::untold::Untold;
use super::verdict::Applies;

/// How many characters a session policy has at most: STS takes no longer one (`spec/ram-policy.md` 1.4).
pub const LONGEST_SESSION_POLICY: usize = 2048;

/// Documents and their index. What several principals have through a group is one set, held once.
#[derive(Debug)]
pub struct PolicySet {
    to: AttachedTo,
    documents: Box<[Arc<Document>]>,
    index: Index,
    lanes: Lanes,
    /// Which actions some statement selects, and for which one asks for tags, and for groups.
    selects: LaneSet,
    tags: LaneSet,
    groups: LaneSet,
    first_allow: Option<At>,
    pub(super) untold: Untold,
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

/// Which facts about resources a judgement may turn on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub tags: bool,
    pub groups: bool,
}

/// One statement, and how it came to bear on the principal.
#[derive(Clone, Copy, Debug)]
pub struct StatementRef<'a> {
    pub set: &'a PolicySet,
    pub document: &'a Document,
    pub statement: &'a Statement,
}

/// Makes sets that have the same lanes.
#[derive(Debug, Default)]
pub struct Sets {
    lanes: Lanes,
    /// What was worked out for an action list, by its address; the list is kept, so that the address stays its own.
    selected: HashMap<usize, (Arc<Actions>, LaneSet)>,
    builder: Builder,
}

/// What is asked of a set about one resource.
pub(super) struct Asked<'a> {
    pub(super) action: &'a Action,
    pub(super) lane: Option<Lane>,
    pub(super) resource: &'a Resource<'a>,
    /// Those of the resource.
    pub(super) fields: Option<Fields<'a>>,
    pub(super) facts: &'a Facts<'a>,
}

impl Sets {
    /// `actions` are those that will be asked for most; see [`Lanes::new`].
    pub fn new(actions: impl IntoIterator<Item = Action>) -> Self {
        Self { lanes: Lanes::new(actions), ..Self::default() }
    }

    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    pub fn set(&mut self, to: AttachedTo, documents: Vec<Arc<Document>>) -> Arc<PolicySet> {
        let statements = documents.iter().map(|document| document.statements().len()).sum();
        let mut placed: Vec<(At, &Statement, LaneSet)> = Vec::with_capacity(statements);
        for (document, number) in documents.iter().zip(0..) {
            for statement in document.statements() {
                let at = At { document: number, statement: statement.index };
                placed.push((at, statement, self.selected(&statement.actions)));
            }
        }
        let union = |holds: fn(&Statement) -> bool| {
            let held = placed.iter().filter(|(_, statement, _)| holds(statement));
            held.fold(LaneSet::default(), |lanes, (_, _, selected)| lanes.with(*selected))
        };
        let selects = union(|_| true);
        let (tags, groups) = (union(|it| Needs::of(it).tags), union(|it| Needs::of(it).groups));
        let first_allow = placed.iter().find(|(_, statement, _)| statement.effect == Effect::Allow).map(|(at, ..)| *at);
        let index = self.builder.index(&placed);
        let untold = Untold::new(placed.iter().map(|(at, statement, _)| (*at, *statement)), &self.lanes);
        let (lanes, documents) = (self.lanes.clone(), documents.into());
        Arc::new(PolicySet { to, documents, index, lanes, selects, tags, groups, first_allow, untold })
    }

    fn selected(&mut self, actions: &Arc<Actions>) -> LaneSet {
        let lanes = &self.lanes;
        let select = || (Arc::clone(actions), lanes.selected(|action| actions.select(action)));
        self.selected.entry(Arc::as_ptr(actions) as usize).or_insert_with(select).1
    }
}

impl PolicySet {
    /// One document by itself: a session policy.
    pub fn session(document: Arc<Document>, lanes: &Lanes) -> Arc<Self> {
        let mut sets = Sets { lanes: lanes.clone(), ..Sets::default() };
        sets.set(AttachedTo::Session, vec![document])
    }

    pub fn to(&self) -> &AttachedTo {
        &self.to
    }

    pub fn documents(&self) -> &[Arc<Document>] {
        &self.documents
    }

    /// Whether some statement selects one of the actions that have a lane.
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

    /// The most statements that one question about an action with a lane can meet.
    pub(super) fn longest_way(&self) -> usize {
        self.index.longest_way()
    }

    /// The most statements that one question about a call can meet of which only the name is known, as
    /// [`Naming::Untold`] says.
    pub(super) fn untold_way(&self, action: &Action) -> usize {
        self.untold.way(action)
    }

    pub(super) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Which facts some statement about the action asks for.
    pub fn needs(&self, action: &Action) -> Needs {
        if let Some(lane) = self.lanes.find(action) {
            return Needs { tags: self.tags.has(lane), groups: self.groups.has(lane) };
        }
        self.about(action).fold(Needs::default(), |needs, statement| needs.and(Needs::of(statement)))
    }

    /// Whether some statement selects the action.
    pub(super) fn selects(&self, action: &Action) -> bool {
        match self.lanes.find(action) {
            Some(lane) => self.selects.has(lane),
            None => self.about(action).next().is_some(),
        }
    }

    fn about(&self, action: &Action) -> impl Iterator<Item = &Statement> {
        self.statements().map(|at| at.statement).filter(|statement| statement.actions.select(action))
    }

    /// Whether some statement of this effect applies.
    pub(super) fn applies(&self, effect: Effect, asked: &Asked<'_>) -> Applies {
        match self.sought(asked) {
            Some(sought) => self.index.applies(effect, &sought),
            None => match Applies::strongest(self.scan(effect, asked).map(|(_, applies)| applies)) {
                // A doubt is enough: nothing more certain comes from the rest.
                Applies::No if self.doubtful(effect, asked).any(|(_, it)| it != Applies::No) => Applies::Unknown,
                found => found,
            },
        }
    }

    /// The statements of this effect that apply, in the order of documents; some of them where there are more than
    /// `most`.
    pub(super) fn applying(&self, effect: Effect, asked: &Asked<'_>, most: usize) -> Vec<StatementRef<'_>> {
        self.finding(effect, asked, Applies::Yes, most)
    }

    /// The first statement of this effect of which it is not known whether it applies, in the order of documents, of the
    /// first `most` that are found.
    pub(super) fn unknown(&self, effect: Effect, asked: &Asked<'_>, most: usize) -> Option<StatementRef<'_>> {
        self.finding(effect, asked, Applies::Unknown, most).into_iter().next()
    }

    /// The first statement of this effect that applies or may apply, in the order of documents, of the first `most`
    /// that are found of either.
    pub(super) fn may_apply(&self, effect: Effect, asked: &Asked<'_>, most: usize) -> Option<StatementRef<'_>> {
        let Some(sought) = self.sought(asked) else {
            let found = self.scan(effect, asked).chain(self.doubtful(effect, asked));
            let found = found.filter(|(_, applies)| *applies != Applies::No).map(|(at, _)| at);
            return found.take(most).min().map(|at| self.at(at));
        };
        let found = [Applies::Yes, Applies::Unknown].map(|it| self.index.finding(effect, &sought, it, most));
        found.into_iter().flatten().min().map(|at| self.at(at))
    }

    fn finding(&self, effect: Effect, asked: &Asked<'_>, wanted: Applies, most: usize) -> Vec<StatementRef<'_>> {
        let Some(sought) = self.sought(asked) else {
            let found = self.scan(effect, asked).chain(self.doubtful(effect, asked));
            let found = found.filter(|(_, applies)| *applies == wanted).map(|(at, _)| at);
            return self.in_order(found.take(most).collect());
        };
        let found = self.index.finding(effect, &sought, wanted, most);
        self.in_order(found)
    }

    /// Every statement whose action and resource match, whatever its conditions say, in the order of documents.
    pub(super) fn matching(&self, asked: &Asked<'_>) -> Vec<StatementRef<'_>> {
        let Some(sought) = self.sought(asked) else {
            return self.statements().filter(|at| at.statement.matches(asked.action, asked.resource)).collect();
        };
        let mut found = Vec::new();
        for effect in [Effect::Deny, Effect::Allow] {
            self.index.for_each_match(effect, &sought, |at| found.push(at));
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
    pub(super) fn first_allow(&self) -> Option<StatementRef<'_>> {
        self.first_allow.map(|at| self.at(at))
    }

    /// The Allow statement that came nearest to applying, of those that select the action; none without a lane.
    pub(super) fn nearest_by_index(
        &self,
        asked: &Asked<'_>,
        looks: &mut Looks,
    ) -> Option<(StatementRef<'_>, Nearness)> {
        let sought = self.sought(asked).filter(|sought| self.selects.has(sought.lane))?;
        let unmet = |at| self.at(at).statement.condition_mismatch(asked.facts);
        let found = self.index.nearest(Effect::Allow, &sought, looks, unmet)?;
        Some((self.at(found.at), found.nearness))
    }

    /// None where each statement must be looked at: for an action without a lane, and for a call of which it is not
    /// known what it names.
    fn sought<'a>(&self, asked: &Asked<'a>) -> Option<Sought<'a>> {
        if asked.facts.naming() == Naming::Untold {
            return None;
        }
        Some(Sought { lane: asked.lane?, resource: asked.resource, fields: asked.fields, facts: asked.facts })
    }

    pub(super) fn at(&self, at: At) -> StatementRef<'_> {
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

impl Needs {
    /// Of a condition: what its key is about.
    pub fn of_key(key: &ContextKey) -> Self {
        Self { tags: matches!(key, ContextKey::ResourceTag(_)), groups: *key == ContextKey::ResourceGroupId }
    }

    fn of(statement: &Statement) -> Self {
        let keys = statement.conditions().iter().map(Condition::key);
        keys.fold(Self::default(), |needs, key| needs.and(Self::of_key(key)))
    }

    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { tags: self.tags || other.tags, groups: self.groups || other.groups }
    }

    pub fn any(self) -> bool {
        self.tags || self.groups
    }
}

impl AttachedTo {
    /// The level's name; none for whoever is none.
    pub(super) fn level(&self) -> Option<&str> {
        match self {
            Self::Level(name) => Some(name),
            Self::User | Self::Group(_) | Self::Role | Self::Session => None,
        }
    }

    /// The `AttachedEntityType` of `spec/ram-policy.md` 7.3.
    pub fn entity_type(&self) -> &'static str {
        match self {
            Self::User => "RamUser",
            Self::Group(_) => "RamGroup",
            Self::Role | Self::Session => "RamRole",
            Self::Level(_) => "ResourceDirectoryTarget",
        }
    }
}
