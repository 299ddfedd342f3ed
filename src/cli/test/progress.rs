//! A line on standard error that says how far a long run is; only on a terminal, and never on a short run.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Progress {
    what: &'static str,
    /// None where nobody looks.
    next: Option<Mutex<Shown>>,
}

struct Shown {
    next: Instant,
    shown: bool,
}

impl Progress {
    pub(super) fn new(what: &'static str) -> Self {
        let next = || Mutex::new(Shown { next: Instant::now() + PATIENCE, shown: false });
        Self { what, next: stderr().is_terminal().then(next) }
    }

    pub(super) fn tell(&self, done: usize, of: usize) {
        // Whoever finds another thread telling goes on working.
        let Some(Ok(mut shown)) = self.next.as_ref().map(Mutex::try_lock) else { return };
        let now = Instant::now();
        if now >= shown.next {
            *shown = Shown { next: now + PAUSE, shown: true };
            let _ = write!(stderr(), "\r\x1b[K{done} of {of} {}", self.what);
        }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        let shown = self.next.as_ref().and_then(|next| next.lock().ok()).is_some_and(|shown| shown.shown);
        if shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
