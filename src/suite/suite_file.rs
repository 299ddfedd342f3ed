//! A suite (`*.test.toml`) that is read but not yet bound to a policy directory.

use std::ops::Range;
use std::sync::Arc;

use ram_policy::{Diagnostic, Source};

use super::binding::{Binder, Bound};
use super::cell::{Cell, SuiteCase};
use super::environment::Environment;
use super::raw::RawSuite;

/// The text of a suite.
#[derive(Clone, Debug)]
pub struct SuiteFile {
    pub(super) source: Source,
    pub(super) name: String,
    pub(super) raw: RawSuite,
}

/// A bound suite: every name in it was found. Each case has one cell or a matrix of cells.
#[derive(Debug)]
pub struct Suite {
    pub name: String,
    pub source: Source,
    /// Warnings, which do not keep cases from being run.
    pub warnings: Vec<Diagnostic>,
    pub(super) environment: Arc<Environment>,
    pub(super) cases: Vec<SuiteCase>,
    /// In the order of the cases.
    pub(super) cells: Vec<Cell>,
}

impl SuiteFile {
    /// Reads a suite. Its name is its `suite` key, or else the stem of its file.
    ///
    /// # Errors
    /// The text is not a suite, or the suite contains no case.
    pub fn read(stem: &str, source: Source) -> Result<Self, Diagnostic> {
        const HELP: &str = "`ramgate test --help` shows a suite";
        let raw: RawSuite = toml::from_str(source.text())
            .map_err(|error| source.error(error.span().unwrap_or(0..0), error.message().to_owned(), HELP))?;
        if let Some(schema) = raw.schema.as_ref().filter(|schema| *schema.get_ref() != 1) {
            return Err(source.error(schema.span(), "the schema is unknown", "this program reads `schema = 1`"));
        }
        if raw.case.is_empty() {
            return Err(
                source.error_without_place("the suite contains no case", "add a `[[case]]`, or remove the file")
            );
        }
        let name = raw.suite.as_ref().map_or_else(|| stem.to_owned(), |name| name.get_ref().clone());
        if let Some(suite) = &raw.suite
            && (name.trim().is_empty() || name.chars().any(char::is_control))
        {
            return Err(source.error(suite.span(), "the name is empty or holds a control character", "give it a name"));
        }
        Ok(Self { source, name, raw })
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The policy directories that the suite names, relative to its file, each with its span. A suite that names none
    /// is judged in the directory that contains it.
    pub fn policies(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        self.raw.policies.0.iter().map(|path| (path.get_ref().as_str(), path.span()))
    }

    /// Looks up every name in the suite.
    ///
    /// # Errors
    /// All diagnostics about the cases.
    pub fn bind(self, environment: Arc<Environment>) -> Result<Suite, Vec<Diagnostic>> {
        let Bound { cases, cells, warnings } = Binder::new(&self, &environment)?.bind()?;
        Ok(Suite { name: self.name, source: self.source, warnings, environment, cases, cells })
    }
}
