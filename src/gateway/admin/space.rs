//! The free space of the audit log's file system.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::store::free_space;

const INTERVAL: Duration = Duration::from_secs(5);
const UNKNOWN: u64 = u64::MAX;

/// The free space, measured every few seconds. Falling below the minimum, and recovering from that, is logged once
/// each.
#[derive(Debug)]
pub struct LogSpace {
    folder: PathBuf,
    least: Option<u64>,
    free: AtomicU64,
}

impl LogSpace {
    /// The free space of the file system that contains a folder; `least` is the minimum in bytes.
    pub fn new(folder: PathBuf, least: Option<u64>) -> Self {
        Self { folder, least, free: AtomicU64::new(UNKNOWN) }
    }

    /// Measures the free space until the shutdown. It runs on a blocking thread, because a file system that hangs must
    /// not hold up calls.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        let mut was_below = false;
        while !shutdown.is_cancelled() {
            let space = Arc::clone(&self);
            if let Some(Ok(())) = shutdown.run_until_cancelled(spawn_blocking(move || space.look())).await {
                let below = self.is_below().unwrap_or(false);
                if below && !was_below {
                    let (free, least) = (self.free(), self.least);
                    tracing::warn!(
                        free,
                        least,
                        "the audit log's file system is filling up, so refused attempts are only counted: make room"
                    );
                } else if was_below && !below {
                    tracing::info!("the audit log's file system has room again");
                }
                was_below = below;
            }
            shutdown.run_until_cancelled(tokio::time::sleep(INTERVAL)).await;
        }
    }

    fn look(&self) {
        self.free.store(free_space(&self.folder).unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    /// The free space in bytes, if it is known.
    pub(super) fn free(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed)).filter(|free| *free != UNKNOWN)
    }

    /// Whether it is less than the minimum; `None` if there is no minimum or the free space is not known.
    pub(super) fn is_below(&self) -> Option<bool> {
        Some(self.free()? < self.least?)
    }
}
