//! Lines on standard output, for whatever collects what containers print.

use std::io::{Write, stdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::follower::{Follower, FollowerStatus};
use super::sink::{Requirement, SinkFault};

/// Batches that may wait for a reader who is slow.
const WAITING: usize = 256;
/// How long a reader has, at the end, to take what waits.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// Standard output, waited for or not.
#[derive(Debug)]
pub struct StdoutSink {
    missed: Arc<AtomicU64>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// Calls wait until the lines are written.
    Direct,
    /// A thread writes them; what does not fit into its queue is left out.
    Queue(Mutex<Option<Writer>>),
}

/// A thread that writes, and the way to it.
#[derive(Debug)]
struct Writer {
    batches: SyncSender<Vec<u8>>,
    thread: JoinHandle<()>,
}

impl StdoutSink {
    /// # Errors
    /// A thread that cannot be started.
    pub fn new(requirement: Requirement) -> std::io::Result<Self> {
        let missed = Arc::default();
        let way = match requirement {
            Requirement::Required => Way::Direct,
            Requirement::BestEffort => {
                let (sender, receiver) = sync_channel(WAITING);
                let count = Arc::clone(&missed);
                let writer = thread::Builder::new().name("audit-stdout".to_owned());
                let thread = writer.spawn(move || print_all(&receiver, &count))?;
                Way::Queue(Mutex::new(Some(Writer { batches: sender, thread })))
            }
        };
        Ok(Self { missed, way })
    }
}

fn print_all(batches: &Receiver<Vec<u8>>, missed: &AtomicU64) {
    while let Ok(lines) = batches.recv() {
        if print(&lines).is_err() {
            missed.fetch_add(lines.iter().filter(|byte| **byte == b'\n').count() as u64, Ordering::Relaxed);
        }
    }
}

fn print(lines: &[u8]) -> std::io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(lines)?;
    out.flush()
}

impl Follower for StdoutSink {
    fn requirement(&self) -> Requirement {
        match self.way {
            Way::Direct => Requirement::Required,
            Way::Queue(_) => Requirement::BestEffort,
        }
    }

    fn take(&self, lines: &[u8], count: u64) -> Result<(), SinkFault> {
        let missed = match &self.way {
            Way::Direct => match print(lines) {
                Ok(()) => return Ok(()),
                Err(error) => Err(SinkFault(format!("standard output: {error}"))),
            },
            Way::Queue(queue) => {
                let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                match queue.as_ref().map(|writer| writer.batches.try_send(lines.to_vec())) {
                    Some(Ok(())) => return Ok(()),
                    None | Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) => Ok(()),
                }
            }
        };
        self.missed.fetch_add(count, Ordering::Relaxed);
        missed
    }

    fn status(&self) -> FollowerStatus {
        let missed = self.missed.load(Ordering::Relaxed);
        FollowerStatus { name: "stdout", requirement: self.requirement(), missed, waiting: 0, fault: None }
    }

    fn close(&self) {
        let Way::Queue(queue) = &self.way else { return };
        let Some(writer) = queue.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        drop(writer.batches);
        let step = Duration::from_millis(10);
        let mut waited = Duration::ZERO;
        while !writer.thread.is_finished() && waited < LAST_PATIENCE {
            thread::sleep(step);
            waited += step;
        }
    }
}
