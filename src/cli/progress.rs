//! A progress line on standard error. It is shown only on a terminal, and not for short runs.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Progress {
    what: &'static str,
    /// `None` if standard error is not a terminal.
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
        self.show(|| format!("{done} of {of} {}", self.what));
    }

    /// Shows a bar for bytes that were read. `of` is the total, and `None` if it is unknown, as for a pipe.
    pub(super) fn tell_bytes(&self, done: u64, of: Option<u64>) {
        const WIDTH: u64 = 30;
        self.show(|| {
            let read = format!("{} MB {}", done / 1_000_000, self.what);
            let Some(of) = of.filter(|of| *of > 0) else { return read };
            let filled = usize::try_from((done.min(of) * WIDTH) / of).unwrap_or_default();
            let rest = usize::try_from(WIDTH).unwrap_or_default() - filled;
            format!(
                "[{}{}] {} % of {} MB {}",
                "#".repeat(filled),
                ".".repeat(rest),
                done.min(of) * 100 / of,
                of / 1_000_000,
                self.what
            )
        });
    }

    fn show(&self, line: impl FnOnce() -> String) {
        // A thread does not wait while another thread prints.
        let Some(Ok(mut shown)) = self.next.as_ref().map(Mutex::try_lock) else { return };
        let now = Instant::now();
        if now >= shown.next {
            *shown = Shown { next: now + PAUSE, shown: true };
            let _ = write!(stderr(), "\r\x1b[K{}", line());
        }
    }

    /// Clears the line.
    pub(super) fn end(&self) {
        let shown = self.next.as_ref().and_then(|next| next.lock().ok()).is_some_and(|shown| shown.shown);
        if shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
