//! Case files: those that are named, and those that lie in a directory.

use std::path::{Path, PathBuf};

use crate::source::{Complaint, Source};

use super::directory::files_under;
use super::file::read_source;

/// Reads case files. Each comes with the name of its suite, the file's stem.
///
/// # Errors
/// A path that cannot be read, a directory without a case file, a file of another form.
pub fn read_case_files(paths: &[PathBuf]) -> Result<Vec<(String, Source)>, Vec<Complaint>> {
    let (mut found, mut complaints) = (Vec::new(), Vec::new());
    for path in paths {
        match case_files_at(path) {
            Ok(files) => found.extend(files),
            Err(complaint) => complaints.push(complaint),
        }
    }
    found.sort();
    found.dedup();
    let mut read = Vec::new();
    for path in found {
        match read_source(&path) {
            Ok(source) => read.push((suite_name(&path), source)),
            Err(complaint) => complaints.push(complaint),
        }
    }
    if complaints.is_empty() { Ok(read) } else { Err(complaints) }
}

fn case_files_at(path: &Path) -> Result<Vec<PathBuf>, Complaint> {
    let refuse = |title: &str, help: &str| Source::new(path.display().to_string(), "").error_without_place(title, help);
    let named = |suffix: &'static str| move |path: &PathBuf| path.to_string_lossy().ends_with(suffix);
    if !path.is_dir() {
        if named(".test.toml")(&path.to_path_buf()) {
            return Err(refuse("suites are not available in this version", "write a `*.cases.json` file"));
        }
        return Ok(vec![path.to_owned()]);
    }
    let files = files_under(path).map_err(|error| {
        refuse(&format!("the directory cannot be read: {error}"), "check the path and the permissions")
    })?;
    if let Some(suite) = files.iter().find(|path| named(".test.toml")(path)) {
        let title = format!("it holds the suite `{}`, and suites are not available in this version", suite.display());
        return Err(refuse(&title, "name the `*.cases.json` files to be run"));
    }
    let files: Vec<PathBuf> = files.into_iter().filter(named(".cases.json")).collect();
    if files.is_empty() {
        return Err(refuse("it holds no `*.cases.json` file", "name a case file, or a directory that holds one"));
    }
    Ok(files)
}

fn suite_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".cases.json").or(name.strip_suffix(".json")).unwrap_or(&name).to_owned()
}
