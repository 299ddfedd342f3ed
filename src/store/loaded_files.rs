//! Remembers the contents of files at startup, to notice later changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};

use super::directory::{PolicyFile, policy_files};
use super::file::read_bounded;

/// The role of a file that is read at startup only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadedFileKind {
    Configuration,
    /// Documents of a policy directory.
    Policies,
    /// Account files of a policy directory.
    Account,
    /// The `resources.toml` of a policy directory.
    Resources,
    /// The key ring, and the secret files that it names.
    KeyRing,
    /// Secrets of the gateway itself, and certificates that it trusts.
    Secrets,
}

impl LoadedFileKind {
    /// All kinds, each with its word in messages and metrics.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Configuration, "configuration"),
        (Self::Policies, "policies"),
        (Self::Account, "account"),
        (Self::Resources, "resources"),
        (Self::KeyRing, "keyring"),
        (Self::Secrets, "secrets"),
    ];

    /// The kind's word in messages and metrics.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Far above any file that is loaded.
const LARGEST: u64 = 64 << 20;

/// The files as they were at startup. A later check reads only files whose length, times or inode changed.
#[derive(Debug, Default)]
pub struct LoadedFiles {
    files: Vec<(LoadedFileKind, PathBuf)>,
    directories: Vec<PathBuf>,
    held: BTreeMap<PathBuf, (LoadedFileKind, Content)>,
    seen: BTreeMap<PathBuf, Seen>,
}

/// The digest of a file's content; `None` if the file cannot be read.
type Content = Option<[u8; 32]>;

/// A file as of the last check.
#[derive(Clone, Debug)]
struct Seen {
    stamp: Stamp,
    content: Content,
    /// Whether two checks found the same content. One is not enough: a change within a clock tick keeps the stamp.
    twice: bool,
}

/// Reveals without reading that a file was replaced or written to: inode, length, and the times of the last
/// modification and the last status change. `None` on systems without these.
type Stamp = Option<[i128; 6]>;

impl LoadedFiles {
    /// Remembers the current contents of the files. Must be called before they are loaded, so that a change in between
    /// is reported and not missed. `directories` are policy directories.
    pub fn remember(files: Vec<(LoadedFileKind, PathBuf)>, directories: Vec<PathBuf>) -> Self {
        let mut this = Self { files, directories, ..Self::default() };
        this.held = this.look();
        this
    }

    /// The files that changed, appeared or disappeared since [`LoadedFiles::remember`].
    pub fn changed(&mut self) -> BTreeSet<(LoadedFileKind, PathBuf)> {
        let now = self.look();
        let differs =
            |(path, entry): &(&PathBuf, &(LoadedFileKind, Content)),
             other: &BTreeMap<PathBuf, (LoadedFileKind, Content)>| { other.get(*path) != Some(entry) };
        let changed = now.iter().filter(|entry| differs(entry, &self.held));
        let gone = self.held.iter().filter(|entry| differs(entry, &now));
        changed.chain(gone).map(|(path, (kind, _))| (*kind, path.clone())).collect()
    }

    fn look(&mut self) -> BTreeMap<PathBuf, (LoadedFileKind, Content)> {
        let mut found = self.files.clone();
        for directory in &self.directories {
            match policy_files(directory) {
                Ok(files) => found.extend(files.into_iter().filter_map(|(part, path)| Some((kind_of(part)?, path)))),
                // An unreadable directory counts as one changed file.
                Err(_) => found.push((LoadedFileKind::Policies, directory.clone())),
            }
        }
        let mut seen = BTreeMap::new();
        let mut held = BTreeMap::new();
        for (kind, path) in found {
            let looked = look_at(&path, self.seen.get(&path));
            held.insert(path.clone(), (kind, looked.as_ref().and_then(|seen| seen.content)));
            seen.extend(looked.map(|looked| (path, looked)));
        }
        self.seen = seen;
        held
    }
}

fn kind_of(part: PolicyFile) -> Option<LoadedFileKind> {
    match part {
        PolicyFile::Account => Some(LoadedFileKind::Account),
        PolicyFile::Document => Some(LoadedFileKind::Policies),
        PolicyFile::Resources => Some(LoadedFileKind::Resources),
        PolicyFile::Lint => None,
    }
}

