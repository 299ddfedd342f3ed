//! Condition keys, and the values that one call or one resource has for them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::context::value::{KeyType, Value, ValueRef};

/// A condition key: `<ram-code>:<name>` or `<ram-code>:<name>/<tag key>`.
///
/// The part before the first `/` is compared without regard to case, the tag key exactly (`docs/spec/ram-policy.md` 11,
/// row 6). The keys that a gateway commonly supplies are variants of their own, so that no text is compared for them.
///
/// ```
/// use ram_policy::ContextKey;
///
/// assert_eq!("ACS:sourceip".parse(), Ok(ContextKey::SourceIp));
/// assert_eq!("ecs:tag/team".parse(), Ok(ContextKey::tag("team")));
/// assert_ne!("acs:ResourceTag/Team".parse(), Ok(ContextKey::tag("team")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContextKey {
    /// `acs:CurrentTime`: when the call is judged.
    CurrentTime,
    /// `acs:SecureTransport`: whether the call came over TLS.
    SecureTransport,
    /// `acs:SourceIp`: the address that the call came from.
    SourceIp,
    /// `acs:MFAPresent`: whether the user signed in with a second factor.
    MfaPresent,
    /// `acs:PrincipalARN`. Derived from the principal of the request; a value in a context is ignored.
    PrincipalArn,
    /// `acs:ResourceGroupId`: the resource group that the resource is in.
    ResourceGroupId,
    /// `acs:ResourceTag/<tag key>`, or `ecs:tag/<tag key>`, the older spelling (`docs/spec/ram-policy.md` 4.5): a tag
    /// of the resource.
    ResourceTag(Arc<str>),
    /// `acs:RequestTag/<tag key>`: a tag that the call itself sets.
    RequestTag(Arc<str>),
    /// `acs:TagKeys`: the keys of all tags that the call itself sets.
    TagKeys,
    /// Any other key.
    Other(OtherKey),
}

/// A condition key that has no variant of [`ContextKey`]. Compared by [`OtherKey::folded`].
#[derive(Clone, Debug)]
pub struct OtherKey {
    /// The form that is compared.
    folded: Arc<str>,
    /// The original spelling.
    text: Arc<str>,
}

/// A text that is not a valid [`ContextKey`]. The field holds the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a valid condition key: a key is `<service>:<name>`, such as `acs:SourceIp`")]
pub struct ContextKeyError(pub String);

/// The condition keys of one call or one resource, with their values.
///
/// Most keys have one value. If a key has several, a condition with a positive operator holds if one of them matches
/// (`docs/spec/ram-policy.md` 4.4). A key without a value is absent, unless the request lists it in
/// [`UnknownKeys`](crate::UnknownKeys). Up to three values are stored without an allocation.
///
/// ```
/// use ram_policy::{Context, ContextKey};
///
/// let mut context = Context::default();
/// context.add(ContextKey::SecureTransport, true);
/// context.add_text(ContextKey::SourceIp, "192.0.2.1");
/// assert!(context.has(&ContextKey::SourceIp) && !context.has(&ContextKey::MfaPresent));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    entries: SmallVec<[(ContextKey, Value); 3]>,
}

const NAMED: [(&str, ContextKey); 7] = [
    ("acs:CurrentTime", ContextKey::CurrentTime),
    ("acs:SecureTransport", ContextKey::SecureTransport),
    ("acs:SourceIp", ContextKey::SourceIp),
    ("acs:MFAPresent", ContextKey::MfaPresent),
    ("acs:PrincipalARN", ContextKey::PrincipalArn),
    ("acs:ResourceGroupId", ContextKey::ResourceGroupId),
    ("acs:TagKeys", ContextKey::TagKeys),
];
const TAG: &str = "acs:ResourceTag/";
const REQUEST_TAG: &str = "acs:RequestTag/";

impl ContextKey {
    /// `acs:ResourceTag/<key>`.
    pub fn tag(key: &str) -> Self {
        Self::ResourceTag(key.into())
    }

    /// `acs:RequestTag/<key>`.
    pub fn request_tag(key: &str) -> Self {
        Self::RequestTag(key.into())
    }

    /// The type of the key's values; [`KeyType::Text`] for [`ContextKey::Other`].
    pub fn value_type(&self) -> KeyType {
        match self {
            Self::CurrentTime => KeyType::Time,
            Self::SecureTransport | Self::MfaPresent => KeyType::Boolean,
            Self::SourceIp => KeyType::Address,
            Self::PrincipalArn
            | Self::ResourceGroupId
            | Self::ResourceTag(_)
            | Self::RequestTag(_)
            | Self::TagKeys
            | Self::Other(_) => KeyType::Text,
        }
    }
}

