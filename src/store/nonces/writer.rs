//! Writes the current file, and switches to the next one.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::identity::{DigestKey, NonceUse};

use super::files::Names;
use super::frame::{Kind, Origin, Snapshot, Stamp, put, put_uses};

/// Facts about the process, which each of its files records.
#[derive(Clone, Debug)]
pub(super) struct ProcessInfo {
    pub(super) best_effort: bool,
    pub(super) boot: [u8; 16],
    pub(super) chain: String,
}

/// The number of an earlier file, and the newest second in which a call in it was signed.
pub(super) type EarlierFile = (u64, i64);

#[derive(Debug)]
pub(super) struct Writer {
    key: DigestKey,
    process: ProcessInfo,
    current: CurrentFile,
    /// The files before the current one.
    earlier: Vec<EarlierFile>,
    /// Writes up to this second may be lost, so the next process refuses calls signed until then.
    lost_until: i64,
    /// Whether the current file must not be written to any more.
    broken: bool,
    /// Whether the next file is being created.
    switching: bool,
    /// The last line of the audit log that a written frame precedes.
    line: u64,
    body: Vec<u8>,
    frame: Vec<u8>,
}

/// A file that uses are written to.
#[derive(Debug)]
pub(super) struct CurrentFile {
    pub(super) file: Arc<File>,
    number: u64,
    length: u64,
    users: HashMap<(u64, u64), u32>,
    newest: i64,
    begun: Duration,
}

/// The state of the table, besides the uses, at one moment.
pub(super) struct TableState {
    pub(super) floor: i64,
    pub(super) forgotten: Vec<(u64, i64)>,
    /// The first second of the oldest bucket that is not forgotten.
    pub(super) oldest: Option<i64>,
    pub(super) wall: i64,
    pub(super) steady: Duration,
}

/// The length and the age at which a file is rotated.
const LONGEST: u64 = 64 << 20;
const OLDEST: Duration = Duration::from_secs(4 * 60);

impl Writer {
    /// Creates the first file of this process.
    pub(super) fn begin(
        names: &Names,
        key: DigestKey,
        process: ProcessInfo,
        (number, stamp): (u64, Stamp),
        earlier: Vec<EarlierFile>,
        state: &TableState,
    ) -> io::Result<Self> {
        let first = earlier.first().map_or(number, |(first, _)| *first);
        let snapshot = snapshot(&process, Origin::Start, first, state);
        let current = CurrentFile::create(names, &key, number, &snapshot, stamp, state.steady)?;
        let (lost_until, body, frame) = (i64::MIN, Vec::new(), Vec::new());
        Ok(Self {
            key,
            process,
            current,
            earlier,
            lost_until,
            broken: false,
            switching: false,
            line: stamp.line,
            body,
            frame,
        })
    }

    /// The current file, for syncing.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.current.file)
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(super) fn is_due(&self, steady: Duration) -> bool {
        self.current.length >= LONGEST || steady.saturating_sub(self.current.begun) >= OLDEST
    }

    /// Writes all uses, or none of them.
    pub(super) fn write(&mut self, uses: &[NonceUse], stamp: Stamp) -> io::Result<()> {
        let mut body = std::mem::take(&mut self.body);
        let named = self.current.users.len();
        put_uses(uses, &mut self.current.users, &mut body);
        let written = self.put(Kind::Uses, stamp, &body);
        self.body = body;
        if written.is_err() {
            // Forget the users that the lost frame would have defined.
            self.current.users.retain(|_, user| usize::try_from(*user).is_ok_and(|user| user < named));
            return written;
        }
        let newest = uses.iter().map(|used| used.second).max().unwrap_or(i64::MIN);
        self.current.newest = self.current.newest.max(newest);
        written
    }

    /// Writes the last frame of a process that stops cleanly, and syncs it.
    pub(super) fn end(&mut self, stamp: Stamp) -> io::Result<()> {
        self.put(Kind::End, stamp, &[])?;
        self.current.file.sync_data()
    }

