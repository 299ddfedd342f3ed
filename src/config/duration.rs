//! Durations as people write them: `15m`, `20s`, `500ms`.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Splits `15m` into a whole number and its unit, which may be empty.
pub(crate) fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit))
}

pub(super) fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        "d" => number.checked_mul(86_400).map(Duration::from_secs),
        _ => None,
    }
}

/// Reads the duration in a command-line flag. Zero is allowed.
///
/// # Errors
/// The text is not a valid duration; the message says how to write one.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text).ok_or_else(|| match number_and_unit(text) {
        Some((number, "")) => format!("`{text}` has no unit: write `{number}s` for seconds"),
        _ => format!("`{text}` is not a valid duration: write `500ms`, `20s`, `15m` or `1h`"),
    })
}

/// A duration in a file. Zero is refused, because it would switch a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawDuration(pub(super) Duration);

impl<'de> Deserialize<'de> for RawDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(TextOrNumber)?;
        let duration = parse(&text).filter(|duration| !duration.is_zero());
        duration.map(Self).ok_or_else(|| D::Error::custom(malformed(&text, "`500ms`, `20s`, `15m` or `1h`")))
    }
}

/// Accepts a bare number as text, so that the error can name the missing unit.
pub(super) struct TextOrNumber;

impl Visitor<'_> for TextOrNumber {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

/// The error for a text that is not a valid duration.
fn malformed(text: &str, forms: &str) -> String {
    match number_and_unit(text) {
        Some((number, "")) if number > 0 => {
            format!("`{text}` has no unit: write `\"{number}s\"` for seconds, or a unit as in {forms}")
        }
        _ => format!("`{text}` is not a valid duration: write {forms}"),
    }
}

/// A duration in a file, where zero switches something off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawDurationOrZero(pub(super) Duration);

impl<'de> Deserialize<'de> for RawDurationOrZero {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(TextOrNumber)?;
        parse(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom(malformed(&text, "`30s`, `5m`, or `0s` to switch it off")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(parse("15m"), Some(Duration::from_secs(900)));
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
        for bad in ["", "15", "m", "1.5s", "-1s", "15 m", "99999999999999999999s"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn zero_is_accepted_only_where_it_has_a_meaning() {
        use serde::de::IntoDeserializer;
        use serde::de::value::{Error, StrDeserializer};
        let text = |text: &'static str| -> StrDeserializer<'_, Error> { text.into_deserializer() };
        assert_eq!(RawDurationOrZero::deserialize(text("0s")), Ok(RawDurationOrZero(Duration::ZERO)));
        assert!(RawDuration::deserialize(text("0s")).is_err());
        assert!(
            RawDurationOrZero::deserialize(text("soon")).unwrap_err().to_string().contains("`0s` to switch it off")
        );
    }
}
