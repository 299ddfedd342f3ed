//! Which files differ from what the gateway was started with.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::LoadedFileKind;

/// One flag for each kind of file, set by the task that watches the files.
#[derive(Debug, Default)]
pub struct ChangedFiles([AtomicBool; LoadedFileKind::ALL.len()]);

impl ChangedFiles {
    /// Marks a kind of file as changed, or as what it was.
    pub fn mark(&self, kind: LoadedFileKind, changed: bool) {
        self.0[kind as usize].store(changed, Ordering::Relaxed);
    }

    /// Each kind's word, and whether a file of it changed.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, bool)> {
        LoadedFileKind::ALL.into_iter().map(|(kind, word)| (word, self.0[kind as usize].load(Ordering::Relaxed)))
    }
}
