//! The ids of the world's objects, always well formed (`docs/spec/ecs-eni.md` D.4).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::ram::Region;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what}")]
pub(super) struct IdError {
    text: String,
    what: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $what:literal, $well_formed:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(super) struct $name(Arc<str>);

        impl $name {
            pub(super) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let well_formed: fn(&str) -> bool = $well_formed;
                if well_formed(text) { Ok(Self(text.into())) } else { Err(IdError { text: text.into(), what: $what }) }
            }
        }

        /// Allows lookups by a text from a caller, without parsing it as an id.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

ids! {
    EniId = "ENI id", |text| has_form(text, &["eni-", "leni-", "hdeni-"]);
    InstanceId = "instance id", |text| has_form(text, &["i-"]);
    VSwitchId = "vSwitch id", |text| has_form(text, &["vsw-"]);
    VpcId = "VPC id", |text| has_form(text, &["vpc-"]);
    SecurityGroupId = "security group id", |text| has_form(text, &["sg-"]);
    /// A region id with a suffix, which consists of the same characters as a region id.
    ZoneId = "zone id", |text| text.parse::<Region>().is_ok();
}

fn has_form(text: &str, prefixes: &[&str]) -> bool {
    let tail = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
    tail.is_some_and(|tail| {
        (1..=64).contains(&tail.len()) && tail.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_its_prefix_and_plain_characters() {
        assert!("leni-bp1a".parse::<EniId>().is_ok());
        for bad in ["", "eni-", "eni-A", "eni-a_b", "i-abc", "eni-a b"] {
            assert!(bad.parse::<EniId>().is_err(), "{bad}");
        }
        assert_eq!("x".parse::<VpcId>().unwrap_err().to_string(), "`x` is not a valid VPC id");
    }
}
