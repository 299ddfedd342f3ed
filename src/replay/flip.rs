//! Attempts whose verdict would change, grouped by the reason.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::pdp::Authorization;
use ram_policy::{LayerKind, Verdict};

use super::attempt::{Attempt, Subject};

/// The direction of a change. `Opened` is the greater risk, so it is listed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Denied then, allowed now.
    Opened,
    /// Allowed then, denied now.
    Closed,
}

/// Attempts whose verdict changes in the same direction for the same reason.
#[derive(Clone, Debug)]
pub struct VerdictChange {
    pub direction: Direction,
    /// The statements that decide now, such as `terway#0`, or a text that says that none does.
    pub because: String,
    pub attempts: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    /// The first principals in sorted order, at most [`VerdictChange::MOST`].
    pub principals: BTreeSet<String>,
    pub more_principals: bool,
    /// The earliest attempts, at most [`VerdictChange::MOST`].
    pub examples: Vec<Example>,
}

/// An attempt, as an example.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    pub time: Timestamp,
    pub id: String,
    pub principal: String,
    pub action: String,
    pub resources: Vec<String>,
}

impl VerdictChange {
    /// The most principals and examples to keep.
    pub const MOST: usize = 5;

    pub(super) fn new(direction: Direction, because: String, attempt: &Attempt) -> Self {
        let (first, last) = (attempt.time, attempt.time);
        let mut flip = Self {
            direction,
            because,
            attempts: 0,
            first,
            last,
            principals: BTreeSet::new(),
            more_principals: false,
            examples: Vec::new(),
        };
        flip.add(attempt);
        flip
    }

    pub(super) fn add(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        self.first = self.first.min(attempt.time);
        self.last = self.last.max(attempt.time);
        if !self.principals.contains(attempt.principal.arn()) {
            self.name(attempt.principal.arn().to_owned());
        }
        if self.examples.len() < Self::MOST || self.examples.last().is_some_and(|last| attempt.time < last.time) {
            self.show(Example {
                time: attempt.time,
                id: attempt.id.clone(),
                principal: attempt.principal.arn().to_owned(),
                action: attempt.subject.action.as_str().to_owned(),
                resources: attempt.subject.resources.iter().map(ToString::to_string).collect(),
            });
        }
    }

    /// Merges the changes found in other lines. The kept principals and examples do not depend on the order of merging.
    pub(super) fn absorb(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.more_principals |= other.more_principals;
        other.principals.into_iter().for_each(|principal| self.name(principal));
        other.examples.into_iter().for_each(|example| self.show(example));
    }

    fn name(&mut self, principal: String) {
        self.principals.insert(principal);
        if self.principals.len() > Self::MOST {
            self.principals.pop_last();
            self.more_principals = true;
        }
    }

    fn show(&mut self, example: Example) {
        let place = self.examples.binary_search(&example).unwrap_or_else(|place| place);
        self.examples.insert(place, example);
        self.examples.truncate(Self::MOST);
    }
}

/// The reason for the new verdict, as a short text that is the same for all attempts with that reason.
pub(super) fn because(authorization: &Authorization<Subject>) -> String {
    let (decision, request) = match authorization {
        Authorization::Permitted(permit) => (permit.decision(), permit.request()),
        Authorization::Denied(denied) => (denied.decision(), denied.request()),
    };
    let decisive = decision.decisive().map(|(at, _)| at);
    let at = match decision.verdict() {
        Verdict::Allow => None,
        Verdict::ImplicitDeny | Verdict::ExplicitDeny => decisive,
    };
    if let Some(doubt) = at.and_then(|at| decision.possible_deny(&request, at)) {
        return format!("{}, which cannot be ruled out", doubt.at);
    }
    let mut names = BTreeSet::new();
    for place in 0..request.resources.len() {
        if at.is_none_or(|at| at == place) {
            // A control policy's Allow grants nothing, so it is not the reason for an allow.
            let deciding = decision.deciding(&request, place).into_iter();
            let granting = deciding.filter(|(layer, _)| at.is_some() || *layer != LayerKind::Control);
            names.extend(granting.map(|(_, statement)| statement.to_string()));
        }
    }
    if !names.is_empty() {
        return names.into_iter().collect::<Vec<_>>().join(", ");
    }
    match (decision.verdict(), decision.policy_type()) {
        (Verdict::Allow, _) => {
            "no statement: the account's root, or an operation that is forwarded without judging".to_owned()
        }
        (_, Some(kind)) => format!("no statement of the {kind} allows it"),
        (_, None) => "no statement allows it".to_owned(),
    }
}
