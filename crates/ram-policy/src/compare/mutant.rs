//! Mutants: documents that are changed in one place, which a good test suite detects.
//!
//! The changes are mistakes that a policy author could make in a hurry: a forgotten statement, the wrong effect, an
//! entry missing from a list, a pattern or a condition that is too wide. Services and accounts are not changed, because
//! no test would tell the difference.

use std::fmt;
use std::sync::Arc;

use crate::document::json::Pointer;
use crate::document::outline::condition_pointer;
use crate::document::policy_document::Document;
use crate::language::condition::Condition;
use crate::language::effect::Effect;
use crate::language::error::quoted;
use crate::language::glob::{Case, Glob};
use crate::language::operator::{Operator, Sense};
use crate::language::pattern::{ArnPattern, Heads};
use crate::language::statement::{Actions, Conditions, Resources, Statement};
use crate::language::value::ConditionValue;

/// A statement of a document with a change in one place, for mutation testing of policies.
///
/// If no test fails for the changed document, the tests are missing a case. The display form describes the change, such
/// as ``condition IpAddress `acs:SourceIp` removed``.
///
/// ```
/// use ram_policy::{Document, Mutant, Source};
///
/// let text = r#"{ "Version": "1", "Statement": [ { "Effect": "Deny", "Action": "ecs:*", "Resource": "*" } ] }"#;
/// let document = Document::parse("guard", &Source::new("guard.json", text)).expect("a valid policy");
/// let changes: Vec<String> = Mutant::all(&document).iter().map(ToString::to_string).collect();
/// assert_eq!(changes, ["Deny statement removed", "Deny changed to Allow"]);
/// ```
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The statement of the document.
    pub original: Statement,
    /// The statement with the change.
    pub changed: Statement,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Dropped,
    Flipped,
    ActionRemoved(usize),
    ActionWidened(usize, String),
    ResourceRemoved(usize),
    ResourceWidened(usize, ArnPattern),
    /// Every pattern at once, because all ARNs of a call have the same region.
    RegionsWidened,
    ConditionRemoved(usize),
    /// The condition holds for any value of the key.
    ConditionWidened(usize),
}

impl Mutant {
    /// All mutants of all statements, in the order of the text.
    pub fn all(document: &Document) -> Vec<Self> {
        document.statements().iter().flat_map(Self::of).collect()
    }

    fn of(statement: &Statement) -> Vec<Self> {
        let mut mutants = Vec::new();
        let mut add = |change, changed| mutants.push(Self { original: statement.clone(), changed, change });
        // The statement is replaced by one that selects no action, so that the others keep their indexes.
        add(Change::Dropped, with_actions(statement, Actions::Action([].into())));
        let effect = match statement.effect {
            Effect::Allow => Effect::Deny,
            Effect::Deny => Effect::Allow,
        };
        add(Change::Flipped, Statement { effect, ..statement.clone() });
        for (change, actions) in action_changes(&statement.actions) {
            add(change, with_actions(statement, actions));
        }
        for (change, resources) in resource_changes(statement.resources()) {
            let resources = Arc::new(Resources(resources.into()));
            add(change, Statement { resources, ..statement.clone() });
        }
        for (change, conditions) in condition_changes(statement.conditions()) {
            let conditions = (!conditions.is_empty()).then(|| Arc::new(Conditions(conditions.into())));
            add(change, Statement { conditions, ..statement.clone() });
        }
        mutants
    }

    /// The document with the change. All statements keep their indexes, and the digest remains that of the original.
    pub fn of_document(&self, document: &Document) -> Document {
        document.with(self.changed.clone())
    }

    /// Whether the changed statement may select actions or resources that the original does not. Then a request that
    /// does not match the original may detect the change.
    pub fn widens(&self) -> bool {
        match &self.change {
            Change::ActionWidened(..) | Change::ResourceWidened(..) | Change::RegionsWidened => true,
            Change::ActionRemoved(_) => matches!(*self.original.actions, Actions::NotAction(_)),
            Change::Dropped
            | Change::Flipped
            | Change::ResourceRemoved(_)
            | Change::ConditionRemoved(_)
            | Change::ConditionWidened(_) => false,
        }
    }

    /// The JSON pointer (RFC 6901) to the changed place in the document.
    pub fn pointer(&self) -> String {
        let statement = || Pointer::default().key("Statement").index(self.original.index());
        match &self.change {
            Change::Dropped => statement().into_text(),
            Change::Flipped => statement().key("Effect").into_text(),
            Change::ActionRemoved(at) | Change::ActionWidened(at, _) => {
                let element = match *self.original.actions {
                    Actions::Action(_) => "Action",
                    Actions::NotAction(_) => "NotAction",
                };
                statement().key(element).index(*at).into_text()
            }
            Change::ResourceRemoved(at) | Change::ResourceWidened(at, _) => {
                statement().key("Resource").index(*at).into_text()
            }
            Change::RegionsWidened => statement().key("Resource").into_text(),
            Change::ConditionRemoved(at) | Change::ConditionWidened(at) => {
                condition_pointer(&self.original, &self.original.conditions()[*at])
            }
        }
    }
}

fn with_actions(statement: &Statement, actions: Actions) -> Statement {
    Statement { actions: Arc::new(actions), ..statement.clone() }
}