fn look_at(path: &Path, before: Option<&Seen>) -> Option<Seen> {
    let metadata = fs::metadata(path).ok()?;
    // A pipe can be read only once.
    if !metadata.is_file() {
        return None;
    }
    let stamp = stamp(&metadata);
    let unchanged = before.filter(|before| stamp.is_some() && before.stamp == stamp);
    if let Some(before) = unchanged.filter(|before| before.twice) {
        return Some(before.clone());
    }
    let content = read_bounded(path, LARGEST).ok().map(|bytes| of(&bytes));
    let twice = unchanged.is_some_and(|before| before.content == content);
    Some(Seen { stamp, content, twice })
}

#[cfg(unix)]
fn stamp(metadata: &fs::Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let (modified, changed) = ((metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec()));
    let (inode, length) = (i128::from(metadata.ino()), i128::from(metadata.len()));
    Some([inode, length, modified.0.into(), modified.1.into(), changed.0.into(), changed.1.into()])
}

#[cfg(not(unix))]
fn stamp(_: &fs::Metadata) -> Stamp {
    None
}

fn of(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The secret files that a key ring names; none if the key ring cannot be read.
pub fn secret_files_of_keyring(keyring: &Path) -> Vec<PathBuf> {
    let is_file = fs::metadata(keyring).is_ok_and(|metadata| metadata.is_file());
    let text = read_bounded(keyring, LARGEST).ok().filter(|_| is_file).and_then(|bytes| String::from_utf8(bytes).ok());
    let table = text.and_then(|text| toml::from_str::<toml::Table>(&text).ok()).unwrap_or_default();
    let keys = table.get("access_key").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let folder = keyring.parent().unwrap_or(Path::new("."));
    keys.iter().filter_map(|key| Some(folder.join(key.get("secret_file")?.as_str()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_are_reported_until_they_are_restored() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["account.toml", "a.json", "b.json", "lint.toml", "notes.txt", "ring.toml"] {
            fs::write(at(name), name).unwrap();
        }
        let ring = vec![(LoadedFileKind::KeyRing, at("ring.toml")), (LoadedFileKind::Secrets, at("absent"))];
        let mut files = LoadedFiles::remember(ring, vec![folder.path().to_owned()]);
        assert!(files.changed().is_empty());
        fs::write(at("notes.txt"), "more").unwrap();
        fs::write(at("lint.toml"), "more").unwrap();
        assert!(files.changed().is_empty(), "neither file is loaded");
        // The same length: only the content differs.
        fs::write(at("a.json"), "A.JSON").unwrap();
        fs::remove_file(at("b.json")).unwrap();
        fs::write(at("resources.toml"), "").unwrap();
        fs::write(at("ring.toml"), "new").unwrap();
        let expected = [
            (LoadedFileKind::Policies, at("a.json")),
            (LoadedFileKind::Policies, at("b.json")),
            (LoadedFileKind::Resources, at("resources.toml")),
            (LoadedFileKind::KeyRing, at("ring.toml")),
        ];
        assert_eq!(files.changed().into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(files.changed().len(), 4, "every check reports the changes");
        fs::write(at("a.json"), "a.json").unwrap();
        fs::write(at("b.json"), "b.json").unwrap();
        fs::remove_file(at("resources.toml")).unwrap();
        fs::write(at("ring.toml"), "ring.toml").unwrap();
        assert!(files.changed().is_empty());
    }

    #[test]
    fn a_key_ring_names_its_secret_files() {
        let folder = tempfile::tempdir().unwrap();
        let ring = folder.path().join("ring.toml");
        fs::write(&ring, "[[access_key]]\nsecret_file = \"a\"\n[[access_key]]\nsecret = \"x\"\n").unwrap();
        assert_eq!(secret_files_of_keyring(&ring), [folder.path().join("a")]);
        assert!(secret_files_of_keyring(Path::new("/dev/zero")).is_empty());
    }
}
