//! Replays logs: one thread reads the lines, and several judge them.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::{self, available_parallelism};

use memchr::memmem::Finder;

use crate::audit::read::{Events, Input, Located, RawEvent, ReadError, total_size};
use crate::catalog::Catalog;
use crate::pdp::{Inventory, Pdp};
use crate::replay::{Attempt, AttemptError, Replay, ReplayCounts, SessionPolicies};

use super::super::exit::Failure;
use super::super::progress::Progress;
use super::super::recording::Window;

const MOST_WORKERS: usize = 8;
const BATCH: usize = 256;

/// The lines and files that could not be read.
#[derive(Debug, Default)]
pub(super) struct ReadErrors {
    pub(super) count: u64,
    /// The first few, to show to the user.
    pub(super) first: Vec<ReadError>,
    /// Whether a file could not be read to its end.
    pub(super) incomplete: bool,
}

/// Judges every attempt in the files that was made in the window.
pub(super) fn judge(
    files: Vec<Input>,
    pdp: &Pdp,
    inventory: Option<&Inventory>,
    window: Window,
) -> Result<(ReplayCounts, ReadErrors), Failure> {
    let sessions = RwLock::new(SessionPolicies::default());
    let workers = available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_WORKERS);
    let (sender, receiver) = sync_channel(2 * workers);
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        let work = || work(&receiver, Replay::new(pdp, inventory, &sessions), window);
        let judging: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let (mut counts, mut errors) = hand_out(files, &sender, &sessions);
        drop(sender);
        for worker in judging {
            let (judged, more) =
                worker.join().map_err(|_| Failure::new("a worker panicked", "this is a bug in ramgate: report it"))?;
            counts.absorb(judged);
            errors.absorb(more);
        }
        Ok((counts, errors))
    })
}

/// Reads lines in order and sends them to the workers in batches. A line that begins a session with a policy is parsed
/// here too, so that every worker that judges a later line of the session knows the policy.
fn hand_out(
    files: Vec<Input>,
    to: &SyncSender<Vec<RawEvent>>,
    sessions: &RwLock<SessionPolicies>,
) -> (ReplayCounts, ReadErrors) {
    // The line of an outcome repeats the attempt's first line, so it is skipped without being parsed. The gateway
    // writes keys in this order. Text that callers chose cannot match: it is in strings, where quotation marks are
    // escaped.
    let outcome = Finder::new(br#""gateway":{"stage":"Outcome""#);
    let narrowed = Finder::new(br#""narrowedBy":""#);
    let (total, mut events) = (total_size(&files), Events::new(files));
    let (progress, read) = (Progress::new("read"), events.progress());
    let (mut counts, mut errors) = (ReplayCounts::default(), ReadErrors::default());
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(next) = events.next_raw() {
        match next {
            Err(error) => errors.add(error),
            Ok(raw) if outcome.find(raw.bytes()).is_some() => {
                counts.events += 1;
                counts.not_judged += 1;
            }
            Ok(raw) => {
                if narrowed.find(raw.bytes()).is_some()
                    && let Ok(Located { event, .. }) = raw.read()
                {
                    sessions.write().unwrap_or_else(PoisonError::into_inner).learn(&event);
                }
                batch.push(raw);
            }
        }
        if batch.len() == BATCH {
            progress.tell_bytes(read.load(Ordering::Relaxed), total);
            // Cannot fail: `judge` owns the receiver until all lines are sent.
            if to.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_err() {
                break;
            }
        }
    }
    let _ = to.send(batch);
    progress.end();
    (counts, errors)
}

/// Judges batches until there are no more.
fn work(from: &Mutex<Receiver<Vec<RawEvent>>>, mut judging: Replay<'_>, window: Window) -> (ReplayCounts, ReadErrors) {
    let (catalog, mut errors) = (Catalog::bundled(), ReadErrors::default());
    loop {
        let batch = from.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = batch else { return (judging.finish(), errors) };
        for raw in batch {
            match raw.read() {
                Ok(Located { event, .. }) if window.contains(event.time) => {
                    judging.take_counted(&event);
                    judging.take(Attempt::read(&event, &catalog));
                }
                Ok(_) => judging.take(Err(AttemptError::NotJudged)),
                Err(error) => errors.add(error),
            }
        }
    }
}

impl ReadErrors {
    const MOST: usize = 5;

    fn add(&mut self, error: ReadError) {
        self.count += 1;
        self.incomplete |= matches!(error, ReadError::File { .. });
        if self.first.len() < Self::MOST {
            self.first.push(error);
        }
    }

    fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.incomplete |= other.incomplete;
        let room = Self::MOST - self.first.len();
        self.first.extend(other.first.into_iter().take(room));
    }
}
