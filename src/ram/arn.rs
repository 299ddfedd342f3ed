//! The ARN of one resource, and what a call is judged on.

use std::fmt;
use std::str::FromStr;

/// `acs:<service>:<region>:<account>:<relative-id>`: names exactly one resource and never holds a wildcard
/// (`spec/ram-policy.md` 3). Patterns are another type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    text: Box<str>,
    /// Offsets of the second, third and fourth colon.
    colons: [u32; 3],
}

/// The five fields of an ARN but for the fixed `acs`, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub relative: &'a str,
}

/// What one judgement is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// One resource.
    One(Arn),
    /// Every resource of a type: an operation that creates or lists. Its text ends in `/*`, and only a
    /// pattern that covers all of the type matches it (design 8).
    AllOf(AllOf),
    /// An operation that RAM cannot narrow to a resource: only a pattern that covers everything matches.
    Everything,
}

/// The literal `acs:<service>:<region>:<account>:<type>/*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllOf(Arn);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedArn {
    #[error("`{0}` does not start with `acs:`")]
    Prefix(String),
    #[error("`{0}` has fewer than five fields: an ARN is `acs:<service>:<region>:<account>:<relative-id>`")]
    MissingField(String),
    #[error("`{0}` holds a wildcard: an ARN names one resource")]
    Wildcard(String),
    #[error("`{0}` holds a blank or a control character")]
    Character(String),
}

impl Arn {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn fields(&self) -> Fields<'_> {
        let [service, region, account] = self.colons.map(|at| at as usize);
        Fields {
            service: &self.text[4..service],
            region: &self.text[service + 1..region],
            account: &self.text[region + 1..account],
            relative: &self.text[account + 1..],
        }
    }

    /// `eni` of `eni/eni-1`.
    pub fn resource_type(&self) -> &str {
        let relative = self.fields().relative;
        relative.split_once('/').map_or(relative, |(kind, _)| kind)
    }

    /// Splits a text at its first four colons, without a look at wildcards.
    fn split(text: &str) -> Result<Self, MalformedArn> {
        if !text.starts_with("acs:") {
            return Err(MalformedArn::Prefix(text.into()));
        }
        if text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(MalformedArn::Character(text.into()));
        }
        let mut colons = [0u32; 3];
        let mut found = text.match_indices(':').skip(1).map(|(at, _)| at);
        for colon in &mut colons {
            let at = found.next().ok_or_else(|| MalformedArn::MissingField(text.into()))?;
            *colon = u32::try_from(at).map_err(|_| MalformedArn::MissingField(text.into()))?;
        }
        Ok(Self { text: text.into(), colons })
    }
}

impl FromStr for Arn {
    type Err = MalformedArn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(['*', '?']) {
            return Err(MalformedArn::Wildcard(text.into()));
        }
        let arn = Self::split(text)?;
        if arn.fields().relative.is_empty() {
            return Err(MalformedArn::MissingField(text.into()));
        }
        Ok(arn)
    }
}

impl Resource {
    pub fn as_str(&self) -> &str {
        match self {
            Self::One(arn) | Self::AllOf(AllOf(arn)) => arn.as_str(),
            Self::Everything => "*",
        }
    }

    /// The fields to match; none for [`Resource::Everything`].
    pub fn fields(&self) -> Option<Fields<'_>> {
        match self {
            Self::One(arn) | Self::AllOf(AllOf(arn)) => Some(arn.fields()),
            Self::Everything => None,
        }
    }

    /// The account that owns the resource; none where the call names no resource.
    pub fn account(&self) -> Option<&str> {
        self.fields().map(|fields| fields.account)
    }

    /// Whether the text names one resource, so that `?` may stand for any of its characters.
    pub fn is_one(&self) -> bool {
        matches!(self, Self::One(_))
    }
}

/// Reads an ARN, an ARN whose relative id ends in `/*`, or a lone `*`.
impl FromStr for Resource {
    type Err = MalformedArn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Everything);
        }
        let Some(type_prefix) = text.strip_suffix("/*") else {
            return Ok(Self::One(text.parse()?));
        };
        if type_prefix.contains(['*', '?']) {
            return Err(MalformedArn::Wildcard(text.into()));
        }
        Ok(Self::AllOf(AllOf(Arn::split(text)?)))
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_split_at_its_first_four_colons() {
        let arn: Arn = "acs:ecs:cn-hangzhou:1234567890123456:eni/a:b".parse().unwrap();
        let fields = Fields { service: "ecs", region: "cn-hangzhou", account: "1234567890123456", relative: "eni/a:b" };
        assert_eq!(arn.fields(), fields);
        assert_eq!(arn.resource_type(), "eni");
    }

    #[test]
    fn an_arn_never_holds_a_wildcard() {
        for bad in [
            "acs:ecs:*:1:eni/x",
            "acs:ecs:cn:1:eni/?",
            "arn:aws:ec2:r:1:x",
            "acs:ecs:cn:1",
            "acs:ecs:cn:1:",
            "acs:e cs:cn:1:x",
        ] {
            assert!(bad.parse::<Arn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn all_of_a_type_is_a_state_of_its_own() {
        let listed: Resource = "acs:ecs:cn-hangzhou:1:eni/*".parse().unwrap();
        assert!(matches!(listed, Resource::AllOf(_)) && !listed.is_one());
        assert!("acs:ecs:*:1:eni/*".parse::<Resource>().is_err());
        assert_eq!("*".parse::<Resource>().unwrap(), Resource::Everything);
    }
}
