//! The ARN of one resource, and the resources that a request is judged on.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The name of exactly one resource: `acs:<service>:<region>:<account>:<relative-id>` (`docs/spec/ram-policy.md` 3).
///
/// An ARN never contains a wildcard; a pattern for ARNs is an [`ArnPattern`](crate::ArnPattern). An ARN may borrow its
/// text.
///
/// ```
/// use ram_policy::Arn;
///
/// let arn = Arn::read("acs:ecs:cn-hangzhou:1234567890123456:eni/eni-1")?;
/// assert_eq!((arn.fields().region, arn.resource_type()), ("cn-hangzhou", "eni"));
/// # Ok::<(), ram_policy::ArnError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn<'a> {
    text: Cow<'a, str>,
    /// Offsets of the second, third and fourth colon.
    colons: [u32; 3],
}

/// The four fields of an ARN that follow the fixed `acs`, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    /// The RAM code of the service, such as `ecs`.
    pub service: &'a str,
    /// The region id. Empty for resources of a service without regions.
    pub region: &'a str,
    /// The account that owns the resource.
    pub account: &'a str,
    /// The relative id: usually type and id, such as `eni/eni-1`. It may contain colons.
    pub relative: &'a str,
}

/// A resource that a request is judged on.
///
/// ```
/// use ram_policy::Resource;
///
/// let one = Resource::read("acs:ecs:cn-hangzhou:1234567890123456:eni/eni-1")?;
/// let all = Resource::read("acs:ecs:cn-hangzhou:1234567890123456:eni/*")?;
/// assert!(one.is_one() && !all.is_one());
/// assert_eq!(Resource::read("*")?, Resource::Everything);
/// # Ok::<(), ram_policy::ArnError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource<'a> {
    /// One resource.
    One(Arn<'a>),
    /// Every resource of a type, for an operation that creates or lists resources. The text ends in `/*`, and only a
    /// pattern that covers the whole type matches it.
    AllOf(AllOf<'a>),
    /// Every resource, for an operation that RAM cannot narrow to a resource. Only a pattern that covers everything
    /// matches it.
    Everything,
}

/// The literal text `acs:<service>:<region>:<account>:<type>/*`; made by [`Resource::read`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllOf<'a>(Arn<'a>);

/// Why a text is not a valid [`Arn`] or [`Resource`]. The field of each variant holds the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// The text does not start with `acs:`.
    #[error("`{0}` does not start with `acs:`")]
    Prefix(String),
    /// The text has fewer than five fields, or an empty relative id.
    #[error("`{0}` has fewer than five fields: an ARN is `acs:<service>:<region>:<account>:<relative-id>`")]
    MissingField(String),
    /// The text contains `*` or `?`.
    #[error("`{0}` contains a wildcard: an ARN names one resource")]
    Wildcard(String),
    /// The text contains a space or a control character.
    #[error("`{0}` contains a space or a control character")]
    Character(String),
}

impl<'a> Arn<'a> {
    /// The whole ARN, in the spelling that was read.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The fields after `acs:`.
    #[inline]
    pub fn fields(&self) -> Fields<'_> {
        let [service, region, account] = self.colons.map(|at| at as usize);
        Fields {
            service: &self.text[4..service],
            region: &self.text[service + 1..region],
            account: &self.text[region + 1..account],
            relative: &self.text[account + 1..],
        }
    }

    /// The relative id up to the first `/`: `eni` of `eni/eni-1`.
    pub fn resource_type(&self) -> &str {
        let relative = self.fields().relative;
        relative.split_once('/').map_or(relative, |(kind, _)| kind)
    }

    /// Reads the ARN of one resource. The ARN borrows the text.
    ///
    /// # Errors
    /// The text does not start with `acs:`, has fewer than five fields, has an empty relative id, or contains a
    /// wildcard, a space or a control character.
    pub fn read(text: &'a str) -> Result<Self, ArnError> {
        let arn = match Characters::of(text) {
            Characters::Plain => Self::split(text)?,
            Characters::Wildcard => return Err(ArnError::Wildcard(text.into())),
            Characters::Blank => return Err(Self::blank_error(text)),
        };
        if arn.colons[2] as usize + 1 == text.len() {
            return Err(ArnError::MissingField(text.into()));
        }
        Ok(arn)
    }

    /// The same ARN with a text of its own.
    pub fn into_owned(self) -> Arn<'static> {
        Arn { text: Cow::Owned(self.text.into_owned()), colons: self.colons }
    }

    /// Splits a text at its first four colons, without checking its characters.
    #[inline]
    fn split(text: &'a str) -> Result<Self, ArnError> {
        if !text.starts_with("acs:") {
            return Err(ArnError::Prefix(text.into()));
        }
        // Byte by byte: for fields this short, a call to a search routine costs more than it saves.
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

    /// The error for a text with a space or control character. A wrong prefix is reported first.
    fn blank_error(text: &str) -> ArnError {
        if text.starts_with("acs:") { ArnError::Character(text.into()) } else { ArnError::Prefix(text.into()) }
    }
}

/// Which characters a text contains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Characters {
    /// Only characters that an ARN may contain.
    Plain,
    /// A `*` or `?`.
    Wildcard,
    /// A space or a control character.
    Blank,
}

impl Characters {
    #[inline]
    fn of(text: &str) -> Self {
        // One pass without branches, because nearly every text is plain.
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
    /// Reads an ARN, an ARN whose relative id ends in `/*`, or a lone `*`. The resource borrows the text.
    ///
    /// # Errors
    /// The text is not one of the three forms: see [`Arn::read`]. A wildcard is allowed only in a final `/*`.
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
            Characters::Blank => Err(Arn::blank_error(text)),
        }
    }

    /// The same resource with a text of its own.
    pub fn into_owned(self) -> Resource<'static> {
        match self {
            Self::One(arn) => Resource::One(arn.into_owned()),
            Self::AllOf(AllOf(arn)) => Resource::AllOf(AllOf(arn.into_owned())),
            Self::Everything => Resource::Everything,
        }
    }

    /// The whole text: an ARN, an ARN that ends in `/*`, or `*`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::One(arn) | Self::AllOf(AllOf(arn)) => arn.as_str(),
            Self::Everything => "*",
        }
    }

    /// The fields that patterns are matched against; `None` for [`Resource::Everything`].
    #[inline]
    pub fn fields(&self) -> Option<Fields<'_>> {
        match self {
            Self::One(arn) | Self::AllOf(AllOf(arn)) => Some(arn.fields()),
            Self::Everything => None,
        }
    }

    /// The fields before the relative id, `<service>:<region>:<account>`; `None` for [`Resource::Everything`].
    pub fn head(&self) -> Option<&str> {
        match self {
            Self::One(arn) | Self::AllOf(AllOf(arn)) => Some(&arn.text[4..arn.colons[2] as usize]),
            Self::Everything => None,
        }
    }

    /// The account that owns the resource; `None` for [`Resource::Everything`].
    pub fn account(&self) -> Option<&str> {
        self.fields().map(|fields| fields.account)
    }

    /// Whether this is one resource and not a set of resources.
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
    fn all_of_a_type_is_a_variant_of_its_own() {
        let listed = Resource::read("acs:ecs:cn-hangzhou:1:eni/*").unwrap();
        assert!(matches!(listed, Resource::AllOf(_)) && !listed.is_one());
        assert!(Resource::read("acs:ecs:*:1:eni/*").is_err());
        assert_eq!(Resource::read("*").unwrap(), Resource::Everything);
    }
}
