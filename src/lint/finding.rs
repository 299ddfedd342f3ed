//! A finding: its rule, its place, the problem and the remedy.

use std::ops::Range;
use std::sync::Arc;

use ram_policy::{Diagnostic, Severity, Source};

use super::rule::Rule;

/// A problem at one place.
#[derive(Clone, Debug)]
pub struct Finding {
    pub rule: &'static Rule,
    pub severity: Severity,
    /// The problem, in lower case, with quoted input in back-ticks.
    pub title: String,
    pub help: String,
    pub source: Source,
    /// Byte range in the text.
    pub span: Range<usize>,
    pub about: About,
    /// The reason from the ignore list, if the finding is ignored.
    pub ignored: Option<Arc<str>>,
}

/// The subject of a finding, which entries of the ignore list are compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub policy: Option<Box<str>>,
    /// The index in the Statement list.
    pub statement: Option<usize>,
    pub sid: Option<Box<str>>,
    /// `user/NAME`, `role/NAME` or `group/NAME`.
    pub principal: Option<Box<str>>,
}

impl Finding {
    pub(super) fn new(
        rule: &'static Rule,
        source: &Source,
        span: Range<usize>,
        title: String,
        help: impl Into<String>,
    ) -> Self {
        let (source, help) = (source.clone(), help.into());
        Self { rule, severity: rule.severity, title, help, source, span, about: About::default(), ignored: None }
    }

    #[must_use]
    pub(super) fn about(self, about: About) -> Self {
        Self { about, ..self }
    }

    /// The finding as a diagnostic about its file.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic {
            severity: self.severity,
            title: self.title.clone(),
            help: self.help.clone(),
            source: self.source.clone(),
            span: Some(self.span.clone()),
        }
    }

    /// Whether the finding is not ignored and at least as severe as `threshold`.
    pub fn reaches(&self, threshold: Severity) -> bool {
        self.ignored.is_none() && self.severity >= threshold
    }
}

/// Sorts by file and place, so that the order is stable.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |it: &Finding| (it.span.start, it.span.end, it.rule.id);
        a.source.name().cmp(b.source.name()).then_with(|| key(a).cmp(&key(b))).then_with(|| a.title.cmp(&b.title))
    });
}
