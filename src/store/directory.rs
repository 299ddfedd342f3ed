//! Loads policy directories: account files and documents, including those in subfolders, and attributes of resources.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalog::Catalog;
use crate::pdp::{Directory, Inventory};
use crate::text::hex;
use ram_policy::{
    AccountId, Condition, Diagnostic, Library, Outline, PolicySetBuilder, RequiredAttributes, Source, Statement,
    condition_pointer,
};

use super::account::{Account, LoadContext, PolicyFiles};
use super::documents::LoadedDocument;
use super::file::read_source;

/// Far above the number of files of any account.
const MOST_FILES: usize = 200_000;
/// Deeper than any sensible folder. The limit ends the search in a cycle of links.
const DEEPEST: usize = 16;

/// Loaded policy directories, with the warnings about them.
#[derive(Clone, Debug)]
pub struct LoadedPolicies {
    pub directory: Directory,
    pub inventory: Inventory,
    pub warnings: Vec<Diagnostic>,
    /// Every document with its text. The gateway drops them: judging does not need them.
    pub documents: Vec<LoadedDocument>,
    /// The texts of each account, for diagnostics.
    pub accounts: Vec<LoadedAccount>,
}

/// The texts of one account.
#[derive(Clone, Debug)]
pub struct LoadedAccount {
    pub id: AccountId,
    /// The account files.
    pub files: Vec<Source>,
    /// The range of its documents in [`LoadedPolicies::documents`].
    pub documents: Range<usize>,
    /// `lint.toml`, if it exists.
    pub lint: Option<Source>,
}

/// Where the attributes of resources come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeSource {
    /// `resources.toml` of the policy directory.
    File,
    /// ECS, queried when a call needs them.
    Upstream,
    /// The question itself, as in a suite.
    Question,
}

/// Loads policy directories, one account each. Quarantines expire relative to `now`.
///
/// # Errors
/// All diagnostics about all files. Loading is all or nothing.
pub fn load_directories(
    paths: &[PathBuf],
    attributes: AttributeSource,
    now: Timestamp,
) -> Result<LoadedPolicies, Vec<Diagnostic>> {
    let (mut files, mut diagnostics) = (Vec::new(), Vec::new());
    for path in paths {
        match read_directory(path) {
            Ok(read) => files.push(read),
            Err(unreadable) => diagnostics.extend(unreadable),
        }
    }
    if diagnostics.is_empty() { LoadedPolicies::from_files(files, attributes, now) } else { Err(diagnostics) }
}

/// Reads the files of one directory. A file that cannot be read is recorded, so that one run reports all errors.
///
/// # Errors
/// The directory cannot be read, or contains too many files.
pub fn read_directory(folder: &Path) -> Result<PolicyFiles, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let refuse = |path: &Path, title: String| {
        let help = "name a directory that contains `account.toml` and policy documents";
        vec![Source::new(path.display().to_string(), "").error_without_place(title, help)]
    };
    collect(folder, 0, &mut found).map_err(|error| refuse(folder, format!("the directory cannot be read: {error}")))?;
    if found.len() > MOST_FILES {
        return Err(refuse(folder, format!("the directory contains more than {MOST_FILES} files")));
    }
    found.sort();
    let mut files = PolicyFiles {
        name: folder.display().to_string(),
        accounts: Vec::new(),
        documents: Vec::new(),
        resources: None,
        lint: None,
        unreadable: Vec::new(),
    };
    for path in found {
        let list = match policy_file(folder, &path) {
            None => continue,
            Some(part @ (PolicyFile::Resources | PolicyFile::Lint)) => {
                let place = if part == PolicyFile::Lint { &mut files.lint } else { &mut files.resources };
                match read_source(&path) {
                    Ok(source) => *place = Some(source),
                    Err(diagnostic) => files.unreadable.push((path, diagnostic)),
                }
                continue;
            }
            Some(PolicyFile::Account) => &mut files.accounts,
            Some(PolicyFile::Document) => &mut files.documents,
        };
        match read_source(&path) {
            Ok(source) => list.push((path, source)),
            Err(diagnostic) => files.unreadable.push((path, diagnostic)),
        }
    }
    Ok(files)
}

