//! How much room the audit log's file system has.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::store::free_space;

const INTERVAL: Duration = Duration::from_secs(5);
const UNKNOWN: u64 = u64::MAX;

/// Looked at again and again; crossing the bound is told once each way.
#[derive(Debug)]
pub struct LogSpace {
    folder: PathBuf,
    least: Option<u64>,
    free: AtomicU64,
}

impl LogSpace {
    /// Of the file system that a folder lies on; `least` is in bytes.
    pub fn new(folder: PathBuf, least: Option<u64>) -> Self {
        Self { folder, least, free: AtomicU64::new(UNKNOWN) }
    }

    /// Watches it until the shutdown. Elsewhere: a file system that does not answer must not keep anybody waiting.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        let mut told = false;
        while !shutdown.is_cancelled() {
            let space = Arc::clone(&self);
            if let Some(Ok(())) = shutdown.run_until_cancelled(spawn_blocking(move || space.look())).await {
                let below = self.is_below().unwrap_or(false);
                if below && !told {
                    let (free, least) = (self.free(), self.least);
                    tracing::warn!(
                        free,
                        least,
                        "the audit log's file system is filling up: make room, or rotate; refused attempts are only counted"
                    );
                } else if told && !below {
                    tracing::info!("the audit log's file system has room again");
                }
                told = below;
            }
            shutdown.run_until_cancelled(tokio::time::sleep(INTERVAL)).await;
        }
    }

    fn look(&self) {
        self.free.store(free_space(&self.folder).unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    /// In bytes, where it is known.
    pub(super) fn free(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed)).filter(|free| *free != UNKNOWN)
    }

    /// Whether it is less than it should be, where that is said and known.
    pub(super) fn is_below(&self) -> Option<bool> {
        Some(self.free()? < self.least?)
    }
}
