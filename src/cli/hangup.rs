//! SIGHUP: a command that serves survives it, and reloads its files if it has any.
//!
//! A closing terminal sends SIGHUP, and so does an init system that requests a reload. The default action ends the
//! process. It is replaced before anything else happens, and restored for commands that end by themselves or only show
//! something.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::serve::{CancellationToken, Reloads};

/// Whether a hangup ends the process, as it does by default.
static ENDS: AtomicBool = AtomicBool::new(false);
/// Whether a hangup was received since the start.
static RECEIVED: AtomicBool = AtomicBool::new(false);

/// Makes the process survive hangups. If they are ignored already (`nohup`), nothing changes, and child processes
/// inherit that.
pub fn survive_hangups() {
    #[cfg(unix)]
    {
        use signal_hook::consts::SIGHUP;
        use signal_hook::flag;
        if is_ignored() {
            return;
        }
        let ends = flag::register_conditional_default(SIGHUP, &ENDS);
        if let Err(error) = ends.and_then(|_| flag::register(SIGHUP, &RECEIVED)) {
            tell!("ramgate: cannot install a handler for SIGHUP, so it will end this process: {error}");
        }
    }
}

/// Restores the default action, for a command that ends by itself or only shows something on the terminal.
pub(super) fn end_on_hangup() {
    ENDS.store(true, Ordering::SeqCst);
}

/// Whether this process was started with SIGHUP ignored.
#[cfg(unix)]
pub(super) fn is_ignored() -> bool {
    let status = crate::store::read_bounded(std::path::Path::new("/proc/self/status"), 64 << 10).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Signal 1 is the lowest bit.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
}

/// A stream of hangups. It is empty on systems without this signal.
#[derive(Debug)]
pub(super) struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    /// Subscribes to hangups. Must be called in a runtime.
    pub(super) fn new() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    /// Waits for the next hangup.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

/// Requests a reload at each SIGHUP until the shutdown. A SIGHUP that was received during the start counts too.
pub(super) fn reload_on_hangup(shutdown: &CancellationToken) -> Reloads {
    let (trigger, reloads) = Reloads::channel();
    let (mut hangups, shutdown) = (Hangups::new(), shutdown.clone());
    tokio::spawn(async move {
        if !RECEIVED.load(Ordering::SeqCst) && shutdown.run_until_cancelled(hangups.next()).await.is_none() {
            return;
        }
        loop {
            trigger.request("SIGHUP");
            if shutdown.run_until_cancelled(hangups.next()).await.is_none() {
                return;
            }
        }
    });
    reloads
}
