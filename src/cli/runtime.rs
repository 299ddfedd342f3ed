//! Shared by commands that serve or send: the async runtime, the signals that stop it, and the process log.

use std::io::Write;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::environment;
use crate::serve::StartError;
use crate::text::plain_beyond_ascii;

/// A runtime with this many worker threads; `None` means one for each available processor. A runtime with one worker
/// runs everything on the calling thread.
pub(super) fn runtime(workers: Option<NonZeroUsize>) -> Result<Runtime, StartError> {
    let workers = workers.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut builder = if workers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if workers > 1 {
        builder.worker_threads(workers);
    }
    let built = builder.enable_all().build();
    built.map_err(|error| StartError::new(format!("the runtime cannot start: {error}"), "free memory or threads"))
}

/// A token that Ctrl-C or SIGTERM cancels. A second signal ends the process at once.
pub(super) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        tell!("ramgate: stopping: calls in progress are answered first; a second signal stops at once");
        token.cancel();
        wait_for_signal().await;
        std::process::exit(130);
    });
    stop
}

/// Escapes invisible characters beyond ASCII in log lines. Lines hold text that callers chose, and a terminal may show
/// them. The formatter escapes control characters, but not the marks that reverse the direction of text.
struct VisibleLines<W>(W);

impl<W: Write> Write for VisibleLines<W> {
    /// The formatter writes each line in one call, so no character is split.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(plain_beyond_ascii(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Starts the process log on standard error. The variable `RAMGATE_LOG` sets the filter (`debug`, `ramgate=debug`);
/// `default_filter` applies if the variable is not set or not a valid filter.
pub(super) fn start_log(default_filter: &str) {
    let filter = environment("RAMGATE_LOG").and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(default_filter));
    let plain = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = !plain && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| VisibleLines(std::io::stderr()))
        .with_ansi(colours);
    // By default, a failed write is reported with `eprintln!`, which panics if standard error cannot be written.
    let log = log.log_internal_errors(false);
    // Fails if the process has a log already, as in tests; the first one stays.
    let _ = log.with_target(false).try_init();
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
