//! The file sink: one writer, a chain without gaps, and a disk that is waited for once by all who wait.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use super::chain::{Chain, Link};
use super::sink::{Sink, SinkFault};

/// When a line counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// On disk. Those who write at the same time share one wait.
    Always,
    /// Handed to the operating system.
    None,
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    #[error("the audit log `{path}` cannot be opened: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("the audit log `{path}` is being written by another process: stop it, or give this one a log of its own")]
    InUse { path: PathBuf },
    #[error("the audit log `{path}` ends in something that is no line of an audit log: move the file away and keep it")]
    Unreadable { path: PathBuf },
}

/// No line of ours is longer: where the last one begins is looked for no further back.
const LONGEST_LINE: u64 = 1 << 20;

#[derive(Debug)]
pub struct FileSink {
    chain_id: String,
    sync: SyncMode,
    state: Mutex<State>,
    turned: Condvar,
}

#[derive(Debug)]
struct State {
    file: Arc<File>,
    /// What stands in the file, to come back to when a write fails.
    written: Written,
    chain: Chain,
    pending: Vec<u8>,
    batch: Arc<Batch>,
    /// The strictest wish among the pending lines.
    wanted: SyncMode,
    leading: bool,
    /// Who waits for a turn: waking nobody would cost a system call a line.
    waiting: usize,
}

#[derive(Clone, Debug)]
struct Written {
    chain: Chain,
    length: u64,
}

/// Lines that are written together, and what became of them.
#[derive(Debug, Default)]
struct Batch {
    outcome: OnceLock<Result<(), SinkFault>>,
}

impl FileSink {
    /// Opens a log and goes on where its chain stands, or begins one, whose chain is then called `new_chain`.
    ///
    /// # Errors
    /// A file that cannot be opened for appending, that another process writes, or whose end is not a line of ours.
    pub fn open(path: &Path, sync: SyncMode, new_chain: &str) -> Result<Self, OpenFault> {
        let io = |error| OpenFault::Io { path: path.to_owned(), error };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenFault::InUse { path: path.to_owned() },
            TryLockError::Error(error) => io(error),
        })?;
        let length = file.metadata().map_err(io)?.len();
        let stands = read_chain(&mut file, length).map_err(io)?;
        let (chain, chain_id) = stands.ok_or_else(|| OpenFault::Unreadable { path: path.to_owned() })?;
        let state = State {
            file: Arc::new(file),
            written: Written { chain: chain.clone(), length },
            chain,
            pending: Vec::new(),
            batch: Arc::default(),
            wanted: SyncMode::None,
            leading: false,
            waiting: 0,
        };
        let chain_id = chain_id.unwrap_or_else(|| new_chain.to_owned());
        Ok(Self { chain_id, sync, state: Mutex::new(state), turned: Condvar::new() })
    }

    /// What the log's chain is called, in every line of it.
    pub fn chain_id(&self) -> &str {
        &self.chain_id
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever finds nobody writing writes for all who have lines pending.
    fn write(&self, event: &str, sync: SyncMode) -> Result<(), SinkFault> {
        let mut state = self.lock();
        let State { chain, pending, .. } = &mut *state;
        chain.append(event, pending);
        if sync == SyncMode::Always {
            state.wanted = SyncMode::Always;
        }
        let batch = Arc::clone(&state.batch);
        loop {
            if let Some(outcome) = batch.outcome.get() {
                return outcome.clone();
            }
            if state.leading {
                state.waiting += 1;
                state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.waiting -= 1;
            } else {
                state = self.lead(state);
            }
        }
    }

    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let lines = std::mem::take(&mut state.pending);
        let batch = std::mem::take(&mut state.batch);
        let sync = std::mem::replace(&mut state.wanted, SyncMode::None);
        let reached = Written { chain: state.chain.clone(), length: state.written.length + lines.len() as u64 };
        let file = Arc::clone(&state.file);
        let flush = || {
            (&*file).write_all(&lines)?;
            if sync == SyncMode::Always { file.sync_data() } else { Ok(()) }
        };
        let outcome = if sync == SyncMode::Always {
            state.leading = true;
            drop(state);
            let outcome = flush();
            state = self.lock();
            state.leading = false;
            outcome
        } else {
            flush()
        };
        match outcome {
            Ok(()) => {
                state.written = reached;
                batch.outcome.get_or_init(|| Ok(()));
            }
            Err(error) => state.fail(&batch, &error),
        }
        if state.waiting > 0 {
            self.turned.notify_all();
        }
        state
    }
}

impl Sink for FileSink {
    fn append(&self, event: &str) -> Result<(), SinkFault> {
        self.write(event, self.sync)
    }

    fn append_soon(&self, event: &str) -> Result<(), SinkFault> {
        self.write(event, SyncMode::None)
    }

    fn blocks(&self) -> bool {
        self.sync == SyncMode::Always
    }
}

impl State {
    /// Takes the log back to the last good line. Lines that are pending name the failed ones: they fail with them.
    fn fail(&mut self, batch: &Batch, error: &io::Error) {
        let fault = SinkFault(error.to_string());
        batch.outcome.get_or_init(|| Err(fault.clone()));
        let pending = std::mem::take(&mut self.batch);
        pending.outcome.get_or_init(|| Err(fault));
        self.pending.clear();
        self.chain = self.written.chain.clone();
        if let Err(error) = self.file.set_len(self.written.length) {
            tracing::error!(%error, "the audit log could not be cut back to its last good line");
        }
    }
}

/// Where the chain of a file stands and what it is called; none when the last line is torn or is no line of a log.
fn read_chain(file: &mut File, length: u64) -> io::Result<Option<(Chain, Option<String>)>> {
    if length == 0 {
        return Ok(Some((Chain::new(), None)));
    }
    let start = length.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(LONGEST_LINE).read_to_end(&mut tail)?;
    let Some(lines) = tail.strip_suffix(b"\n") else { return Ok(None) };
    let line = match lines.iter().rposition(|byte| *byte == b'\n') {
        Some(feed) => &lines[feed + 1..],
        None if start == 0 => lines,
        None => return Ok(None),
    };
    let Ok(link) = serde_json::from_slice::<Link>(line) else { return Ok(None) };
    let event: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    let name =
        event.and_then(|event| event.pointer("/event/additionalEventData/gateway/chain")?.as_str().map(str::to_owned));
    Ok(Some((Chain::after(&link, line), name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_on_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        for sync in [SyncMode::Always, SyncMode::None] {
            let sink = FileSink::open(&path, sync, "c").unwrap();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..5).for_each(|_| sink.append("{}").unwrap()));
                }
            });
            assert!(matches!(FileSink::open(&path, sync, "c"), Err(OpenFault::InUse { .. })));
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut chain = Chain::new();
        let mut expected = Vec::new();
        (0..40).for_each(|_| chain.append("{}", &mut expected));
        assert_eq!(text.as_bytes(), expected);
    }

    #[test]
    fn an_end_that_is_no_line_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        for end in ["{\"seq\":1", "{\"seq\":1,\"prev\":\"0\"}", "hello\n"] {
            std::fs::write(&path, end).unwrap();
            assert!(matches!(FileSink::open(&path, SyncMode::None, "c"), Err(OpenFault::Unreadable { .. })), "{end}");
        }
        assert!(matches!(FileSink::open(folder.path(), SyncMode::None, "c"), Err(OpenFault::Io { .. })));
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let sink = FileSink::open(full, SyncMode::None, "c").unwrap();
        assert!(sink.append("{}").is_err());
        assert_eq!(sink.lock().chain, Chain::new());
    }
}
