//! Every rule over one account.

use crate::pdp::{Directory, Standing};
use crate::policy::{Document, LayerKind};
use crate::ram::{AccountId, Principal};
use crate::source::Source;

use super::account::Names;
use super::document::lint_document;
use super::finding::{Finding, sort};
use super::ignore::IgnoreList;
use super::principal;
use super::rule::{ALLOW_UNDER_DENY, RESOURCE_STAR, Rule, SHADOWED};
use super::shadow::{Key, shadowed, under_deny};
use super::site::Site;

/// What one account is written in.
#[derive(Clone, Copy, Debug)]
pub struct AccountText<'a> {
    pub id: &'a AccountId,
    /// The account files.
    pub files: &'a [Source],
    pub ignores: Option<&'a IgnoreList>,
}

/// All of one account.
#[derive(Debug)]
pub struct Survey<'a> {
    pub directory: &'a Directory,
    pub account: AccountText<'a>,
    pub documents: Vec<(&'a Document, &'a Source)>,
}

/// Every finding, in the order of files and places; those that the ignore list names are marked.
pub fn survey(survey: &Survey<'_>) -> Vec<Finding> {
    let names = Names::read(survey.account.files);
    let principals: Vec<(&Principal, &Standing)> =
        survey.directory.principals().filter(|(principal, _)| principal.account() == survey.account.id).collect();
    let standings: Vec<&Standing> = principals.iter().map(|(_, standing)| *standing).collect();
    let mut findings: Vec<Finding> = Vec::new();
    let shadowed = shadowed(&standings, survey.documents.iter().map(|(document, _)| *document));
    let taken_back = under_deny(&standings);
    for (document, source) in &survey.documents {
        let found = lint_document(document, source).into_iter();
        let limit = only_limits(document, &standings);
        findings.extend(found.filter(|finding| !(limit && finding.rule.id == RESOURCE_STAR.id)));
        let mut site = Site::new(document, source);
        for index in 0..document.statements().len() {
            let key = (document.name(), index);
            if let Some(by) = shadowed.get(&key) {
                let title = format!("the statement selects nothing that {} does not select too", place(*by, key));
                report(&mut site, index, &SHADOWED, title, "remove it, or narrow the other");
            }
            if let Some(by) = taken_back.get(&key) {
                let title = format!("the Allow grants nothing: {} denies all of it", place(*by, key));
                report(&mut site, index, &ALLOW_UNDER_DENY, title, "remove it, or narrow the Deny");
            }
        }
        findings.extend(names.unused_policy(&site));
        findings.extend(site.finish());
    }
    findings.extend(names.unused_groups());
    findings.extend(principals.iter().flat_map(|(principal, standing)| principal::check(principal, standing, &names)));
    if let Some(ignores) = survey.account.ignores {
        let unused = ignores.apply(&mut findings);
        findings.extend(unused);
    }
    sort(&mut findings);
    findings
}

/// Whether a document is attached to levels of the resource directory alone: there an Allow grants nothing, it says what
/// may be granted.
fn only_limits(document: &Document, standings: &[&Standing]) -> bool {
    let sets = standings.iter().flat_map(|standing| standing.layers.sets());
    let holding = sets.filter(|(_, _, set)| set.documents().iter().any(|held| std::ptr::eq(&**held, document)));
    let mut kinds = holding.map(|(kind, _, _)| kind).peekable();
    kinds.peek().is_some() && kinds.all(|kind| kind == LayerKind::Control)
}

fn report(site: &mut Site<'_>, index: usize, rule: &'static Rule, title: String, help: &str) {
    let document = site.document;
    let statement = &document.statements()[index];
    let span = site.effect(statement);
    site.report(rule, statement, span, title, help);
}

/// The other statement, as seen from the first.
fn place((policy, index): Key<'_>, from: Key<'_>) -> String {
    if policy == from.0 { format!("statement {index}") } else { format!("`{policy}#{index}`") }
}
