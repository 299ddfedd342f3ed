//! The rules that need one document and nothing else.

use crate::policy::{Document, Statement};
use crate::source::Source;

use super::finding::{Finding, sort};
use super::site::Site;
use super::{breadth, condition, deny, spelling, unknown, written};

type Check = fn(&mut Site<'_>, &Statement);

const CHECKS: [Check; 10] = [
    written::variables,
    written::masked_ids,
    written::single_address_blocks,
    condition::never_present,
    condition::of_another_type,
    condition::negated_allow,
    unknown::not_supplied,
    deny::never_applies,
    breadth::resource_star,
    spelling::wrong_case,
];

/// What RAM's documentation would have a reader of policies warn about (`spec/ram-policy.md` 4.4, 4.6, 4.7).
const AT_LOAD: [Check; 4] =
    [written::variables, written::single_address_blocks, condition::never_present, unknown::not_supplied];

/// Every finding about a document by itself.
pub fn lint_document(document: &Document, source: &Source) -> Vec<Finding> {
    run(&CHECKS, document, source)
}

/// The few that are worth a word whenever policies are loaded.
pub fn warnings_at_load(document: &Document, source: &Source) -> Vec<Finding> {
    run(&AT_LOAD, document, source)
}

fn run(checks: &[Check], document: &Document, source: &Source) -> Vec<Finding> {
    let mut site = Site::new(document, source);
    for statement in document.statements() {
        for check in checks {
            check(&mut site, statement);
        }
    }
    let mut findings = site.finish();
    sort(&mut findings);
    findings
}