fn action_changes(actions: &Actions) -> Vec<(Change, Actions)> {
    let patterns = actions.patterns();
    let list = |patterns: Vec<Glob>| match actions {
        Actions::Action(_) => Actions::Action(patterns.into()),
        Actions::NotAction(_) => Actions::NotAction(patterns.into()),
    };
    let mut changes = Vec::new();
    for (at, pattern) in patterns.iter().enumerate() {
        // Removing the only action would be the same as removing the statement.
        if patterns.len() > 1 || matches!(actions, Actions::NotAction(_)) {
            changes.push((Change::ActionRemoved(at), list(without(patterns, at))));
        }
        let service = pattern.as_str().split_once(':').map_or("*", |(service, _)| service);
        let wide = format!("{service}:*");
        // Widening any pattern of a service gives the same actions, so only the first one is widened.
        let before = patterns[..at].iter().any(|it| it.as_str().split_once(':').is_some_and(|(of, _)| of == service));
        if pattern.as_str() != "*" && pattern.as_str() != wide && !before {
            let glob = Glob::new(&wide, Case::Insensitive);
            changes.push((Change::ActionWidened(at, wide), list(with(patterns, at, glob))));
        }
    }
    changes
}

fn resource_changes(patterns: &[ArnPattern]) -> Vec<(Change, Vec<ArnPattern>)> {
    let mut changes = Vec::new();
    for (at, pattern) in patterns.iter().enumerate() {
        if patterns.len() > 1 {
            changes.push((Change::ResourceRemoved(at), without(patterns, at)));
        }
        for wide in widened(pattern) {
            changes.push((Change::ResourceWidened(at, wide.clone()), with(patterns, at, wide)));
        }
    }
    let regions: Vec<_> = patterns.iter().map(|pattern| of_every_region(pattern).unwrap_or(pattern.clone())).collect();
    if patterns.len() > 1 && regions != patterns {
        changes.push((Change::RegionsWidened, regions));
    }
    changes
}

fn of_every_region(pattern: &ArnPattern) -> Option<ArnPattern> {
    let [_, region, _, relative] = pattern.fields()?;
    if region.is_any() { None } else { replaced(pattern, "*", relative.as_str()) }
}

/// The pattern with another region and relative id.
fn replaced(pattern: &ArnPattern, region: &str, relative: &str) -> Option<ArnPattern> {
    let [service, _, account, _] = pattern.fields()?;
    let text = format!("acs:{}:{region}:{}:{relative}", service.as_str(), account.as_str());
    ArnPattern::parse(&text, &mut Heads::new()).ok()
}

/// The pattern widened to every region, and widened to every id of its type or, if it has every id already, to every
/// type.
fn widened(pattern: &ArnPattern) -> Vec<ArnPattern> {
    let Some([_, region, _, relative]) = pattern.fields() else { return Vec::new() };
    let mut wide: Vec<_> = of_every_region(pattern).into_iter().collect();
    if !relative.is_any() {
        let kind = relative.literal_prefix().split_once('/').map(|(kind, _)| format!("{kind}/*"));
        let next = kind.filter(|kind| *kind != relative.as_str());
        wide.extend(replaced(pattern, region.as_str(), next.as_deref().unwrap_or("*")));
    }
    wide
}

fn condition_changes(conditions: &[Condition]) -> Vec<(Change, Vec<Condition>)> {
    let mut changes = Vec::new();
    for (at, condition) in conditions.iter().enumerate() {
        changes.push((Change::ConditionRemoved(at), without(conditions, at)));
        // A negated operator also holds for an absent key, so widening it to any value is the same as removing it.
        if condition.operator().sense() == Sense::Positive
            && let Some(wide) = of_any_value(condition)
        {
            changes.push((Change::ConditionWidened(at), with(conditions, at, wide)));
        }
    }
    changes
}

fn of_any_value(condition: &Condition) -> Option<Condition> {
    let operator = Operator::parse("StringLike").ok()?;
    let any = ConditionValue::parse(operator, "*").ok()?;
    let already =
        condition.operator().name() == operator.name() && condition.values().iter().any(|it| it.as_str() == "*");
    (!already).then(|| condition.with(operator, vec![any]))
}

fn without<T: Clone>(all: &[T], at: usize) -> Vec<T> {
    all[..at].iter().chain(&all[at + 1..]).cloned().collect()
}

fn with<T: Clone>(all: &[T], at: usize, other: T) -> Vec<T> {
    let mut all = all.to_vec();
    all[at] = other;
    all
}

/// A description of the change: ``condition IpAddress `acs:SourceIp` removed``.
impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = |statement: &Statement| statement.effect().as_str();
        let action = |at: usize| quoted(self.original.actions.patterns()[at].as_str());
        let resource = |at: usize| quoted(&self.original.resources()[at].to_string());
        let condition = |at: usize| {
            let condition = &self.original.conditions()[at];
            format!("{} {}", condition.operator().name(), quoted(condition.written_key()))
        };
        match &self.change {
            Change::Dropped => write!(f, "{} statement removed", effect(&self.original)),
            Change::Flipped => write!(f, "{} changed to {}", effect(&self.original), effect(&self.changed)),
            Change::ActionRemoved(at) => write!(f, "action {} removed", action(*at)),
            Change::ActionWidened(at, wide) => write!(f, "action {} widened to {}", action(*at), quoted(wide)),
            Change::ResourceRemoved(at) => write!(f, "resource {} removed", resource(*at)),
            Change::ResourceWidened(at, wide) => {
                write!(f, "resource {} widened to {}", resource(*at), quoted(&wide.to_string()))
            }
            Change::RegionsWidened => f.write_str("every resource widened to all regions"),
            Change::ConditionRemoved(at) => write!(f, "condition {} removed", condition(*at)),
            Change::ConditionWidened(at) => write!(f, "condition {} widened to any value", condition(*at)),
        }
    }
}
