//! A proof in words: one line for a log, or the full text for a person.

use std::fmt;

use crate::explain::deciding::PossibleDeny;
use crate::explain::proof::{Finding, LayerProof, Proof, ResourceProof};
use crate::explain::reason::Why;
use crate::judge::nearest::Nearest;
use crate::judge::nearness::Examined;
use crate::judge::set::{AttachedTo, StatementRef};
use crate::judge::verdict::{Grounds, LayerKind, Verdict};
use crate::language::condition::{Condition, ConditionMismatch};
use crate::language::effect::Mismatch;
use crate::language::error::quoted;
use crate::language::operator::Sense;
use crate::language::statement::{Actions, Statement};
use crate::language::value::ConditionValue;
use crate::name::arn::Resource;

/// How many denying statements a line names at most: its length must not grow with the number of statements.
pub(crate) const MOST_NAMED: usize = 8;

/// A proof in one line: the verdict, the resource that decides, and the statements that decided or the one that came
/// closest to doing so. Made by [`Proof::summary`]; use its display form.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a>(&'a Proof<'a>);

/// A proof as text of many lines: every resource, every layer and every statement, and where a condition failed, the
/// values that the request had. Made by [`Proof::details`]; use its display form.
#[derive(Clone, Copy, Debug)]
pub struct Details<'a>(&'a Proof<'a>);

impl<'a> Proof<'a> {
    /// The proof in one line, such as `allow: dev#0 (dev.json:2)`.
    pub fn summary(&'a self) -> Summary<'a> {
        Summary(self)
    }

    /// The proof as text, statement by statement.
    pub fn details(&'a self) -> Details<'a> {
        Details(self)
    }

    /// The condition keys that a statement tests and the request lacks, in the spelling of the policies and the order
    /// in which they were first missed.
    pub fn missing_keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        for (at, finding) in self.resources().iter().flat_map(|it| &it.layers).flat_map(|layer| &layer.findings) {
            let Finding::Misses(mismatch) = finding else { continue };
            let Mismatch::Condition { reason: ConditionMismatch::KeyMissing | ConditionMismatch::KeyUnknown, .. } =
                mismatch
            else {
                continue;
            };
            keys.extend(failed_condition(at.statement, *mismatch).map(Condition::written_key));
        }
        let mut seen = std::collections::HashSet::new();
        keys.retain(|key| seen.insert(*key));
        keys
    }
}

impl Proof<'_> {
    /// The Deny that came closest to applying, the resource, and why it did not apply, in one line; `None` without a
    /// Deny that does not apply.
    pub fn nearest_deny(&self) -> Option<String> {
        let misses = self.resources().iter().filter_map(|it| Some((it, it.nearest_deny()?)));
        let (resource, (at, mismatch)) =
            misses.reduce(|nearest, next| if next.1.1 > nearest.1.1 { next } else { nearest })?;
        let why = Words { mismatch, statement: at.statement };
        Some(format!("{at} on {}: {why}", resource.resource))
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(decisive) = self.0.decisive() else {
            return write!(f, "{}: the request names no resource", Verdict::ImplicitDeny);
        };
        let verdict = decisive.judged.verdict;
        if verdict != Verdict::Allow {
            return write_refusal(f, decisive.resource, &decisive.why());
        }
        write!(f, "{verdict}: ")?;
        if matches!(decisive.judged.grounds, Grounds::Ownership | Grounds::Configured) {
            return write_reason(f, &decisive.why());
        }
        write_statements(f, self.0.resources().iter().flat_map(ResourceProof::deciding).map(|(_, at)| at))
    }
}

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = &self.0.request;
        writeln!(f, "{}: {} as {}", self.0.verdict(), request.action, request.principal)?;
        for resource in self.0.resources() {
            write!(f, "\n{} on {}: ", resource.judged.verdict, resource.resource)?;
            write_reason(f, &resource.why())?;
            writeln!(f)?;
            if let Some(attributes) = resource.attributes {
                let attributes = attributes.iter().map(|(key, value)| format!("{key} {}", quoted(&value.text())));
                writeln!(f, "  it has {}", attributes.collect::<Vec<_>>().join(", "))?;
            }
            for layer in &resource.layers {
                write_layer(f, resource, layer)?;
            }
        }
        let missing = self.0.missing_keys();
        if !missing.is_empty() {
            let keys = list(missing.into_iter());
            writeln!(f, "\nnot in the request, but tested by a policy: {keys}")?;
        }
        Ok(())
    }
}

