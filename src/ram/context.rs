//! The facts of one call that conditions test.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A condition key, `<ram-code>:<name>`, or `<ram-code>:<name>/<tag key>`. What stands before the first `/` is
/// compared without regard to case, the tag key exactly (`spec/ram-policy.md` 11, row 6).
#[derive(Clone, Debug)]
pub struct ContextKey {
    /// As the key is compared.
    folded: Box<str>,
    /// As it was written.
    text: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no condition key: a key is `<service>:<name>`, such as `acs:SourceIp`")]
pub struct MalformedContextKey(pub String);

/// What is known of one call: keys and their values. Most keys have one value; a test over several holds when
/// some value matches (`spec/ram-policy.md` 4.4). A key that is absent is absent, never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<ContextKey, Vec<String>>,
}

impl ContextKey {
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ContextKey {
    type Err = MalformedContextKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || MalformedContextKey(text.into());
        let (name, tag) = text.split_once('/').map_or((text, None), |(name, tag)| (name, Some(tag)));
        let (service, rest) = name.split_once(':').ok_or_else(malformed)?;
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if !part(service) || !part(rest) || tag.is_some_and(|tag| tag.is_empty() || tag.chars().any(char::is_control)) {
            return Err(malformed());
        }
        let mut folded = name.to_ascii_lowercase();
        if let Some(tag) = tag {
            folded.push('/');
            folded.push_str(tag);
        }
        Ok(Self { folded: folded.into(), text: text.into() })
    }
}

impl Context {
    pub fn insert(&mut self, key: ContextKey, value: impl Into<String>) {
        self.values.insert(key, vec![value.into()]);
    }

    pub fn insert_all(&mut self, key: ContextKey, values: Vec<String>) {
        self.values.insert(key, values);
    }

    pub fn values(&self, key: &ContextKey) -> Option<&[String]> {
        self.values.get(key).map(Vec::as_slice)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ContextKey, &[String])> {
        self.values.iter().map(|(key, values)| (key, values.as_slice()))
    }
}

impl PartialEq for ContextKey {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for ContextKey {}

impl PartialOrd for ContextKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ContextKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl fmt::Display for ContextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_folds_its_name_and_keeps_its_tag() {
        let key = |text: &str| text.parse::<ContextKey>().unwrap();
        assert_eq!(key("acs:PrincipalARN"), key("acs:PrincipalArn"));
        assert_ne!(key("acs:ResourceTag/Team"), key("acs:ResourceTag/team"));
        assert_eq!(key("acs:ResourceTag/opc:managed").as_str(), "acs:ResourceTag/opc:managed");
        for bad in ["SourceIp", "acs:", ":x", "acs:Mfa Present", "acs:ResourceTag/"] {
            assert!(bad.parse::<ContextKey>().is_err(), "{bad}");
        }
    }
}