impl OtherKey {
    /// The name in lower case, followed by the tag key, if there is one, in its original case.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

impl FromStr for ContextKey {
    type Err = ContextKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ContextKeyError(text.into());
        let (name, tag) = text.split_once('/').map_or((text, None), |(name, tag)| (name, Some(tag)));
        let (service, rest) = name.split_once(':').ok_or_else(malformed)?;
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if !part(service) || !part(rest) || tag.is_some_and(|tag| tag.is_empty() || tag.chars().any(char::is_control)) {
            return Err(malformed());
        }
        if let Some(tag) = tag {
            let of_resource = ["acs:ResourceTag", "ecs:tag"].iter().any(|known| name.eq_ignore_ascii_case(known));
            if of_resource {
                return Ok(Self::tag(tag));
            }
            if name.eq_ignore_ascii_case("acs:RequestTag") {
                return Ok(Self::request_tag(tag));
            }
        } else if let Some((_, key)) = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Ok(key.clone());
        }
        let mut folded = name.to_ascii_lowercase();
        if let Some(tag) = tag {
            folded.push('/');
            folded.push_str(tag);
        }
        Ok(Self::Other(OtherKey { folded: folded.into(), text: text.into() }))
    }
}

impl Context {
    /// A context without keys.
    pub const EMPTY: Self = Self { entries: SmallVec::new_const() };

    /// Adds a value to a key. Values that the key already has are kept.
    pub fn add(&mut self, key: ContextKey, value: impl Into<Value>) {
        self.entries.push((key, value.into()));
    }

    /// Adds a value that is given as text, converted to the type of the key: see [`Value::read`].
    pub fn add_text(&mut self, key: ContextKey, text: &str) {
        let value = Value::read(key.value_type(), text);
        self.add(key, value);
    }

    /// The values of a key, in the order in which they were added.
    pub fn values<'a>(&'a self, key: &ContextKey) -> impl Iterator<Item = ValueRef<'a>> {
        self.entries.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_ref())
    }

    /// A copy without the values of one key.
    #[must_use]
    pub fn without(&self, key: &ContextKey) -> Self {
        Self { entries: self.entries.iter().filter(|(known, _)| known != key).cloned().collect() }
    }

    /// Whether the key has a value.
    pub fn has(&self, key: &ContextKey) -> bool {
        self.entries.iter().any(|(known, _)| known == key)
    }

    /// Every key with every value, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&ContextKey, ValueRef<'_>)> {
        self.entries.iter().map(|(key, value)| (key, value.as_ref()))
    }

    /// Whether no key has a value.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl PartialEq for OtherKey {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for OtherKey {}

impl std::hash::Hash for OtherKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl PartialOrd for OtherKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OtherKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl fmt::Display for ContextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResourceTag(tag) => write!(f, "{TAG}{tag}"),
            Self::RequestTag(tag) => write!(f, "{REQUEST_TAG}{tag}"),
            Self::Other(key) => f.write_str(&key.text),
            named => {
                let name = NAMED.iter().find(|(_, key)| key == named).map_or("", |(name, _)| name);
                f.write_str(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_folds_its_name_and_keeps_its_tag() {
        let key = |text: &str| text.parse::<ContextKey>().unwrap();
        assert_eq!(key("ACS:principalArn"), ContextKey::PrincipalArn);
        assert_eq!(key("vpc:VPC"), key("VPC:vpc"));
        assert_ne!(key("acs:ResourceTag/Team"), key("acs:ResourceTag/team"));
        assert_eq!(key("ecs:tag/team"), key("acs:resourcetag/team"));
        assert_ne!(key("rds:ResourceTag/team"), key("acs:ResourceTag/team"));
        for text in ["acs:ResourceTag/opc:managed", "acs:MFAPresent", "acs:RequestTag/a/b", "ecs:InstanceType"] {
            assert_eq!(key(text).to_string(), text);
        }
        for bad in ["SourceIp", "acs:", ":x", "acs:Mfa Present", "acs:ResourceTag/", "acs:ResourceTag/\n"] {
            assert!(bad.parse::<ContextKey>().is_err(), "{bad}");
        }
    }
}