impl LoadedPolicies {
    /// Loads policy directories from files that were read before.
    ///
    /// # Errors
    /// All diagnostics about all files.
    pub fn from_files(
        files: Vec<PolicyFiles>,
        attributes: AttributeSource,
        now: Timestamp,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (mut diagnostics, mut accounts) = (Vec::new(), Vec::new());
        let revision = revision(&files);
        let mut context = LoadContext {
            library: Library::default(),
            sets: PolicySetBuilder::new(Catalog::bundled().indexed_actions()),
            today: now.to_zoned(TimeZone::UTC).date(),
        };
        for directory in files {
            match Account::read(directory, &mut context) {
                Ok(account) => accounts.push(account),
                Err(found) => diagnostics.extend(found),
            }
        }
        let mut seen = BTreeMap::new();
        for account in &accounts {
            if let Some(first) = seen.insert(account.id.clone(), account.source.clone()) {
                let title = format!("the account `{}` is given twice, here and in `{}`", account.id, first.name());
                diagnostics.push(account.source.error_without_place(title, "keep each account in one directory"));
            }
            if attributes == AttributeSource::File && account.resources.is_none() {
                diagnostics.extend(unknown_attributes(account));
            }
        }
        if !diagnostics.is_empty() {
            return Err(diagnostics);
        }
        let ids: Vec<_> = accounts.iter().map(|account| account.id.clone()).collect();
        let (mut principals, mut inventories) = (Vec::new(), Vec::new());
        let (mut documents, mut warnings, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for account in accounts {
            principals.extend(account.principals);
            let first: usize = documents.len();
            documents.extend(account.documents);
            let (id, files, lint) = (account.id.clone(), account.files, account.lint);
            texts.push(LoadedAccount { id, files, documents: first..documents.len(), lint });
            warnings.extend(account.warnings);
            inventories.push((account.id, account.resources.unwrap_or_default()));
        }
        let directory = Directory::new(ids, principals, revision);
        Ok(Self { directory, inventory: Inventory::new(inventories), warnings, documents, accounts: texts })
    }

    pub fn statements(&self) -> usize {
        self.documents.iter().map(|loaded| loaded.document.statements().len()).sum()
    }
}

const HELP: &str =
    "add the attributes to `resources.toml`, or read them from ECS with `[resources] source = \"upstream\"`";

/// A diagnostic for each attachment and condition that needs attributes, if it applies to an operation of the
/// catalogue.
fn unknown_attributes(account: &Account) -> Vec<Diagnostic> {
    let asked = Catalog::bundled().actions();
    let mut diagnostics: Vec<Diagnostic> = account.scoped.iter().map(|at| at.diagnostic(HELP)).collect();
    for loaded in account.documents.iter().filter(|loaded| loaded.attached) {
        let statements = loaded.document.statements().iter();
        let bearing = statements.filter(|statement| asked.iter().any(|action| statement.actions().select(action)));
        for statement in bearing {
            let asking =
                statement.conditions().iter().filter(|condition| RequiredAttributes::of_key(condition.key()).any());
            diagnostics.extend(asking.map(|condition| diagnostic(loaded, statement, condition)));
        }
    }
    diagnostics
}

fn diagnostic(loaded: &LoadedDocument, statement: &Statement, condition: &Condition) -> Diagnostic {
    let (effect, key) = (statement.effect().as_str(), condition.written_key());
    let title = format!("the {effect} depends on `{key}`, but nothing supplies the attributes of resources");
    let span = Outline::new(&loaded.source).span(&condition_pointer(statement, condition));
    loaded.source.error(span, title, HELP)
}

/// The revision: a digest of all account files, documents and `resources.toml`.
fn revision(files: &[PolicyFiles]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut add = |part: &[u8]| {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    };
    for directory in files {
        for (path, source) in directory.accounts.iter().chain(&directory.documents) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            add(name.as_bytes());
            add(source.text().as_bytes());
        }
        if let Some(source) = &directory.resources {
            add(b"resources.toml");
            add(source.text().as_bytes());
        }
    }
    format!("sha256:{}", hex(context.finish().as_ref()))
}

/// Every file of a directory and its subfolders, in order, without hidden ones.
pub(super) fn files_under(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(folder, 0, &mut found)?;
    found.sort();
    Ok(found)
}

/// The role of a file in a policy directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PolicyFile {
    Account,
    Document,
    Resources,
    Lint,
}

/// `None` for a file that is not loaded.
fn policy_file(folder: &Path, path: &Path) -> Option<PolicyFile> {
    let name = path.file_name()?.to_string_lossy();
    let at_top = path.parent() == Some(folder);
    match &*name {
        "resources.toml" if at_top => Some(PolicyFile::Resources),
        "lint.toml" if at_top => Some(PolicyFile::Lint),
        "account.toml" => Some(PolicyFile::Account),
        name if name.ends_with(".account.toml") => Some(PolicyFile::Account),
        name if name.ends_with(".json") && !name.ends_with(".cases.json") => Some(PolicyFile::Document),
        _ => None,
    }
}

/// The files of a policy directory that are loaded.
pub(super) fn policy_files(folder: &Path) -> std::io::Result<Vec<(PolicyFile, PathBuf)>> {
    let mut found = Vec::new();
    collect(folder, 0, &mut found)?;
    Ok(found.into_iter().filter_map(|path| Some((policy_file(folder, &path)?, path))).collect())
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || found.len() > MOST_FILES {
            continue;
        }
        if !fs::metadata(&path)?.is_dir() {
            found.push(path);
        } else if depth < DEEPEST {
            collect(&path, depth + 1, found)?;
        } else {
            return Err(std::io::Error::other(format!("`{}` is nested too deeply", path.display())));
        }
    }
    Ok(())
}
