//! Limits of the operating system: file descriptors, and the queue of connections that wait to be accepted.

use crate::config::{Given, Settings};
use crate::gateway::{ADMIN_SLOTS, CREDENTIALS_SLOTS, LEAVING_MOST, LISTEN_BACKLOG, WAITING_MOST};
use crate::store::listen_backlog_limit;

use super::error::StartError;

/// The most connections to the upstream that descriptors are reserved for. Each call in progress uses one.
const UPSTREAM_MOST: usize = 4096;
/// Descriptors for the log and its checkpoints, key sets, the gateway's own requests, and the runtime.
const FILES: usize = 256;
/// With fewer connections, a gateway is not useful.
const FEWEST: usize = 16;

/// Raises this process's limit of file descriptors to the maximum, and fits the number of connections into it. A
/// configured number must fit; the default is lowered with a warning.
///
/// # Errors
/// The configured number of connections does not fit, or the limit leaves room for too few.
pub(super) fn fit_connections(settings: &mut Settings) -> Result<(), StartError> {
    let Some(granted) = raise_limit() else { return Ok(()) };
    let reserved = reserved(settings);
    let limits = &mut settings.limits;
    let wanted = limits.connections;
    let upstream = wanted.min(UPSTREAM_MOST);
    let needed = wanted.saturating_add(upstream).saturating_add(reserved);
    if needed <= granted {
        return Ok(());
    }
    let fitting = (granted.saturating_sub(reserved) / 2).min(wanted);
    let what = format!(
        "`connections = {wanted}` needs {needed} file descriptors ({wanted} to callers, {upstream} to the upstream, \
         {reserved} for everything else), and this process may open {granted}"
    );
    let raise = raise_to(needed);
    if fitting < FEWEST {
        // Lowering `connections` would not help.
        return Err(StartError::new(what, raise));
    }
    if limits.connections_given == Given::Written {
        return Err(StartError::new(
            what,
            format!("{raise}; or lower `connections` in `[limits]` to {fitting} or less"),
        ));
    }
    tracing::warn!("{what}: `connections` is {fitting} instead; {raise}");
    limits.shrink_connections(fitting);
    Ok(())
}

/// Warns if the kernel's queue of connections is shorter than the gateway requests.
pub(super) fn warn_of_short_queue() {
    if let Some(granted) = listen_backlog_limit().filter(|granted| *granted < LISTEN_BACKLOG) {
        tracing::warn!(
            granted,
            wanted = LISTEN_BACKLOG,
            "net.core.somaxconn is low: in a burst of connections, the kernel drops connections when the queue is \
             full; set `sysctl -w net.core.somaxconn={LISTEN_BACKLOG}`"
        );
    }
}

fn raise_to(needed: usize) -> String {
    format!(
        "raise the limit to {needed}: `ulimit -n {needed}` in the shell that starts it (above `ulimit -Hn` as root), \
         `LimitNOFILE={needed}` in a systemd unit, `--ulimit nofile={needed}` of a container"
    )
}

/// Descriptors for everything except callers' connections and the calls on them.
fn reserved(settings: &Settings) -> usize {
    let admin = settings.admin.map_or(0, |_| ADMIN_SLOTS);
    let credentials = settings.issuer.as_ref().and_then(|issuer| issuer.credentials.as_ref());
    FILES + LEAVING_MOST + WAITING_MOST + admin + credentials.map_or(0, |_| CREDENTIALS_SLOTS)
}

/// Raises the limit, and returns the limit in force; `None` if there is no limit.
#[cfg(unix)]
fn raise_limit() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let found = getrlimit(Resource::Nofile);
    let granted = match setrlimit(Resource::Nofile, Rlimit { current: found.maximum, maximum: found.maximum }) {
        Ok(()) => found.maximum,
        Err(_) => found.current,
    };
    granted.map(|granted| usize::try_from(granted).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn raise_limit() -> Option<usize> {
    None
}
