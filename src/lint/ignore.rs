//! `lint.toml`: the findings that are ignored, each with a reason.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use crate::text::distance;
use ram_policy::{Diagnostic, Source};

use super::finding::Finding;
use super::rule::{RULES, Rule, UNUSED_IGNORE};

/// The ignore list of one account.
#[derive(Clone, Debug)]
pub struct IgnoreList {
    source: Source,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    rule: &'static Rule,
    /// The span of the rule's id.
    span: Range<usize>,
    policy: Option<String>,
    statement: Option<RawStatement>,
    principal: Option<String>,
    reason: Arc<str>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIgnoreList {
    schema: Option<Spanned<u32>>,
    #[serde(default)]
    ignore: Vec<RawEntry>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    rule: Spanned<String>,
    policy: Option<String>,
    statement: Option<Spanned<RawStatement>>,
    principal: Option<String>,
    reason: Spanned<String>,
}

/// A statement by its index or its Sid.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged)]
enum RawStatement {
    Index(usize),
    Sid(String),
}

impl IgnoreList {
    /// Reads an ignore list.
    ///
    /// # Errors
    /// All diagnostics about the list.
    pub fn read(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let raw: RawIgnoreList = toml::from_str(source.text()).map_err(|error| {
            let help = "write `[[ignore]]` with `rule` and `reason`; `policy`, `statement` and `principal` narrow it";
            vec![source.error(error.span().unwrap_or(0..0), error.message(), help)]
        })?;
        let mut diagnostics = Vec::new();
        if let Some(schema) = raw.schema.filter(|schema| *schema.get_ref() != 1) {
            diagnostics.push(source.error(schema.span(), "the schema is unknown", "this program reads `schema = 1`"));
        }
        let entries: Vec<_> =
            raw.ignore.into_iter().filter_map(|entry| Entry::read(source, entry, &mut diagnostics)).collect();
        if diagnostics.is_empty() { Ok(Self { source: source.clone(), entries }) } else { Err(diagnostics) }
    }

    /// Marks the findings that match an entry. Returns a finding for each entry that matches none.
    pub fn apply(&self, findings: &mut [Finding]) -> Vec<Finding> {
        let mut unused = Vec::new();
        for entry in &self.entries {
            let mut used = false;
            for finding in findings.iter_mut().filter(|finding| entry.names(finding)) {
                used = true;
                finding.ignored.get_or_insert_with(|| Arc::clone(&entry.reason));
            }
            if !used {
                let title = format!("the entry ignores `{}`, but there is no such finding", entry.rule.id);
                let help = "remove it, or correct its `policy`, `statement` or `principal`";
                unused.push(Finding::new(&UNUSED_IGNORE, &self.source, entry.span.clone(), title, help));
            }
        }
        unused
    }
}

impl Entry {
    fn read(source: &Source, raw: RawEntry, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        let before = diagnostics.len();
        let id = raw.rule.get_ref();
        let rule = RULES.iter().find(|rule| rule.id == id).copied();
        if rule.is_none() {
            let nearest = RULES.iter().map(|rule| rule.id).min_by_key(|known| distance(known, id)).unwrap_or_default();
            let help = format!("write `{nearest}`, or another rule that `ramgate lint --rules` lists");
            diagnostics.push(source.error(raw.rule.span(), format!("unknown rule `{id}`"), help));
        }
        if raw.reason.get_ref().trim().is_empty() {
            diagnostics.push(source.error(
                raw.reason.span(),
                "the reason is empty",
                "write why the finding is accepted",
            ));
        }
        if let (Some(statement), None) = (&raw.statement, &raw.policy) {
            let help = "add `policy = \"…\"`: statements are counted in each policy";
            diagnostics.push(source.error(statement.span(), "`statement` needs a `policy`", help));
        }
        if diagnostics.len() > before {
            return None;
        }
        Some(Self {
            rule: rule?,
            span: raw.rule.span(),
            policy: raw.policy,
            statement: raw.statement.map(Spanned::into_inner),
            principal: raw.principal,
            reason: raw.reason.get_ref().as_str().into(),
        })
    }

    fn names(&self, finding: &Finding) -> bool {
        let about = &finding.about;
        let same = |wanted: &Option<String>, found: &Option<Box<str>>| {
            wanted.as_deref().is_none_or(|wanted| found.as_deref() == Some(wanted))
        };
        let statement = match &self.statement {
            None => true,
            Some(RawStatement::Index(index)) => about.statement == Some(*index),
            Some(RawStatement::Sid(sid)) => about.sid.as_deref() == Some(sid),
        };
        std::ptr::eq(self.rule, finding.rule)
            && same(&self.policy, &about.policy)
            && same(&self.principal, &about.principal)
            && statement
    }
}
