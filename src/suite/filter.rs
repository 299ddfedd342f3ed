//! Selects tests by name, suite, principal, ENI or instance.

use std::borrow::Cow;

use ram_policy::{Case, Glob};

/// Selects the tests for which every term holds; without terms, all tests.
#[derive(Clone, Debug, Default)]
pub struct Filter(Vec<Term>);

#[derive(Clone, Debug)]
struct Term {
    field: Field,
    pattern: Glob,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// The name, the suite, or both as `SUITE / NAME`.
    Any,
    Name,
    Suite,
    Principal,
    Eni,
    Instance,
}

/// The fields of a test that a filter compares.
#[derive(Clone, Debug)]
pub(super) struct Filtered<'a> {
    pub(super) suite: &'a str,
    pub(super) name: &'a str,
    pub(super) principal: Cow<'a, str>,
    pub(super) eni: &'a str,
    pub(super) instance: &'a str,
}

impl Filter {
    /// Each term is a pattern. With `*` or `?`, it must match a whole name; without, a part of one. The prefixes
    /// `suite=`, `name=`, `principal=`, `eni=` and `instance=` select the field to compare.
    pub fn new<'t>(terms: impl IntoIterator<Item = &'t str>) -> Self {
        let term = |term: &str| {
            let fields = [
                ("suite=", Field::Suite),
                ("name=", Field::Name),
                ("principal=", Field::Principal),
                ("eni=", Field::Eni),
                ("instance=", Field::Instance),
            ];
            let named = fields.into_iter().find_map(|(key, field)| Some((field, term.strip_prefix(key)?)));
            let (field, pattern) = named.unwrap_or((Field::Any, term));
            let piece = if pattern.contains(['*', '?']) { pattern.to_owned() } else { format!("*{pattern}*") };
            Term { field, pattern: Glob::new(&piece, Case::Sensitive) }
        };
        Self(terms.into_iter().map(term).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn takes(&self, test: &Filtered<'_>) -> bool {
        self.0.iter().all(|term| {
            let matches = |text: &str| term.pattern.matches(text);
            match term.field {
                Field::Any => {
                    matches(test.name) || matches(test.suite) || matches(&format!("{} / {}", test.suite, test.name))
                }
                Field::Name => matches(test.name),
                Field::Suite => matches(test.suite),
                Field::Principal => matches(&test.principal),
                Field::Eni => matches(test.eni),
                Field::Instance => matches(test.instance),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_must_hold() {
        let test = Filtered {
            suite: "terway workers",
            name: "own ENI [user/alice]",
            principal: "user/alice".into(),
            eni: "eni-1",
            instance: "i-1",
        };
        for (terms, expected) in [
            (&[][..], true),
            (&["own"], true),
            (&["terway workers / own*"], true),
            (&["own*"], true),
            (&["wn*"], false),
            (&["suite=terway*", "principal=user/*"], true),
            (&["suite=terway*", "principal=role/*"], false),
            (&["suite=own"], false),
            (&["name=own", "eni=eni-1", "instance=i-?"], true),
            (&["eni=eni-2"], false),
        ] {
            assert_eq!(Filter::new(terms.iter().copied()).takes(&test), expected, "{terms:?}");
        }
    }
}
