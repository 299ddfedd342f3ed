//! Whether the operating system grants as many file descriptors as the settings need.

use crate::config::{Given, Settings};
use crate::gateway::{ADMIN_SLOTS, CREDENTIALS_SLOTS, LEAVING_MOST, WAITING_MOST};

use super::exit::Failure;

/// Descriptors to the upstream: one for each call under way, and no more than this many calls at once are reckoned with.
const UPSTREAM_MOST: usize = 4096;
/// The log and its checkpoints, key sets and look-ups at the upstream, the runtime's own.
const FILES: usize = 256;
/// Below this a gateway is of no use.
const FEWEST: usize = 16;

/// Raises the limit of file descriptors as far as this process may, and fits the number of connections into it: a
/// written one must fit, the default shrinks with a WARN.
///
/// # Errors
/// A written number of connections that cannot be had, or a limit that leaves no room for any.
pub(super) fn fit_connections(settings: &mut Settings) -> Result<(), Failure> {
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
        // No number of connections would do.
        return Err(Failure::new(what, raise));
    }
    if limits.connections_given == Given::Written {
        return Err(Failure::new(what, format!("{raise}; or lower `connections` in `[limits]` to {fitting} or less")));
    }
    tracing::warn!("{what}: `connections` is {fitting} instead; {raise}");
    limits.shrink_connections(fitting);
    Ok(())
}

fn raise_to(needed: usize) -> String {
    format!(
        "raise the limit to {needed}: `ulimit -n {needed}` in the shell that starts it (above `ulimit -Hn` as root), \
         `LimitNOFILE={needed}` in a systemd unit, `--ulimit nofile={needed}` of a container"
    )
}

/// For everything but connections of callers and the calls on them.
fn reserved(settings: &Settings) -> usize {
    let admin = settings.admin.map_or(0, |_| ADMIN_SLOTS);
    let credentials = settings.issuer.as_ref().and_then(|issuer| issuer.credentials.as_ref());
    FILES + LEAVING_MOST + WAITING_MOST + admin + credentials.map_or(0, |_| CREDENTIALS_SLOTS)
}

/// The limit in force afterwards; none where there is none.
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
