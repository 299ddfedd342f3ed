//! A moment as a person types it: a time, or how long ago.

use jiff::{SignedDuration, Timestamp};

use crate::gateway::now;

/// `2026-03-01T08:00:00Z`, or `2h`, `30m`, `7d` ago.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong =
        || format!("`{}` is no moment: write `2026-03-01T08:00:00Z`, or `2h`, `30m`, `7d` ago", text.escape_debug());
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let length = text.trim().trim_end_matches("ago").trim_end();
    let unit = length.char_indices().last().map(|(at, _)| at).ok_or_else(wrong)?;
    let seconds = match &length[unit..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(wrong()),
    };
    let count: i64 = length[..unit].trim_end().parse().map_err(|_| wrong())?;
    let ago = count.checked_mul(seconds).filter(|ago| *ago >= 0).ok_or_else(wrong)?;
    now().checked_sub(SignedDuration::from_secs(ago)).map_err(|_| wrong())
}
