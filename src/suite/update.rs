//! Rewrites the expectations of a suite to the actual results.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::cell::{Axes, BoundCall, SuiteCase};
use super::expected::{Actual, Expected, ExpectedVerdict};
use super::run::{RunResults, TestFile};
use super::suite_file::Suite;
use super::test_result::TestResult;

/// A suite with updated expectations.
#[derive(Clone, Debug)]
pub struct Update {
    /// The name of its file.
    pub file: String,
    pub old: String,
    pub new: String,
}

/// The actual result of a cell, limited to the fields that its case asserts.
#[derive(Clone, Debug, PartialEq)]
struct NewExpectation {
    word: ExpectedVerdict,
    decided_by: Option<Vec<String>>,
    layer: Option<&'static str>,
    status: Option<u16>,
    code: Option<String>,
}

/// One update for each suite with a failed test. Case files are worked examples and are not changed.
///
/// # Errors
/// A suite cannot be rewritten; the text is for people.
pub fn updates(files: &[TestFile], ran: &RunResults) -> Result<Vec<Update>, String> {
    let mut updates = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let TestFile::Suite(suite) = file else { continue };
        let failed = ran.placed().filter(|(at, tested)| at.file == number && TestResult::failed(tested));
        let mut cases: Vec<usize> = failed.map(|(at, _)| suite.cells[at.number].case).collect();
        cases.dedup();
        if !cases.is_empty() {
            updates.push(update(suite, &cases)?);
        }
    }
    Ok(updates)
}

fn update(suite: &Suite, cases: &[usize]) -> Result<Update, String> {
    let (file, old) = (suite.source.name().to_owned(), suite.source.text().to_owned());
    let form = || format!("`{file}` cannot be rewritten: write its cases as `[[case]]`");
    let mut document: DocumentMut = old.parse().map_err(|_| form())?;
    let tables = document.get_mut("case").and_then(Item::as_array_of_tables_mut).ok_or_else(form)?;
    for case in cases {
        rewrite(suite, *case, tables).ok_or_else(form)?;
    }
    Ok(Update { file, old, new: document.to_string() })
}

fn rewrite(suite: &Suite, number: usize, tables: &mut ArrayOfTables) -> Option<()> {
    let case = &suite.cases[number];
    let table = tables.get_mut(number)?;
    let cells = &suite.cells[case.cells.clone()];
    let new_expectation: Vec<NewExpectation> =
        cells.iter().map(|cell| suite.new_expectation(case, &cell.expected, &cell.call)).collect();
    let first = new_expectation.first()?;
    let uniform = new_expectation.iter().all(|it| it == first);
    if uniform {
        set(table, "expect", Some(first.word.as_str().into()));
    } else {
        let mut list = Array::new();
        for (cell, new_expectation) in cells.iter().zip(&new_expectation) {
            let mut entry = Value::from(new_expectation.entry(&cell.axes, case.varies));
            entry.decor_mut().set_prefix("\n  ");
            list.push_formatted(entry);
        }
        list.set_trailing_comma(true);
        list.set_trailing("\n");
        set(table, "expect", Some(Value::Array(list)));
    }
    for (key, value) in first.asserted() {
        set(table, key, value.filter(|_| uniform));
    }
    Some(())
}

/// Replaces a value and keeps the comment beside it, or removes the key.
fn set(table: &mut Table, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            table.insert(key, Item::Value(value));
        }
    }
}

impl Suite {
    fn new_expectation(&self, case: &SuiteCase, expected: &Expected, call: &BoundCall) -> NewExpectation {
        match call {
            Err(refused) => NewExpectation::of(expected, &Actual::Refused(&refused.answer)),
            Ok(question) => {
                let (authorization, request) = (self.authorization(question), question.request());
                let got =
                    Actual::Judged { decision: authorization.decision(), request: &request, denial: &case.denial };
                NewExpectation::of(expected, &got)
            }
        }
    }
}

impl NewExpectation {
    fn of(expected: &Expected, got: &Actual<'_>) -> Self {
        let word = got.word();
        let answer = got.answer();
        let judged = word != ExpectedVerdict::Refused;
        let names = || got.decided_by().iter().map(ToString::to_string).collect();
        Self {
            // A suite that expects `deny`, of either kind, keeps that word.
            word: if expected.word.takes(word) { expected.word } else { word },
            decided_by: expected.decided_by.as_ref().filter(|_| judged).map(|_| names()),
            layer: expected.layer.and_then(|_| got.layer()).map(ram_policy::LayerKind::policy_type),
            status: expected.status.and_then(|_| answer.map(|it| it.status)),
            code: expected.code.as_ref().and_then(|_| answer.map(|it| it.code.clone())),
        }
    }

    fn asserted(&self) -> [(&'static str, Option<Value>); 4] {
        let names = self.decided_by.as_ref().map(|names| Value::Array(names.iter().map(String::as_str).collect()));
        [
            ("decided_by", names),
            ("layer", self.layer.map(Value::from)),
            ("status", self.status.map(|status| i64::from(status).into())),
            ("code", self.code.as_deref().map(Value::from)),
        ]
    }

    fn entry(&self, axes: &Axes, varies: [bool; 4]) -> InlineTable {
        let mut entry = InlineTable::new();
        for ((name, value), varies) in Axes::NAMES.iter().zip(&axes.0).zip(varies) {
            if let Some(value) = value.as_deref().filter(|_| varies) {
                entry.insert(*name, value.into());
            }
        }
        entry.insert("is", self.word.as_str().into());
        for (key, value) in self.asserted() {
            if let Some(value) = value {
                entry.insert(key, value);
            }
        }
        entry
    }
}
