//! The ARN of one resource, and what a call is judged on.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// `acs:<service>:<region>:<account>:<relative-id>`: names exactly one resource and never holds a wildcard
/// (`docs/spec/ram-policy.md` 3). Patterns are another type. It may borrow its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn<'a> {
    text: Cow<'a, str>,
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
pub enum Resource<'a> {
    /// One resource.
    One(Arn<'a>),
    /// Every resource of a type: an operation that creates or lists. Its text ends in `/*`, and only a
    /// pattern that covers all of the type matches it.
    AllOf(AllOf<'a>),
    /// An operation that RAM cannot narrow to a resource: only a pattern that covers everything matches.
    Everything,
}

/// The literal `acs:<service>:<region>:<account>:<type>/*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllOf<'a>(Arn<'a>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    #[error("`{0}` does not start with `acs:`")]
    Prefix(String),
    #[error("`{0}` has fewer than five fields: an ARN is `acs:<service>:<region>:<account>:<relative-id>`")]
    MissingField(String),
    #[error("`{0}` holds a wildcard: an ARN names one resource")]
    Wildcard(String),
    #[error("`{0}` holds a blank or a control character")]
    Character(String),
}

impl<'a> Arn<'a> {
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

    /// Reads the ARN of one resource.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &'a str) -> Result<Self, ArnError> {
        let arn = match Characters::of(text) {
            Characters::Plain => Self::split(text)?,
            Characters::Wildcard => return Err(ArnError::Wildcard(text.into())),
            Characters::Blank => return Err(Self::not_even_split(text)),
        };
        if arn.colons[2] as usize + 1 == text.len() {
            return Err(ArnError::MissingField(text.into()));
        }
        Ok(arn)
    }

    /// The same, with a text of its own.
    pub fn into_owned(self) -> Arn<'static> {
        Arn { text: Cow::Owned(self.text.into_owned()), colons: self.colons }
    }

    /// Splits a text at its first four colons, without a look at its characters.
    fn split(text: &'a str) -> Result<Self, ArnError> {
        if !text.starts_with("acs:") {
            return Err(ArnError::Prefix(text.into()));
        }
        // Byte by byte: the fields are too short for anything cleverer to be worth its call.
        let (mut colons, mut found) = ([0u32; 3], 0);
        for (at, byte) in (4u32..).zip(&text.as_bytes()[4..]) {
            if *byte == b':' {
                colons[found] = at;
                found += 1;
                if found == colons.len() {
                    return Ok(Self { text: Cow::Borrowed(text), colons });
                }
            }
        }
        Err(ArnError::MissingField(text.into()))
    }

    /// A text that is no ARN whatever its characters is called that.
    fn not_even_split(text: &str) -> ArnError {
        if text.starts_with("acs:") { ArnError::Character(text.into()) } else { ArnError::Prefix(text.into()) }
    }
}

/// What the characters of a text allow it to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Characters {
    Plain,
    Wildcard,
    Blank,
}

impl Characters {
    fn of(text: &str) -> Self {
        // In one pass that never branches: nearly every text is plain.
        let odd = |byte: u8| u8::from(byte <= b' ') | u8::from(byte >= 0x7f) | u8::from(byte == b'*' || byte == b'?');
        if text.bytes().fold(0, |found, byte| found | odd(byte)) == 0 {
            return Self::Plain;
        }
        if text.contains(['*', '?']) {
            Self::Wildcard
        } else if text.chars().any(|c| c.is_control() || c == ' ') {
            Self::Blank
        } else {
            Self::Plain
        }
    }
}

impl FromStr for Arn<'static> {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Arn::read(text).map(Arn::into_owned)
    }
}

impl<'a> Resource<'a> {
    /// Reads an ARN, an ARN whose relative id ends in `/*`, or a lone `*`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &'a str) -> Result<Self, ArnError> {
        if text == "*" {
            return Ok(Self::Everything);
        }
        let Some(type_prefix) = text.strip_suffix("/*") else {
            return Ok(Self::One(Arn::read(text)?));
        };
        match Characters::of(type_prefix) {
            Characters::Plain => Ok(Self::AllOf(AllOf(Arn::split(text)?))),
            Characters::Wildcard => Err(ArnError::Wildcard(text.into())),
            Characters::Blank => Err(Arn::not_even_split(text)),
        }
    }

    /// The same, with a text of its own.
    pub fn into_owned(self) -> Resource<'static> {
        match self {
            Self::One(arn) => Resource::One(arn.into_owned()),
            Self::AllOf(AllOf(arn)) => Resource::AllOf(AllOf(arn.into_owned())),
            Self::Everything => Resource::Everything,
        }
    }

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

    /// `<service>:<region>:<account>`, the fields before the relative id; none for [`Resource::Everything`].
    pub fn head(&self) -> Option<&str> {
        match self {
            Self::One(arn) | Self::AllOf(AllOf(arn)) => Some(&arn.text[4..arn.colons[2] as usize]),
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

impl FromStr for Resource<'static> {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Resource::read(text).map(Resource::into_owned)
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_split_at_its_first_four_colons() {
        let arn = Arn::read("acs:ecs:cn-hangzhou:1234567890123456:eni/a:b").unwrap();
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
            assert!(Arn::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn all_of_a_type_is_a_state_of_its_own() {
        let listed = Resource::read("acs:ecs:cn-hangzhou:1:eni/*").unwrap();
        assert!(matches!(listed, Resource::AllOf(_)) && !listed.is_one());
        assert!(Resource::read("acs:ecs:*:1:eni/*").is_err());
        assert_eq!(Resource::read("*").unwrap(), Resource::Everything);
    }
}
