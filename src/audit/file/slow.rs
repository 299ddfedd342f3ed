//! What `group` does about a disk that takes its time: it promises that not much is lost with the machine.

use jiff::{SignedDuration, Timestamp};

use super::SyncMode;
use super::state::Shared;

/// From then on lines of `group` are written where waiting harms nobody …
const SLOW_SYNC: SignedDuration = SignedDuration::from_millis(20);
/// … and from then on they do wait, so that a disk that hangs does not cost any number of lines.
pub(super) const LONGEST_SYNC: SignedDuration = SignedDuration::from_secs(1);

impl Shared {
    /// Whether a sync takes so long that a write may have to wait too.
    pub(super) fn is_slow(&self) -> bool {
        self.sync == SyncMode::Group && self.lock().syncing.is_some_and(|since| self.has_lasted(since, SLOW_SYNC))
    }

    pub(super) fn has_lasted(&self, since: Timestamp, length: SignedDuration) -> bool {
        (self.notices.now)().duration_since(since) > length
    }

    /// The keeper begins to wait for the disk, or has done so.
    pub(super) fn syncs(&self, since: Option<Timestamp>) {
        let mut state = self.lock();
        state.syncing = since;
        if since.is_none() && state.waiting > 0 {
            self.turned.notify_all();
        }
    }
}
