//! What `group` does about a disk that takes its time: it promises that not much is lost with the machine.

use std::time::Duration;

use super::SyncMode;
use super::state::Shared;

/// From then on lines of `group` are written where waiting harms nobody …
const SLOW_SYNC: Duration = Duration::from_millis(20);
/// … and from then on they do wait, so that a disk that hangs does not cost any number of lines.
pub(super) const LONGEST_SYNC: Duration = Duration::from_secs(1);

impl Shared {
    /// Whether a sync takes so long that a write may have to wait too.
    pub(super) fn is_slow(&self) -> bool {
        self.sync == SyncMode::Group && self.lock().syncing.is_some_and(|since| self.has_lasted(since, SLOW_SYNC))
    }

    pub(super) fn has_lasted(&self, since: Duration, length: Duration) -> bool {
        (self.elapsed)().saturating_sub(since) > length
    }

    /// The keeper begins to wait for the disk, or has done so.
    pub(super) fn syncs(&self, since: Option<Duration>) {
        let mut state = self.lock();
        state.syncing = since;
        if since.is_none() && state.waiting > 0 {
            self.turned.notify_all();
        }
    }
}
