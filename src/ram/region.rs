//! The region id.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A region id, which must match `^[a-z]{2}-[a-z0-9-]{1,40}$` (`docs/spec/wire-protocol.md` 8, row 16).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(Arc<str>);

/// A text is not a region id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a region id: a region id looks like `cn-hangzhou`")]
pub struct RegionError(pub String);

impl Region {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_region(text.as_bytes()) { Ok(Self(text.into())) } else { Err(RegionError(text.into())) }
    }
}

fn is_region(text: &[u8]) -> bool {
    let [first, second, b'-', rest @ ..] = text else { return false };
    let tail = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    first.is_ascii_lowercase() && second.is_ascii_lowercase() && (1..=40).contains(&rest.len()) && rest.iter().all(tail)
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_matched_whole() {
        for valid in ["cn-hangzhou", "cn-north-2-gov-1", "ap-southeast-1"] {
            assert!(valid.parse::<Region>().is_ok(), "{valid}");
        }
        for bad in [
            "",
            "cn",
            "cn-",
            "CN-hangzhou",
            "cn-hangzhou ",
            "cn-hang zhou",
            "cn-\u{ff48}",
            "ecs.cn-hangzhou.aliyuncs.com",
        ] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }
}
