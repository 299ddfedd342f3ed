//! Reads the files of tests, and loads each policy directory that they use once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::gateway::now;
use crate::store::{
    AttributeSource, LoadedPolicies, TestKind, TestText, load_directories, policy_directory_of, read_test_files,
};
use crate::suite::{CaseFile, Environment, SuiteFile, TestFile, TestedDocument};
use ram_policy::Diagnostic;

use super::super::diagnostic;

/// The tests to run.
pub(super) struct Tests {
    pub(super) files: Vec<TestFile>,
    /// Every policy directory that the suites use, as they name it.
    pub(super) directories: Vec<PathBuf>,
}

/// The loaded policy directories. Each is loaded once, even if several suites use it.
#[derive(Default)]
struct Environments {
    loaded: BTreeMap<Vec<PathBuf>, Option<Arc<Environment>>>,
    directories: Vec<PathBuf>,
}

impl Tests {
    /// Reads all files of tests.
    ///
    /// # Errors
    /// The diagnostics about all files.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Vec<Diagnostic>> {
        let (mut files, mut diagnostics, mut environments) = (Vec::new(), Vec::new(), Environments::default());
        for test in read_test_files(paths)? {
            let read = match test.kind {
                TestKind::Cases => CaseFile::read(&test.stem, &test.source).map(TestFile::Cases).map_err(|it| vec![it]),
                TestKind::Suite => environments.suite(&test),
            };
            match read {
                Ok(file) => {
                    if let TestFile::Suite(suite) = &file {
                        diagnostic::print(&suite.warnings);
                    }
                    files.push(file);
                }
                Err(found) => diagnostics.extend(found),
            }
        }
        if diagnostics.is_empty() {
            Ok(Self { files, directories: environments.directories })
        } else {
            Err(diagnostics)
        }
    }
}

impl Environments {
    fn suite(&mut self, test: &TestText) -> Result<TestFile, Vec<Diagnostic>> {
        let file = SuiteFile::read(&test.stem, test.source.clone()).map_err(|diagnostic| vec![diagnostic])?;
        let folder = test.path.parent().unwrap_or(Path::new(""));
        let absent = file.policies().filter(|(path, _)| !folder.join(path).is_dir()).map(|(path, span)| {
            let title = format!("there is no directory `{}`", folder.join(path).display());
            file.source().error(span, title, "name a policy directory, relative to the suite's file")
        });
        let absent: Vec<Diagnostic> = absent.collect();
        if !absent.is_empty() {
            return Err(absent);
        }
        let named: Vec<PathBuf> = file.policies().map(|(path, _)| folder.join(path)).collect();
        let directories = if named.is_empty() {
            let own = policy_directory_of(&test.path).ok_or_else(|| {
                let help = "move it to the policy directory that it tests, or name one with `policies = \"…\"`";
                vec![file.source().error_without_place("the suite is not in a policy directory", help)]
            })?;
            vec![own]
        } else {
            named
        };
        let Some(environment) = self.environment(&directories)? else {
            // The errors of the directory were reported for an earlier suite.
            return Err(Vec::new());
        };
        file.bind(environment).map(TestFile::Suite)
    }

    fn environment(&mut self, directories: &[PathBuf]) -> Result<Option<Arc<Environment>>, Vec<Diagnostic>> {
        let canonical = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let key: Vec<PathBuf> = directories.iter().map(canonical).collect();
        if let Some(environment) = self.loaded.get(&key) {
            return Ok(environment.clone());
        }
        self.directories.extend(directories.iter().cloned());
        // Suites state the attributes of resources themselves, so `resources.toml` is not required.
        match load_directories(directories, AttributeSource::Question, now()) {
            Ok(loaded) => {
                let environment = Arc::new(environment(loaded));
                self.loaded.insert(key, Some(Arc::clone(&environment)));
                Ok(Some(environment))
            }
            Err(diagnostics) => {
                self.loaded.insert(key, None);
                Err(diagnostics)
            }
        }
    }
}

fn environment(loaded: LoadedPolicies) -> Environment {
    let documents = loaded.documents.into_iter();
    let documents = documents.map(|loaded| TestedDocument {
        document: loaded.document,
        source: loaded.source,
        attached: loaded.attached,
    });
    Environment::new(loaded.directory, loaded.inventory, documents.collect())
}
