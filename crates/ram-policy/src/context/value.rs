//! One value of a condition key: a text, or a typed value, which need not be parsed for each comparison.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

/// The type of a condition key's values (`docs/spec/ram-policy.md` 4.5, 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// Any text.
    Text,
    /// An IPv4 or IPv6 address.
    Address,
    /// A point in time.
    Time,
    /// `true` or `false`.
    Boolean,
}

/// A value of a condition key in a [`Context`](crate::Context).
///
/// Operators of every type accept a text, which they parse. A typed value saves that work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Arc<str>),
    /// An address, such as the value of `acs:SourceIp`.
    Address(IpAddr),
    /// A point in time, such as the value of `acs:CurrentTime`.
    Time(Timestamp),
    /// A Boolean, such as the value of `acs:SecureTransport`.
    Boolean(bool),
}

/// A borrowed [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// A text.
    Text(&'a str),
    /// An address.
    Address(IpAddr),
    /// A point in time.
    Time(Timestamp),
    /// A Boolean.
    Boolean(bool),
}

impl Value {
    /// Reads a text as a value of its key's type. A text that is not in the canonical form of the type, such as
    /// `2001:DB8::1`, remains a text, because a condition may compare its spelling.
    pub fn read(of_type: KeyType, text: &str) -> Self {
        let typed = match of_type {
            KeyType::Text => None,
            KeyType::Address => text.parse().ok().map(Self::Address),
            KeyType::Time => text.parse().ok().map(Self::Time),
            KeyType::Boolean => text.parse().ok().map(Self::Boolean),
        };
        typed.filter(|value| value.as_ref().text() == text).unwrap_or_else(|| Self::Text(text.into()))
    }

    /// The value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Text(text) => ValueRef::Text(text),
            Self::Address(address) => ValueRef::Address(*address),
            Self::Time(time) => ValueRef::Time(*time),
            Self::Boolean(boolean) => ValueRef::Boolean(*boolean),
        }
    }
}

impl<'a> ValueRef<'a> {
    /// The value as RAM writes it: times in UTC with a `Z`, Booleans in lower case.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Address(address) => Cow::Owned(address.to_string()),
            Self::Time(time) => Cow::Owned(time.to_string()),
            Self::Boolean(boolean) => Cow::Borrowed(if boolean { "true" } else { "false" }),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<IpAddr> for Value {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_spelling() {
        for (of_type, text) in [
            (KeyType::Address, "10.0.0.1"),
            (KeyType::Address, "2001:db8::1"),
            (KeyType::Time, "2026-01-01T00:00:00Z"),
            (KeyType::Boolean, "true"),
        ] {
            assert!(!matches!(Value::read(of_type, text), Value::Text(_)), "{text}");
        }
        for (of_type, text) in [
            (KeyType::Address, "2001:DB8::1"),
            (KeyType::Address, "nowhere"),
            (KeyType::Time, "2026-01-01T08:00:00+08:00"),
            (KeyType::Boolean, "True"),
            (KeyType::Text, "10.0.0.1"),
        ] {
            assert_eq!(Value::read(of_type, text), Value::Text(text.into()), "{text}");
        }
    }
}
