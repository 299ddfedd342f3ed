//! Finds and reads test files: those named on the command line, and those in a directory and its subfolders.

use std::path::{Path, PathBuf};

use ram_policy::{Diagnostic, Source};

use super::directory::files_under;
use super::file::read_source;

/// A test file, read but not parsed yet.
#[derive(Clone, Debug)]
pub struct TestText {
    pub path: PathBuf,
    pub kind: TestKind,
    /// The file's stem: the name of a suite that does not set one.
    pub stem: String,
    pub source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestKind {
    /// `*.test.toml`, judged in a policy directory.
    Suite,
    /// `*.cases.json`, or a file of any other name that was named itself.
    Cases,
}

/// Reads test files, in the order of their paths.
///
/// # Errors
/// A path cannot be read, or a directory contains no test file.
pub fn read_test_files(paths: &[PathBuf]) -> Result<Vec<TestText>, Vec<Diagnostic>> {
    let (mut found, mut diagnostics) = (Vec::new(), Vec::new());
    for path in paths {
        match files_at(path) {
            Ok(files) => found.extend(files),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    found.sort();
    found.dedup();
    let mut read = Vec::new();
    for path in found {
        match read_source(&path) {
            Ok(source) => read.push(TestText { kind: kind_of(&path), stem: stem_of(&path), path, source }),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    if diagnostics.is_empty() { Ok(read) } else { Err(diagnostics) }
}

/// The policy directory that contains a suite: the nearest folder above it with an `account.toml`.
pub fn policy_directory_of(suite: &Path) -> Option<PathBuf> {
    let folder = suite.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let holds = |folder: &&Path| !folder.as_os_str().is_empty() && folder.join("account.toml").is_file();
    if let Some(near) = folder.ancestors().find(holds) {
        return Some(near.to_owned());
    }
    // The folder may lie above the first component of a relative path.
    let whole = folder.canonicalize().ok()?;
    whole.ancestors().find(holds).map(Path::to_owned)
}

fn files_at(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let refuse = |title: &str, help: &str| Source::new(path.display().to_string(), "").error_without_place(title, help);
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = files_under(path).map_err(|error| {
        refuse(&format!("the directory cannot be read: {error}"), "check the path and the permissions")
    })?;
    let is_test = |path: &PathBuf| [SUITE, CASES].iter().any(|suffix| path.to_string_lossy().ends_with(suffix));
    let files: Vec<PathBuf> = files.into_iter().filter(is_test).collect();
    if files.is_empty() {
        return Err(refuse(
            "it contains no `*.test.toml` or `*.cases.json` file",
            "name a suite, or a directory that contains one",
        ));
    }
    Ok(files)
}

const SUITE: &str = ".test.toml";
const CASES: &str = ".cases.json";

fn kind_of(path: &Path) -> TestKind {
    if path.to_string_lossy().ends_with(".toml") { TestKind::Suite } else { TestKind::Cases }
}

fn stem_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let suffixes = [SUITE, CASES, ".json", ".toml"];
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name).to_owned()
}
