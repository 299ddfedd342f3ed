//! Collects the findings about one document, and finds the spans of its parts.

use std::cell::OnceCell;
use std::ops::Range;

use ram_policy::{Actions, Condition, Document, Outline, Severity, Source, Statement, condition_pointer};

use super::finding::{About, Finding};
use super::rule::Rule;

/// The outline is built when the first finding needs a span: most documents have no findings.
pub(super) struct Reporter<'a> {
    pub(super) document: &'a Document,
    pub(super) source: &'a Source,
    outline: OnceCell<Outline<'a>>,
    findings: Vec<Finding>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(document: &'a Document, source: &'a Source) -> Self {
        Self { document, source, outline: OnceCell::new(), findings: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<Finding> {
        self.findings
    }

    pub(super) fn report(
        &mut self,
        rule: &'static Rule,
        statement: &Statement,
        span: Range<usize>,
        title: String,
        help: impl Into<String>,
    ) {
        self.report_as(rule, rule.severity, statement, span, title, help);
    }

    /// Reports with a severity that may differ from the rule's own.
    pub(super) fn report_as(
        &mut self,
        rule: &'static Rule,
        severity: Severity,
        statement: &Statement,
        span: Range<usize>,
        title: String,
        help: impl Into<String>,
    ) {
        let about = About {
            policy: Some(self.document.name().into()),
            statement: Some(statement.index()),
            sid: statement.sid().map(Into::into),
            principal: None,
        };
        let finding = Finding::new(rule, self.source, span, title, help).about(about);
        self.findings.push(Finding { severity, ..finding });
    }

    pub(super) fn effect(&self, statement: &Statement) -> Range<usize> {
        self.outline().span(&format!("/Statement/{}/Effect", statement.index()))
    }

    pub(super) fn action(&self, statement: &Statement, index: usize) -> Range<usize> {
        let element = match statement.actions() {
            Actions::Action(_) => "Action",
            Actions::NotAction(_) => "NotAction",
        };
        self.outline().span(&format!("/Statement/{}/{element}/{index}", statement.index()))
    }

    pub(super) fn resource(&self, statement: &Statement, index: usize) -> Range<usize> {
        self.outline().span(&format!("/Statement/{}/Resource/{index}", statement.index()))
    }

    /// A resource pattern as written. The parsed pattern merges consecutive stars.
    pub(super) fn written_resource(&self, statement: &Statement, index: usize) -> Option<String> {
        let text = self.outline().text(&format!("/Statement/{}/Resource/{index}", statement.index()));
        text.map(ToOwned::to_owned)
    }

    pub(super) fn key(&self, statement: &Statement, condition: &Condition) -> Range<usize> {
        self.outline().name_span(&condition_pointer(statement, condition))
    }

    pub(super) fn value(&self, statement: &Statement, condition: &Condition, index: usize) -> Range<usize> {
        self.outline().span(&format!("{}/{index}", condition_pointer(statement, condition)))
    }

    fn outline(&self) -> &Outline<'a> {
        self.outline.get_or_init(|| Outline::new(self.source))
    }
}
