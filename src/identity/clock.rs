//! Timestamps of signed calls, and the window in which they are accepted.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The accepted deviation of a caller's clock, in either direction (`docs/spec/wire-protocol.md` 2.4: 15 minutes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The largest accepted difference from the gateway's clock: `clock_skew` in `[identity]`.
    pub skew: Duration,
}

/// Why a timestamp is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockError {
    /// Not in the form `yyyy-MM-ddTHH:mm:ssZ`.
    Malformed,
    /// Too old, or too far ahead.
    Outside,
}

impl Clock {
    /// Parses a timestamp and checks that it is within the window, including its edges.
    ///
    /// # Errors
    /// A timestamp that is malformed or outside the window.
    pub fn check(&self, timestamp: &str, now: Timestamp) -> Result<Timestamp, ClockError> {
        let signed_at = parse_timestamp(timestamp).ok_or(ClockError::Malformed)?;
        let off = signed_at.duration_since(now).abs();
        let skew = SignedDuration::try_from(self.skew).unwrap_or(SignedDuration::MAX);
        if off <= skew { Ok(signed_at) } else { Err(ClockError::Outside) }
    }
}

/// Parses `yyyy-MM-ddTHH:mm:ssZ`, always UTC. Up to nine fractional digits are accepted, because one client sends them.
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shape = |at: usize, byte: u8| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    let (seconds, rest) = bytes.split_at_checked(19)?;
    let fraction = match rest {
        [b'Z'] => true,
        [b'.', digits @ .., b'Z'] => (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let well_formed = fraction && seconds.iter().enumerate().all(|(at, byte)| shape(at, *byte));
    if well_formed { text.parse().ok() } else { None }
}

/// Formats a time as `yyyy-MM-ddTHH:mm:ssZ`, without fractions of a second.
pub fn format_timestamp(time: Timestamp) -> String {
    let whole = Timestamp::from_second(time.as_second()).unwrap_or(time);
    whole.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_one_form() {
        for valid in ["2024-09-13T08:34:30Z", "2024-09-13T08:34:30.123456789Z"] {
            assert!(parse_timestamp(valid).is_some(), "{valid}");
        }
        let bad = [
            "",
            "2024-09-13T08:34:30",
            "2024-09-13 08:34:30Z",
            "2024-09-13T08:34:30+00:00",
            "2024-13-13T08:34:30Z",
            "2024-09-13T08%3A34%3A30Z",
            "2024-09-13t08:34:30z",
            "2024-09-13T08:34:30.Z",
            "1726216470",
        ];
        for bad in bad {
            assert!(parse_timestamp(bad).is_none(), "{bad}");
        }
        let time = parse_timestamp("2024-09-13T08:34:30.5Z").unwrap();
        assert_eq!(format_timestamp(time), "2024-09-13T08:34:30Z");
    }

    #[test]
    fn the_edges_of_the_window_are_inside() {
        let clock = Clock { skew: Duration::from_secs(900) };
        let now = parse_timestamp("2024-09-13T08:34:30Z").unwrap();
        for (timestamp, expected) in [
            ("2024-09-13T08:19:30Z", Ok(())),
            ("2024-09-13T08:49:30Z", Ok(())),
            ("2024-09-13T08:19:29Z", Err(ClockError::Outside)),
            ("2024-09-13T08:49:31Z", Err(ClockError::Outside)),
            ("now", Err(ClockError::Malformed)),
        ] {
            assert_eq!(clock.check(timestamp, now).map(|_| ()), expected, "{timestamp}");
        }
    }
}
