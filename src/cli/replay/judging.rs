//! Logs read by one thread and judged by several.

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

/// What could not be read.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) count: u64,
    /// The first few, to be told.
    pub(super) first: Vec<ReadError>,
    /// Whether the rest of a file is missing.
    pub(super) incomplete: bool,
}

/// Judges every attempt in the files that was made in the window.
pub(super) fn judge(
    files: Vec<Input>,
    pdp: &Pdp,
    inventory: Option<&Inventory>,
    window: Window,
) -> Result<(ReplayCounts, Faults), Failure> {
    let sessions = RwLock::new(SessionPolicies::default());
    let workers = available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_WORKERS);
    let (sender, receiver) = sync_channel(2 * workers);
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        let work = || work(&receiver, Replay::new(pdp, inventory, &sessions), window);
        let judging: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let (mut counts, mut faults) = hand_out(files, &sender, &sessions);
        drop(sender);
        for worker in judging {
            let (judged, more) =
                worker.join().map_err(|_| Failure::new("judging ended early", "this is a fault of ours"))?;
            counts.absorb(judged);
            faults.absorb(more);
        }
        Ok((counts, faults))
    })
}

/// Reads lines in their order and hands them out in batches. A line in which a session begins is read here too, so that
/// its policy is known to whoever gets a later one.
fn hand_out(
    files: Vec<Input>,
    to: &SyncSender<Vec<RawEvent>>,
    sessions: &RwLock<SessionPolicies>,
) -> (ReplayCounts, Faults) {
    // An outcome repeats the attempt's first line. Our lines have this order of keys, and whatever a caller chose stands
    // in strings, where a quotation mark is escaped.
    let outcome = Finder::new(br#""gateway":{"stage":"Outcome""#);
    let narrowed = Finder::new(br#""narrowedBy":""#);
    let (total, mut events) = (total_size(&files), Events::new(files));
    let (progress, read) = (Progress::new("read"), events.progress());
    let (mut counts, mut faults) = (ReplayCounts::default(), Faults::default());
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(next) = events.next_raw() {
        match next {
            Err(fault) => faults.add(fault),
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
            // Nobody takes it when judging ended early, which is told elsewhere.
            if to.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_err() {
                break;
            }
        }
    }
    let _ = to.send(batch);
    progress.end();
    (counts, faults)
}

/// Judges batches until there are no more.
fn work(from: &Mutex<Receiver<Vec<RawEvent>>>, mut judging: Replay<'_>, window: Window) -> (ReplayCounts, Faults) {
    let (catalog, mut faults) = (Catalog::bundled(), Faults::default());
    loop {
        let batch = from.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = batch else { return (judging.finish(), faults) };
        for raw in batch {
            match raw.read() {
                Ok(Located { event, .. }) if window.contains(event.time) => {
                    judging.take_counted(&event);
                    judging.take(Attempt::read(&event, &catalog));
                }
                Ok(_) => judging.take(Err(AttemptError::NotJudged)),
                Err(fault) => faults.add(fault),
            }
        }
    }
}

impl Faults {
    const MOST: usize = 5;

    fn add(&mut self, fault: ReadError) {
        self.count += 1;
        self.incomplete |= matches!(fault, ReadError::File { .. });
        if self.first.len() < Self::MOST {
            self.first.push(fault);
        }
    }

    fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.incomplete |= other.incomplete;
        let room = Self::MOST - self.first.len();
        self.first.extend(other.first.into_iter().take(room));
    }
}
