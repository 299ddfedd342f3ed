//! Lines on standard output, where a container platform collects them.

use std::io::{Write, stdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::sink::{Requirement, SecondarySink, SecondaryStatus, SinkError};

/// The most batches that wait for a slow reader.
const WAITING: usize = 256;
/// How long a reader has to take the remaining batches when the gateway stops.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// Standard output as a secondary sink, required or not.
#[derive(Debug)]
pub struct StdoutSink {
    missed: Arc<AtomicU64>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// Calls wait until the lines are written.
    Direct,
    /// A thread writes them; batches that do not fit into its queue are missed.
    Queue(Mutex<Option<Writer>>),
}

/// A thread that writes, and the queue to it.
#[derive(Debug)]
struct Writer {
    batches: SyncSender<Vec<u8>>,
    thread: JoinHandle<()>,
}

impl StdoutSink {
    /// # Errors
    /// The thread cannot be started.
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

impl SecondarySink for StdoutSink {
    fn requirement(&self) -> Requirement {
        match self.way {
            Way::Direct => Requirement::Required,
            Way::Queue(_) => Requirement::BestEffort,
        }
    }

    fn take(&self, lines: &[u8], count: u64) -> Result<(), SinkError> {
        let missed = match &self.way {
            Way::Direct => match print(lines) {
                Ok(()) => return Ok(()),
                Err(error) => Err(SinkError(format!("standard output: {error}"))),
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

    fn status(&self) -> SecondaryStatus {
        let missed = self.missed.load(Ordering::Relaxed);
        SecondaryStatus { name: "stdout", requirement: self.requirement(), missed, waiting: 0, error: None }
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
