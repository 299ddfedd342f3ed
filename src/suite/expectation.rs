//! The expectations of a case: one word for all of its cells, or a list of entries for some cells each.

use std::ops::Range;

use toml::Spanned;

use ram_policy::{Diagnostic, LayerKind};

use super::cell::Axes;
use super::environment::Environment;
use super::expected::{Expected, ExpectedVerdict};
use super::raw::{RawCase, RawCell, RawExpect, Text};
use super::suite_file::SuiteFile;

/// The expectations of a case.
pub(super) enum Expectations {
    Same(Expected),
    /// Each cell must match exactly one entry.
    Cells {
        entries: Vec<Entry>,
        span: Range<usize>,
    },
}

/// The expectation for the cells with these values.
pub(super) struct Entry {
    values: [Option<Text>; 4],
    span: Range<usize>,
    expected: Expected,
}

/// The assertions beside the verdict, as written.
struct Asserted<'a> {
    decided_by: Option<&'a [Text]>,
    layer: Option<&'a Text>,
    status: Option<&'a Spanned<u16>>,
    code: Option<&'a Text>,
}

struct Reader<'a> {
    file: &'a SuiteFile,
    environment: &'a Environment,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Expectations {
    /// `None` on an error, which is added to the diagnostics.
    pub(super) fn read(
        file: &SuiteFile,
        environment: &Environment,
        name: &Text,
        case: &RawCase,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let mut reader = Reader { file, environment, diagnostics };
        let own = Asserted {
            decided_by: case.decided_by.as_deref(),
            layer: case.layer.as_ref(),
            status: case.status.as_ref(),
            code: case.code.as_ref(),
        };
        let Some(expect) = &case.expect else {
            reader.report(name.span(), "the case has no `expect`".to_owned(), "add `expect = \"allow\"`");
            return None;
        };
        match expect.get_ref() {
            RawExpect::ExpectedVerdict(word) => reader.expected(word, expect.span(), &own).map(Self::Same),
            RawExpect::Cells(cells) => {
                let entries: Vec<_> = cells.iter().map(|cell| reader.entry(cell, &own)).collect();
                let entries = entries.into_iter().collect::<Option<_>>()?;
                Some(Self::Cells { entries, span: expect.span() })
            }
        }
    }

    /// One expectation for each cell, in the order of the cells.
    pub(super) fn lay_out(
        &self,
        cells: &[&Axes],
        varies: [bool; 4],
        file: &SuiteFile,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Expected> {
        let (entries, span) = match self {
            Self::Same(expected) => return vec![expected.clone(); cells.len()],
            Self::Cells { entries, span } => (entries, span),
        };
        let source = &file.source;
        let mut used = vec![false; entries.len()];
        let (mut laid, mut unlisted) = (Vec::with_capacity(cells.len()), Vec::new());
        for cell in cells {
            let mut matching = entries.iter().enumerate().filter(|(_, entry)| entry.is_of(cell));
            let Some((number, first)) = matching.next() else {
                unlisted.push(cell.varying(varies));
                continue;
            };
            used[number] = true;
            laid.push(first.expected.clone());
            if let Some((second, entry)) = matching.next() {
                used[second] = true;
                let title = format!("the cell `{}` matches two entries", cell.varying(varies));
                diagnostics.push(source.error(
                    entry.span.clone(),
                    title,
                    "make one of them more specific, or remove one",
                ));
            }
        }
        if let Some(first) = unlisted.first() {
            let more = if unlisted.len() > 1 { format!(" and {} more", unlisted.len() - 1) } else { String::new() };
            let title = format!("no entry matches the cell `{first}`{more}");
            diagnostics.push(source.error(span.clone(), title, "list every cell: cells are not assumed to be denied"));
        }
        for (entry, _) in entries.iter().zip(used).filter(|(_, used)| !used) {
            diagnostics.push(source.error(entry.span.clone(), "no cell matches this entry", "fix it, or remove it"));
        }
        laid
    }
}

