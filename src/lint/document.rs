//! Runs the rules that need a single document.

use ram_policy::{Document, Source, Statement};

use super::finding::{Finding, sort};
use super::reporter::Reporter;
use super::{condition, deny, spelling, statement, unknown};

type Check = fn(&mut Reporter<'_>, &Statement);

const CHECKS: [Check; 10] = [
    statement::variables,
    statement::masked_ids,
    statement::single_address_blocks,
    condition::never_present,
    condition::of_another_type,
    condition::negated_allow,
    unknown::not_supplied,
    deny::never_applies,
    statement::resource_star,
    spelling::wrong_case,
];

/// Differences from RAM that its documentation implies and an operator must know (`docs/spec/ram-policy.md` 4.4, 4.6,
/// 4.7).
const AT_LOAD: [Check; 4] =
    [statement::variables, statement::single_address_blocks, condition::never_present, unknown::not_supplied];

/// All findings about a document, judged alone.
pub fn lint_document(document: &Document, source: &Source) -> Vec<Finding> {
    run(&CHECKS, document, source)
}

/// The findings that are important enough to be warnings whenever policies are loaded.
pub fn warnings_at_load(document: &Document, source: &Source) -> Vec<Finding> {
    run(&AT_LOAD, document, source)
}

fn run(checks: &[Check], document: &Document, source: &Source) -> Vec<Finding> {
    let mut reporter = Reporter::new(document, source);
    for statement in document.statements() {
        for check in checks {
            check(&mut reporter, statement);
        }
    }
    let mut findings = reporter.finish();
    sort(&mut findings);
    findings
}
