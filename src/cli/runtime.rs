//! What every server of ours runs on: a runtime as wide as the machine, and a way to be asked to stop.

use std::io::Write;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::environment;
use crate::serve::StartError;
use crate::text::plain_beyond_ascii;

/// A runtime with so many worker threads; with one, everything runs on the thread that calls.
pub(super) fn runtime(workers: Option<NonZeroUsize>) -> Result<Runtime, StartError> {
    let workers = workers.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut builder = if workers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if workers > 1 {
        builder.worker_threads(workers);
    }
    let built = builder.enable_all().build();
    built.map_err(|error| StartError::new(format!("the runtime cannot start: {error}"), "free memory or threads"))
}

/// Cancelled by Ctrl-C or a request to terminate; a second one ends the process at once.
pub(super) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        tell!("ramgate: stopping, calls on their way are answered first; once more to stop at once");
        told.cancel();
        wait_for_signal().await;
        std::process::exit(130);
    });
    stop
}

/// A log whose lines hold what callers chose, and which a terminal may show: the formatter escapes control characters,
/// and not the marks that turn a text around.
struct VisibleLines<W>(W);

impl<W: Write> Write for VisibleLines<W> {
    /// Lines come whole.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(plain_beyond_ascii(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// The log, on standard error; `RAMGATE_LOG` sets what is in it (`debug`, `ramgate=debug`), else `usual` does.
pub(super) fn start_log(usual: &str) {
    let filter = environment("RAMGATE_LOG").and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(usual));
    let plain = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = !plain && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| VisibleLines(std::io::stderr()))
        .with_ansi(colours);
    // The default is to say on standard error that standard error cannot be written, which ends in a panic.
    let log = log.log_internal_errors(false);
    // A second start in one process, as in a test, keeps the first log.
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