impl Entry {
    fn is_of(&self, cell: &Axes) -> bool {
        let values = self.values.iter().zip(&cell.0);
        let mut given = values.filter_map(|(value, of_cell)| Some((value.as_ref()?, of_cell)));
        given.all(|(value, of_cell)| of_cell.as_deref() == Some(value.get_ref().as_str()))
    }
}

impl Reader<'_> {
    fn entry(&mut self, cell: &Spanned<RawCell>, case: &Asserted<'_>) -> Option<Entry> {
        let raw = cell.get_ref();
        let asserted = Asserted {
            decided_by: raw.decided_by.as_deref().or(case.decided_by),
            layer: raw.layer.as_ref().or(case.layer),
            status: raw.status.as_ref().or(case.status),
            code: raw.code.as_ref().or(case.code),
        };
        let expected = self.expected(raw.is.get_ref(), raw.is.span(), &asserted)?;
        let values = [raw.principal.clone(), raw.eni.clone(), raw.instance.clone(), raw.region.clone()];
        Some(Entry { values, span: cell.span(), expected })
    }

    fn expected(&mut self, word: &str, span: Range<usize>, asserted: &Asserted<'_>) -> Option<Expected> {
        let Ok(word) = word.parse::<ExpectedVerdict>() else {
            let help = "write `allow`, `implicit-deny`, `explicit-deny`, `deny` or `refused`";
            self.report(span, format!("`{word}` is not a valid expectation"), help);
            return None;
        };
        match word {
            ExpectedVerdict::Allow => {
                let help = "remove it: an allowed call is answered by ECS";
                self.reject(asserted.layer.map(Text::span), "an allowed call has no layer that denies it", help);
                let answer = asserted.status.map(Spanned::span).or(asserted.code.map(Text::span));
                self.reject(answer, "an allowed call gets no answer from the gateway", help);
            }
            ExpectedVerdict::Refused => {
                let help = "remove it: the call never reaches a policy";
                let policy = asserted.layer.map(Text::span);
                let policy = policy.or(asserted.decided_by.and_then(<[Text]>::first).map(Text::span));
                self.reject(policy, "no policy decides a refused call", help);
            }
            ExpectedVerdict::ImplicitDeny | ExpectedVerdict::ExplicitDeny | ExpectedVerdict::Deny => {}
        }
        let decided_by = asserted.decided_by.map(|names| self.statements(names));
        let layer = asserted.layer.and_then(|layer| self.layer(layer));
        let status = asserted.status.map(|status| *status.get_ref());
        let code = asserted.code.map(|code| code.get_ref().clone());
        Some(Expected { word, decided_by, layer, status, code })
    }

    fn statements(&mut self, raw: &[Text]) -> Vec<super::environment::StatementName> {
        let mut names = Vec::with_capacity(raw.len());
        for name in raw {
            // A session policy has no file: its statements are `session#0` and so on.
            let session = name.get_ref().strip_prefix("session#").and_then(|index| index.parse().ok());
            match (self.environment.statement_named(name.get_ref()), session) {
                (Ok(found), _) => names.push(found),
                (Err(_), Some(index)) => {
                    names.push(super::environment::StatementName { document: "session".to_owned(), index });
                }
                (Err(why), None) => {
                    let title = format!("unknown statement `{}`: {why}", name.get_ref());
                    self.report(name.span(), title, "write `POLICY#INDEX`, counted from 0, or `POLICY#Sid`");
                }
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    fn layer(&mut self, raw: &Text) -> Option<LayerKind> {
        let found = LayerKind::ALL.into_iter().find(|kind| kind.policy_type() == raw.get_ref());
        if found.is_none() {
            let known = LayerKind::ALL.map(|kind| format!("`{}`", kind.policy_type())).join(", ");
            self.report(raw.span(), format!("unknown layer `{}`", raw.get_ref()), &format!("write {known}"));
        }
        found
    }

    fn reject(&mut self, span: Option<Range<usize>>, title: &str, help: &str) {
        if let Some(span) = span {
            self.report(span, title.to_owned(), help);
        }
    }

    fn report(&mut self, span: Range<usize>, title: String, help: &str) {
        self.diagnostics.push(self.file.source.error(span, title, help));
    }
}
