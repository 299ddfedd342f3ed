//! Coverage: which statements the tests exercised, and which conditions they saw both hold and fail.
//!
//! A statement is covered when it applied to some ARN of some case: when its action, resource and conditions all held,
//! whether or not it decided. A condition has two sides: it held, and it did not, where action and resource matched.

use std::sync::Arc;

use crate::pdp::{ActionRequest, Question};
use crate::text::Lines;
use ram_policy::{Condition, Document, Outline, Position, Statement, condition_pointer, statement_pointer};

use super::environment::Environment;

/// The coverage of one or more policy directories.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// The statements of attached documents, in the order of their files.
    pub statements: Vec<StatementCoverage>,
    /// Unattached documents: no case can exercise them.
    pub unattached: Vec<Arc<Document>>,
}

#[derive(Clone, Debug)]
pub struct StatementCoverage {
    pub document: Arc<Document>,
    pub statement: usize,
    pub at: Position,
    pub applied: bool,
    pub conditions: Vec<ConditionCoverage>,
}

#[derive(Clone, Debug)]
pub struct ConditionCoverage {
    /// Operator and key: ``IpAddress `acs:SourceIp` ``.
    pub name: String,
    pub at: Position,
    pub held: bool,
    pub failed: bool,
}

/// A covered part of a total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub covered: usize,
    pub of: usize,
}

/// The marks that tests left on the statements of one directory.
#[derive(Clone, Debug)]
pub(super) struct CoverageMarks {
    /// For each statement, the index of its first mark.
    first: Arc<[usize]>,
    /// For each statement, whether it applied; then, for each of its conditions, the sides seen.
    marks: Vec<u8>,
}

const HELD: u8 = 1;
const FAILED: u8 = 2;

impl CoverageMarks {
    pub(super) fn new(environment: &Environment) -> Self {
        let mut marks = 0;
        let statements = environment.documents.iter().flat_map(|tested| tested.document.statements());
        let first = statements.map(|statement| {
            let first = marks;
            marks += 1 + statement.conditions().len();
            first
        });
        let first: Arc<[usize]> = first.collect();
        Self { first, marks: vec![0; marks] }
    }

    pub(super) fn add(&mut self, environment: &Environment, question: &Question<ActionRequest>) {
        let Some(entry) = environment.pdp.directory().entry(question.principal()) else { return };
        let request = question.request();
        for at in 0..request.resources.len() {
            for exercise in entry.layers.exercised(&request, at) {
                let Some(number) = environment.number_of(exercise.at) else { continue };
                let first = self.first[number];
                self.marks[first] |= if exercise.applied() { HELD } else { 0 };
                for (mark, held) in self.marks[first + 1..].iter_mut().zip(&exercise.held) {
                    *mark |= if *held { HELD } else { FAILED };
                }
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.marks.iter_mut().zip(&other.marks).for_each(|(mark, other)| *mark |= other);
    }

    pub(super) fn coverage(&self, environment: &Environment) -> Coverage {
        let mut coverage = Coverage::default();
        let mut number = 0;
        for tested in &environment.documents {
            let first = number;
            number += tested.document.statements().len();
            if !tested.attached {
                coverage.unattached.push(Arc::clone(&tested.document));
                continue;
            }
            let outline = Outline::new(&tested.source);
            let lines = Lines::of(&tested.source);
            for (statement, number) in tested.document.statements().iter().zip(first..) {
                let marks = &self.marks[self.first[number]..];
                let condition = |(condition, mark): (&Condition, &u8)| ConditionCoverage {
                    name: name_of(condition),
                    at: lines.position(outline.span(&condition_pointer(statement, condition)).start),
                    held: mark & HELD != 0,
                    failed: mark & FAILED != 0,
                };
                coverage.statements.push(StatementCoverage {
                    document: Arc::clone(&tested.document),
                    statement: statement.index(),
                    at: lines.position(outline.span(&statement_pointer(statement)).start),
                    applied: marks[0] & HELD != 0,
                    conditions: statement.conditions().iter().zip(&marks[1..]).map(condition).collect(),
                });
            }
        }
        coverage
    }
}

fn name_of(condition: &Condition) -> String {
    format!("{} `{}`", condition.operator().name(), condition.written_key())
}

impl Coverage {
    pub(super) fn extend(&mut self, other: Self) {
        self.statements.extend(other.statements);
        self.unattached.extend(other.unattached);
    }

    /// Statements that applied.
    pub fn statements(&self) -> Share {
        let covered = self.statements.iter().filter(|it| it.applied).count();
        Share { covered, of: self.statements.len() }
    }

    /// The sides of conditions that were seen. Each condition has two.
    pub fn conditions(&self) -> Share {
        let conditions = || self.statements.iter().flat_map(|it| &it.conditions);
        let seen = conditions().map(|it| usize::from(it.held) + usize::from(it.failed)).sum();
        Share { covered: seen, of: 2 * conditions().count() }
    }

    /// Statements and sides of conditions together.
    pub fn total(&self) -> Share {
        let (statements, conditions) = (self.statements(), self.conditions());
        Share { covered: statements.covered + conditions.covered, of: statements.of + conditions.of }
    }

    /// The statements and conditions that no case exercised, each with its file, its place and a text for people.
    pub fn missing(&self) -> Vec<(String, Position, String)> {
        let mut missing = Vec::new();
        for it in &self.statements {
            let file = it.document.file();
            if !it.applied {
                let what = format!("{} never applied", named(it.statement()));
                missing.push((file.to_owned(), it.at, prefixed(it, &what)));
            }
            for condition in &it.conditions {
                let side = match (condition.held, condition.failed) {
                    (true, true) => continue,
                    (true, false) => "never failed",
                    (false, true) => "never held",
                    (false, false) => "was never reached",
                };
                let what = format!("condition {} {side}", condition.name);
                missing.push((file.to_owned(), condition.at, prefixed(it, &what)));
            }
        }
        missing
    }
}

impl StatementCoverage {
    pub fn statement(&self) -> &Statement {
        &self.document.statements()[self.statement]
    }
}

fn prefixed(it: &StatementCoverage, what: &str) -> String {
    format!("{}#{} {what}", it.document.name(), it.statement)
}

fn named(statement: &Statement) -> String {
    let effect = statement.effect().as_str();
    statement.sid().map_or_else(|| effect.to_owned(), |sid| format!("{effect} `{sid}`"))
}

impl Share {
    /// The percentage, rounded down so that 100 means all; `None` if the total is 0.
    pub fn percent(&self) -> Option<usize> {
        (self.of > 0).then(|| self.covered * 100 / self.of)
    }

    /// Whether the share is at least this percentage.
    pub fn reaches(&self, percent: u8) -> bool {
        self.covered * 100 >= self.of * usize::from(percent)
    }
}