    fn put(&mut self, kind: Kind, stamp: Stamp, body: &[u8]) -> io::Result<()> {
        let current = &mut self.current;
        self.frame.clear();
        put(&self.key, current.number, kind, stamp, body, &mut self.frame);
        match (&*current.file).write_all(&self.frame) {
            Ok(()) => {
                current.length += self.frame.len() as u64;
                self.line = stamp.line;
                Ok(())
            }
            Err(error) => {
                // An incomplete frame would hide all frames after it.
                let cut = current.file.set_len(current.length);
                let cut = cut.and_then(|()| (&*current.file).seek(SeekFrom::Start(current.length)));
                self.broken |= cut.is_err();
                Err(error)
            }
        }
    }

    /// Marks the current file as incomplete on disk. The next write switches to a new file.
    pub(super) fn mark_broken(&mut self, second: i64) {
        self.broken = true;
        self.lost_until = self.lost_until.max(second);
    }

    /// The number and the first frame of the next file, which the caller must create.
    ///
    /// # Errors
    /// The next file is already being created.
    pub(super) fn next(&mut self, state: &TableState) -> io::Result<(u64, Snapshot)> {
        if std::mem::replace(&mut self.switching, true) {
            return Err(io::Error::other("the next file is already being created"));
        }
        let number = self.current.number + 1;
        let files = self.earlier.iter().copied().chain([(self.current.number, self.current.newest)]);
        let is_needed = |newest: i64| state.oldest.is_some_and(|oldest| newest >= oldest);
        // The current file may still receive uses, so it is always needed.
        let needed: Vec<_> =
            files.filter(|(number, newest)| *number == self.current.number || is_needed(*newest)).collect();
        let first = needed.first().map_or(number, |(first, _)| *first);
        let state =
            TableState { floor: state.floor.max(self.lost_until), forgotten: state.forgotten.clone(), ..*state };
        let origin = if self.broken { Origin::Start } else { Origin::Rotation };
        Ok((number, snapshot(&self.process, origin, first, &state)))
    }

    /// Gives up the switch, because the next file could not be created.
    pub(super) fn abandon_switch(&mut self) {
        self.switching = false;
    }

    /// Switches to the next file. Returns the previous file, which the caller must sync, and the files before `first`,
    /// which the caller may then remove.
    pub(super) fn switch_to(
        &mut self,
        next: CurrentFile,
        first: u64,
        stamp: Stamp,
    ) -> io::Result<(Arc<File>, Vec<EarlierFile>)> {
        self.switching = false;
        if !self.broken {
            self.put(Kind::Next, stamp, &[])?;
        }
        let before = std::mem::replace(&mut self.current, next);
        self.earlier.push((before.number, before.newest));
        let (obsolete, earlier) = self.earlier.drain(..).partition(|(number, _)| *number < first);
        self.earlier = earlier;
        self.broken = false;
        Ok((before.file, obsolete))
    }
}

/// Removes files that no later process needs.
pub(super) fn remove(names: &Names, files: &[(u64, i64)]) {
    for (number, _) in files {
        if let Err(error) = fs::remove_file(names.file(*number)) {
            tracing::warn!(%error, "`{}` is no longer needed but could not be removed", names.file(*number).display());
        }
    }
}

fn snapshot(process: &ProcessInfo, origin: Origin, first: u64, state: &TableState) -> Snapshot {
    Snapshot {
        origin,
        best_effort: process.best_effort,
        first,
        floor: state.floor,
        boot: process.boot,
        chain: process.chain.clone(),
        forgotten: state.forgotten.clone(),
    }
}

impl CurrentFile {
    /// Creates a file with its first frame. The file and its name are on disk when this returns.
    pub(super) fn create(
        names: &Names,
        key: &DigestKey,
        number: u64,
        snapshot: &Snapshot,
        stamp: Stamp,
        begun: Duration,
    ) -> io::Result<Self> {
        let mut file = match names.create(number) {
            // A file that was created and never used.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(names.file(number))?;
                names.create(number)?
            }
            created => created?,
        };
        let mut frame = Vec::new();
        put(key, number, Kind::Snapshot, stamp, &snapshot.to_body(), &mut frame);
        file.write_all(&frame)?;
        file.sync_all()?;
        names.sync_folder()?;
        let length = frame.len() as u64;
        Ok(Self { file: Arc::new(file), number, length, users: HashMap::new(), newest: i64::MIN, begun })
    }
}
