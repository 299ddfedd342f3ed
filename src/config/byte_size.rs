//! Sizes as people write them: `256MiB`, `1GiB`.

use serde::{Deserialize, Deserializer, de::Error};

use super::duration::{TextOrNumber, number_and_unit};

fn parse(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor).filter(|size| *size > 0)
}

/// A size in a file, in bytes. Zero is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawSize(pub(super) u64);

impl<'de> Deserialize<'de> for RawSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(TextOrNumber)?;
        let malformed = || {
            D::Error::custom(match number_and_unit(&text) {
                Some((_, "")) => format!("`{text}` has no unit: write `64KiB`, `256MiB` or `1GiB`"),
                _ => format!("`{text}` is not a valid size: write `64KiB`, `256MiB` or `1GiB`"),
            })
        };
        parse(&text).map(Self).ok_or_else(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit() {
        assert_eq!(parse("256MiB"), Some(256 << 20));
        assert_eq!(parse("1GiB"), Some(1 << 30));
        for bad in ["", "1", "1MB", "MiB", "0MiB", "1.5GiB", "-1KiB", "99999999999999GiB"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