fn write_layer(f: &mut fmt::Formatter<'_>, resource: &ResourceProof<'_>, layer: &LayerProof<'_>) -> fmt::Result {
    write!(f, "  {}", layer.kind.policy_type())?;
    if let Some(name) = layer.name {
        write!(f, " {}", quoted(name))?;
    }
    match layer.verdict {
        Some(verdict) => writeln!(f, ": {verdict}")?,
        None => writeln!(f, ": not evaluated, because the resource is not in this group")?,
    }
    for (at, finding) in &layer.findings {
        write!(f, "    {} {at}", at.statement.effect().as_str())?;
        if let AttachedTo::Group(group) = at.set.to() {
            write!(f, " by group {}", quoted(group))?;
        }
        f.write_str(": ")?;
        match finding {
            Finding::Decides => f.write_str("applies")?,
            Finding::Overruled => f.write_str("applies, but does not decide")?,
            Finding::Misses(mismatch) => {
                write!(f, "{}", Words { mismatch: *mismatch, statement: at.statement })?;
                write_found(f, resource, at.statement, *mismatch)?;
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

fn write_found(
    f: &mut fmt::Formatter<'_>,
    resource: &ResourceProof<'_>,
    statement: &Statement,
    mismatch: Mismatch,
) -> fmt::Result {
    let Some(condition) = failed_condition(statement, mismatch) else { return Ok(()) };
    let found: Vec<_> =
        resource.known_attributes().values(condition.key()).map(|value| quoted(&value.text())).collect();
    if found.is_empty() { Ok(()) } else { write!(f, "; the request has {}", found.join(", ")) }
}

/// Why a statement does not apply, in words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a> {
    pub(crate) mismatch: Mismatch,
    pub(crate) statement: &'a Statement,
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mismatch {
            Mismatch::ResourceGroup => "resource is not in the policy's resource group",
            Mismatch::Action => match self.statement.actions() {
                Actions::Action(_) => "action does not match",
                Actions::NotAction(_) => "action is excluded by NotAction",
            },
            Mismatch::Service => "service does not match",
            Mismatch::Region => "region does not match",
            Mismatch::Account => "account does not match",
            Mismatch::ResourceType => "resource type does not match",
            Mismatch::ResourceId => "resource id does not match",
            Mismatch::ResourceUnknown => "the resources that the call names are not known",
            Mismatch::ResourceGroupUnknown => "the group of the resource is not known",
            Mismatch::Condition { reason, .. } => {
                return match failed_condition(self.statement, self.mismatch) {
                    Some(condition) => write_condition_mismatch(f, condition, reason),
                    None => f.write_str("condition does not hold"),
                };
            }
        })
    }
}

fn failed_condition(statement: &Statement, mismatch: Mismatch) -> Option<&Condition> {
    match mismatch {
        Mismatch::Condition { index, .. } => statement.conditions().get(index),
        _ => None,
    }
}

fn write_condition_mismatch(
    f: &mut fmt::Formatter<'_>,
    condition: &Condition,
    reason: ConditionMismatch,
) -> fmt::Result {
    let (key, operator) = (quoted(condition.written_key()), condition.operator());
    let wanted = list(condition.values().iter().map(ConditionValue::as_str));
    match (reason, operator.sense()) {
        (ConditionMismatch::KeyMissing, _) => {
            write!(f, "condition key {key} of {} is not in the request", operator.name())
        }
        (ConditionMismatch::KeyUnknown, _) => {
            write!(f, "condition key {key} of {} is not in the request, and its value is not known", operator.name())
        }
        (ConditionMismatch::ValueUnreadable, _) => {
            write!(f, "condition value of {key} cannot be compared: {} {wanted}", operator.name())
        }
        (ConditionMismatch::ValueDiffers, Sense::Positive) => {
            write!(f, "condition value of {key} differs: {} {wanted}", operator.name())
        }
        (ConditionMismatch::ValueDiffers, Sense::Negated) => {
            write!(f, "condition value of {key} is excluded: {} {wanted}", operator.name())
        }
    }
}

/// The line about a refusal: the verdict, the resource that decides it, and why.
pub(crate) fn write_refusal(f: &mut fmt::Formatter<'_>, resource: &Resource<'_>, why: &Why<'_>) -> fmt::Result {
    write!(f, "{} on {resource}: ", why.judged.verdict)?;
    write_reason(f, why)
}

fn write_reason(f: &mut fmt::Formatter<'_>, why: &Why<'_>) -> fmt::Result {
    match (why.judged.grounds, why.judged.verdict) {
        (Grounds::Ownership, _) => f.write_str("the account's root owns it; no policy is needed"),
        (Grounds::ForeignAccount, _) => {
            f.write_str("it belongs to another account, which the principal's policies do not reach")
        }
        (Grounds::Quarantine, _) => {
            let policy = quoted(why.quarantined.unwrap_or_default());
            write!(f, "the principal has the policy {policy}, which is under quarantine: what it denies is unknown")
        }
        (Grounds::NotDenied, _) => f.write_str("no Allow is needed for it, and no Deny applies to it"),
        (Grounds::Configured, _) => f.write_str("no policy was evaluated: `other = \"forward\"` allows every caller"),
        (Grounds::Unknown(kind), _) => {
            match &why.possible_deny {
                Some(possible_deny) if possible_deny.is_unplaced() => {
                    f.write_str(
                        "the resources that this operation names are not known, and a statement depends on them: ",
                    )?;
                    write!(f, "{}", possible_deny.at)?;
                }
                Some(PossibleDeny { at, mismatch, .. }) => {
                    let words = Words { mismatch: *mismatch, statement: at.statement };
                    write!(f, "a Deny cannot be ruled out: {at} {words}")?;
                }
                None => f.write_str("a Deny cannot be ruled out")?,
            }
            write_layer_name(f, kind)
        }
        (Grounds::Policies(_), Verdict::Allow) => write_statements(f, why.deciding.iter().copied()),
        (Grounds::Policies(kind), Verdict::ExplicitDeny) => {
            f.write_str("denied by ")?;
            write_statements(f, why.deciding.iter().copied().take(MOST_NAMED))?;
            if why.deciding.len() > MOST_NAMED {
                f.write_str(" and others")?;
            }
            write_layer_name(f, kind)
        }
        (Grounds::Policies(kind), Verdict::ImplicitDeny) => {
            match why.nearest {
                Some(Nearest { at, mismatch, examined }) => {
                    let nearest = match examined {
                        Examined::Enough => "nearest",
                        Examined::TooFew => "nearest of those examined",
                    };
                    let words = Words { mismatch, statement: at.statement };
                    write!(f, "no statement allows it; {nearest}: {at} {words}")?;
                }
                None => f.write_str("no statement allows it; no attached policy allows anything")?,
            }
            write_layer_name(f, kind)
        }
    }
}

/// Writes the name of the layer. The default layer is not named.
fn write_layer_name(f: &mut fmt::Formatter<'_>, kind: LayerKind) -> fmt::Result {
    match kind {
        LayerKind::AccountIdentity => Ok(()),
        LayerKind::Control => f.write_str(", in the control policies"),
        LayerKind::Session => f.write_str(", in the session policy"),
        LayerKind::ResourceGroupIdentity => f.write_str(", in a resource group's policies"),
    }
}

/// Writes each statement once, in order.
fn write_statements<'a>(f: &mut fmt::Formatter<'_>, statements: impl Iterator<Item = StatementRef<'a>>) -> fmt::Result {
    let mut written: Vec<StatementRef<'_>> = Vec::new();
    for at in statements {
        if written.iter().any(|earlier| earlier.is(at)) {
            continue;
        }
        if !written.is_empty() {
            f.write_str(", ")?;
        }
        write!(f, "{at}")?;
        written.push(at);
    }
    Ok(())
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(quoted).collect::<Vec<_>>().join(", ")
}

/// `terway#0 (policies/terway.json:5)`, with the Sid if there is one.
impl fmt::Display for StatementRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{} (", self.document.name(), self.statement.index())?;
        if let Some(sid) = self.statement.sid() {
            write!(f, "Sid {}, ", quoted(sid))?;
        }
        write!(f, "{}:{})", self.document.file(), self.statement.line())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::ImplicitDeny => "implicit deny",
            Self::ExplicitDeny => "explicit deny",
        })
    }
}
