//! A decision in words: one line for a log, or everything for a person.

use std::fmt;

use crate::ram::Request;

use super::condition::{Condition, ConditionFault, Facts};
use super::decision::{Decision, Finding, Grounds, Judgement, Verdict};
use super::error::quoted;
use super::layer::{AttachedTo, StatementRef};
use super::operator::Sense;
use super::statement::{Actions, Mismatch, Statement};
use super::value::Wanted;

/// One line: the verdict, the resource that decided it, and the statements that did, or nearly did.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a>(&'a Decision);

/// Every resource, every statement, and what the request had where a condition failed.
#[derive(Clone, Copy, Debug)]
pub struct Details<'a> {
    decision: &'a Decision,
    request: &'a Request,
}

impl Decision {
    pub fn summary(&self) -> Summary<'_> {
        Summary(self)
    }

    /// The request must be the one that was judged.
    pub fn details<'a>(&'a self, request: &'a Request) -> Details<'a> {
        Details { decision: self, request }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(decisive) = self.0.decisive() else {
            return write!(f, "{}: the request names no resource", Verdict::ImplicitDeny);
        };
        let verdict = decisive.verdict();
        if verdict != Verdict::Allow {
            write!(f, "{verdict} on {}: ", decisive.resource())?;
            return write_reason(f, decisive);
        }
        write!(f, "{verdict}: ")?;
        if decisive.grounds() == Grounds::Ownership {
            return write_reason(f, decisive);
        }
        write_statements(f, self.0.judgements().flat_map(Judgement::deciding))
    }
}

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decision, request } = self;
        writeln!(f, "{}: {} as {}", decision.verdict(), request.action, request.principal)?;
        for judgement in decision.judgements() {
            write!(f, "\n{} on {}: ", judgement.verdict(), judgement.resource())?;
            write_reason(f, judgement)?;
            writeln!(f)?;
            self.write_findings(f, judgement)?;
        }
        Ok(())
    }
}

impl Details<'_> {
    fn write_findings(&self, f: &mut fmt::Formatter<'_>, judgement: Judgement<'_>) -> fmt::Result {
        let mut layer = None;
        for (at, finding) in judgement.findings() {
            let kind = at.layer.kind();
            if layer.replace(kind) != Some(kind) {
                writeln!(f, "  {}", kind.policy_type())?;
            }
            write!(f, "    {} {at}", at.statement.effect().as_str())?;
            if let AttachedTo::Group(group) = &at.attachment.to {
                write!(f, " by group {}", quoted(group))?;
            }
            f.write_str(": ")?;
            match finding {
                Finding::Decides => f.write_str("applies")?,
                Finding::Overruled => f.write_str("applies, but does not decide")?,
                Finding::Misses(mismatch) => {
                    write!(f, "{}", Words { mismatch, statement: at.statement })?;
                    self.write_found(f, at.statement, mismatch)?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn write_found(&self, f: &mut fmt::Formatter<'_>, statement: &Statement, mismatch: Mismatch) -> fmt::Result {
        let Some(condition) = failed_condition(statement, mismatch) else { return Ok(()) };
        match Facts::of(self.request).values(condition) {
            [] => Ok(()),
            found => write!(f, "; the request has {}", list(found.iter().map(String::as_str))),
        }
    }
}

/// Why a statement does not apply, in words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) mismatch: Mismatch,
    pub(super) statement: &'a Statement,
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mismatch {
            Mismatch::Action => match self.statement.actions() {
                Actions::Action(_) => "action does not match",
                Actions::NotAction(_) => "action is excepted by NotAction",
            },
            Mismatch::Service => "service does not match",
            Mismatch::Region => "region does not match",
            Mismatch::Account => "account does not match",
            Mismatch::ResourceType => "resource type does not match",
            Mismatch::ResourceId => "resource id does not match",
            Mismatch::Condition { fault, .. } => {
                return match failed_condition(self.statement, self.mismatch) {
                    Some(condition) => write_fault(f, condition, fault),
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

fn write_fault(f: &mut fmt::Formatter<'_>, condition: &Condition, fault: ConditionFault) -> fmt::Result {
    let (key, operator) = (quoted(condition.key()), condition.operator());
    let wanted = list(condition.wanted().iter().map(Wanted::as_str));
    match (fault, operator.sense()) {
        (ConditionFault::KeyMissing, _) => {
            write!(f, "condition key {key} of {} is not in the request", operator.name())
        }
        (ConditionFault::ValueUnreadable, _) => {
            write!(f, "the value of {key} is not one that {} {wanted} can be compared with", operator.name())
        }
        (ConditionFault::ValueDiffers, Sense::Positive) => {
            write!(f, "condition value of {key} differs: {} {wanted}", operator.name())
        }
        (ConditionFault::ValueDiffers, Sense::Negated) => {
            write!(f, "condition value of {key} is excluded: {} {wanted}", operator.name())
        }
    }
}

fn write_reason(f: &mut fmt::Formatter<'_>, judgement: Judgement<'_>) -> fmt::Result {
    match (judgement.grounds(), judgement.verdict()) {
        (Grounds::Ownership, _) => f.write_str("the account's root owns it, no policy needed"),
        (Grounds::ForeignAccount, _) => {
            f.write_str("it belongs to another account than the principal, which no policy reaches")
        }
        (Grounds::Policies(_), Verdict::Allow) => write_statements(f, judgement.deciding()),
        (Grounds::Policies(_), Verdict::ExplicitDeny) => {
            f.write_str("denied by ")?;
            write_statements(f, judgement.deciding())
        }
        (Grounds::Policies(_), Verdict::ImplicitDeny) => match judgement.nearest_miss() {
            Some((at, mismatch)) => {
                write!(f, "no statement allows it; nearest: {at} {}", Words { mismatch, statement: at.statement })
            }
            None => f.write_str("no statement allows it; no attached policy allows anything"),
        },
    }
}

/// Each statement once, in order.
fn write_statements<'a>(f: &mut fmt::Formatter<'_>, statements: impl Iterator<Item = StatementRef<'a>>) -> fmt::Result {
    let mut written: Vec<StatementRef<'_>> = Vec::new();
    for at in statements {
        if written.iter().any(|earlier| std::ptr::eq(earlier.statement, at.statement)) {
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

/// `terway#0 (policies/terway.json:5)`, with the Sid where there is one.
impl fmt::Display for StatementRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let document = &self.attachment.document;
        write!(f, "{}#{} (", document.name(), self.statement.index())?;
        if let Some(sid) = self.statement.sid() {
            write!(f, "Sid {}, ", quoted(sid))?;
        }
        write!(f, "{}:{})", document.source().name(), document.line(self.statement))
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
