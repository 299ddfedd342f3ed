//! From paths to tests that can be run: files are read, each suite's policy directory is loaded once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::gateway::now;
use crate::source::Complaint;
use crate::store::{FactSource, Loaded, TestKind, TestText, load_directories, policy_directory_of, read_test_files};
use crate::suite::{CaseFile, SuiteFile, TestFile, TestedDocument, World};

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
    loaded: BTreeMap<Vec<PathBuf>, Option<Arc<World>>>,
    directories: Vec<PathBuf>,
}

impl Tests {
    /// Every complaint about every file.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Vec<Complaint>> {
        let (mut files, mut complaints, mut worlds) = (Vec::new(), Vec::new(), Worlds::default());
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
                Err(found) => complaints.extend(found),
            }
        }
        if complaints.is_empty() { Ok(Self { files, directories: worlds.directories }) } else { Err(complaints) }
    }
}

impl Worlds {
    fn suite(&mut self, test: &TestText) -> Result<TestFile, Vec<Complaint>> {
        let file = SuiteFile::read(&test.stem, test.source.clone()).map_err(|complaint| vec![complaint])?;
        let folder = test.path.parent().unwrap_or(Path::new(""));
        let absent = file.policies().filter(|(path, _)| !folder.join(path).is_dir()).map(|(path, span)| {
            let title = format!("there is no directory `{}`", folder.join(path).display());
            file.source().error(span, title, "name a policy directory, relative to the suite's file")
        });
        let absent: Vec<Complaint> = absent.collect();
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
        let Some(world) = self.world(&directories)? else {
            // What is wrong with the directory was told for another suite.
            return Err(Vec::new());
        };
        file.bind(world).map(TestFile::Suite)
    }

    fn world(&mut self, directories: &[PathBuf]) -> Result<Option<Arc<World>>, Vec<Complaint>> {
        let whole = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let key: Vec<PathBuf> = directories.iter().map(whole).collect();
        if let Some(world) = self.loaded.get(&key) {
            return Ok(world.clone());
        }
        self.directories.extend(directories.iter().cloned());
        // Suites say what is known of resources, and that nothing is.
        match load_directories(directories, FactSource::Asker, now()) {
            Ok(loaded) => {
                let world = Arc::new(world(loaded));
                self.loaded.insert(key, Some(Arc::clone(&world)));
                Ok(Some(world))
            }
            Err(complaints) => {
                self.loaded.insert(key, None);
                Err(complaints)
            }
        }
    }
}

fn world(loaded: Loaded) -> World {
    let documents = loaded.documents.into_iter();
    let documents = documents.map(|loaded| TestedDocument {
        document: loaded.document,
        source: loaded.source,
        attached: loaded.attached,
    });
    World::new(loaded.directory, loaded.inventory, documents.collect())
}
