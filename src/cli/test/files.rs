//! From paths to tests that can be run: files are read, each suite's policy directory is loaded once.

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

/// What is run.
pub(super) struct Tests {
    pub(super) files: Vec<TestFile>,
    /// Every policy directory that is used, as it was named.
    pub(super) directories: Vec<PathBuf>,
}

/// Policy directories, each loaded once however many suites are judged in it.
#[derive(Default)]
struct Worlds {
    loaded: BTreeMap<Vec<PathBuf>, Option<Arc<Environment>>>,
    directories: Vec<PathBuf>,
}

impl Tests {
    /// Every diagnostic about every file.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Vec<Diagnostic>> {
        let (mut files, mut diagnostics, mut worlds) = (Vec::new(), Vec::new(), Worlds::default());
        for test in read_test_files(paths)? {
            let read = match test.kind {
                TestKind::Cases => CaseFile::read(&test.stem, &test.source).map(TestFile::Cases).map_err(|it| vec![it]),
                TestKind::Suite => worlds.suite(&test),
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
        if diagnostics.is_empty() { Ok(Self { files, directories: worlds.directories }) } else { Err(diagnostics) }
    }
}

impl Worlds {
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
                let help = "put it beside what it tests, or name a directory: `policies = \"…\"`";
                vec![file.source().error_without_place("the suite lies in no policy directory", help)]
            })?;
            vec![own]
        } else {
            named
        };
        let Some(environment) = self.environment(&directories)? else {
            // What is wrong with the directory was told for another suite.
            return Err(Vec::new());
        };
        file.bind(environment).map(TestFile::Suite)
    }

    fn environment(&mut self, directories: &[PathBuf]) -> Result<Option<Arc<Environment>>, Vec<Diagnostic>> {
        let whole = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let key: Vec<PathBuf> = directories.iter().map(whole).collect();
        if let Some(environment) = self.loaded.get(&key) {
            return Ok(environment.clone());
        }
        self.directories.extend(directories.iter().cloned());
        // Suites say what is known of resources, and that nothing is.
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
