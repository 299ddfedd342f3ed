//! SIGHUP: never the end of a command that serves, and a request to read files again where there are such.
//!
//! A terminal that closes sends it, and so does an init system that wants a reload. The default action, which ends the
//! process, is replaced before anything else is done; commands that are over by themselves get it back.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::serve::{CancellationToken, Reloads};

/// Whether a hangup ends the process, as it does by default.
static ENDS: AtomicBool = AtomicBool::new(false);
/// Whether one came since the start.
static CAME: AtomicBool = AtomicBool::new(false);

/// From here on a hangup does not end the process. Where it is ignored already (`nohup`), it stays so, and commands that
/// this one begins inherit that.
pub fn survive_hangups() {
    #[cfg(unix)]
    {
        use signal_hook::consts::SIGHUP;
        use signal_hook::flag;
        if is_ignored() {
            return;
        }
        let ends = flag::register_conditional_default(SIGHUP, &ENDS);
        if let Err(error) = ends.and_then(|_| flag::register(SIGHUP, &CAME)) {
            tell!("ramgate: SIGHUP ends this process: no handler can be installed: {error}");
        }
    }
}

/// For a command that is over by itself, or only shows something: its terminal's end is its own.
pub(super) fn end_on_hangup() {
    ENDS.store(true, Ordering::SeqCst);
}

/// Whether this process was begun with SIGHUP ignored.
#[cfg(unix)]
pub(super) fn is_ignored() -> bool {
    let status = crate::store::read_bounded(std::path::Path::new("/proc/self/status"), 64 << 10).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Signal 1 is the lowest bit.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
}

/// Hangups, from the moment they are listened to; where there is no such signal, none come.
#[derive(Debug)]
pub(super) struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    /// Must be called inside a runtime.
    pub(super) fn new() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    /// The next one.
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

/// Has files read again at each SIGHUP, until the shutdown; one that came during the start counts.
pub(super) fn reload_on_hangup(shutdown: &CancellationToken) -> Reloads {
    let (trigger, reloads) = Reloads::channel();
    let (mut hangups, shutdown) = (Hangups::new(), shutdown.clone());
    tokio::spawn(async move {
        if !CAME.load(Ordering::SeqCst) && shutdown.run_until_cancelled(hangups.next()).await.is_none() {
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
