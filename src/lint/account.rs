//! Runs every rule over one account.

use crate::pdp::{Directory, PrincipalEntry};
use ram_policy::{AccountId, Document, LayerKind, Principal, Source};

use super::account_names::AccountNames;
use super::document::lint_document;
use super::finding::{Finding, sort};
use super::ignore::IgnoreList;
use super::principal;
use super::reporter::Reporter;
use super::rule::{ALLOW_UNDER_DENY, RESOURCE_STAR, Rule, SHADOWED};
use super::shadow::{Key, shadowed, under_deny};

/// The texts of one account.
#[derive(Clone, Copy, Debug)]
pub struct AccountText<'a> {
    pub id: &'a AccountId,
    /// The account files.
    pub files: &'a [Source],
    pub ignores: Option<&'a IgnoreList>,
}

/// Everything that is linted of one account.
#[derive(Debug)]
pub struct AccountInput<'a> {
    pub directory: &'a Directory,
    pub account: AccountText<'a>,
    pub documents: Vec<(&'a Document, &'a Source)>,
}

/// All findings, in the order of files and places. Those that match the ignore list are marked.
pub fn lint_account(lint_account: &AccountInput<'_>) -> Vec<Finding> {
    let names = AccountNames::read(lint_account.account.files);
    let principals: Vec<(&Principal, &PrincipalEntry)> = lint_account
        .directory
        .principals()
        .filter(|(principal, _)| principal.account() == lint_account.account.id)
        .collect();
    let entries: Vec<&PrincipalEntry> = principals.iter().map(|(_, entry)| *entry).collect();
    let mut findings: Vec<Finding> = Vec::new();
    let shadowed = shadowed(&entries, lint_account.documents.iter().map(|(document, _)| *document));
    let taken_back = under_deny(&entries);
    for (document, source) in &lint_account.documents {
        let found = lint_document(document, source).into_iter();
        let limit = only_limits(document, &entries);
        findings.extend(found.filter(|finding| !(limit && finding.rule.id == RESOURCE_STAR.id)));
        let mut reporter = Reporter::new(document, source);
        for index in 0..document.statements().len() {
            let key = (document.name(), index);
            if let Some(by) = shadowed.get(&key) {
                let title =
                    format!("the statement is redundant: {} selects everything that it selects", place(*by, key));
                report(&mut reporter, index, &SHADOWED, title, "remove it, or narrow the other statement");
            }
            if let Some(by) = taken_back.get(&key) {
                let title = format!("the Allow grants nothing: {} denies all of it", place(*by, key));
                report(&mut reporter, index, &ALLOW_UNDER_DENY, title, "remove it, or narrow the Deny");
            }
        }
        findings.extend(names.unused_policy(&reporter));
        findings.extend(reporter.finish());
    }
    findings.extend(names.unused_groups());
    findings.extend(principals.iter().flat_map(|(principal, entry)| principal::check(principal, entry, &names)));
    if let Some(ignores) = lint_account.account.ignores {
        let unused = ignores.apply(&mut findings);
        findings.extend(unused);
    }
    sort(&mut findings);
    findings
}

/// Whether a document is attached only to levels of the resource directory. An Allow there grants nothing; it limits
/// what other policies may grant.
fn only_limits(document: &Document, entries: &[&PrincipalEntry]) -> bool {
    let sets = entries.iter().flat_map(|entry| entry.layers.sets());
    let holding = sets.filter(|(_, _, set)| set.documents().iter().any(|held| std::ptr::eq(&**held, document)));
    let mut kinds = holding.map(|(kind, _, _)| kind).peekable();
    kinds.peek().is_some() && kinds.all(|kind| kind == LayerKind::Control)
}

fn report(reporter: &mut Reporter<'_>, index: usize, rule: &'static Rule, title: String, help: &str) {
    let document = reporter.document;
    let statement = &document.statements()[index];
    let span = reporter.effect(statement);
    reporter.report(rule, statement, span, title, help);
}

/// Names the other statement, without its policy if that is the same.
fn place((policy, index): Key<'_>, from: Key<'_>) -> String {
    if policy == from.0 { format!("statement {index}") } else { format!("`{policy}#{index}`") }
}
