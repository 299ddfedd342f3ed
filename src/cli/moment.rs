//! Parses a time as users type it: a timestamp, or how long ago.

use jiff::{SignedDuration, Timestamp};

use crate::config::number_and_unit;
use crate::gateway::now;

/// Parses `2026-03-01T08:00:00Z`, or `2h`, `30m`, `7d` ago.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = || {
        format!("`{}` is not a valid time: write `2026-03-01T08:00:00Z`, or `2h`, `30m`, `7d` ago", text.escape_debug())
    };
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let (number, unit) = number_and_unit(text.trim().trim_end_matches("ago").trim_end()).ok_or_else(wrong)?;
    let milliseconds = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(wrong()),
    };
    let ago = i64::try_from(number).ok().and_then(|number| number.checked_mul(milliseconds)).ok_or_else(wrong)?;
    now().saturating_sub(SignedDuration::from_millis(ago)).map_err(|_| wrong())
}
