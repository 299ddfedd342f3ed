//! The texts of a line: truncated when they are written, and read leniently, because ActionTrail and the exports of its
//! events write numbers and booleans where this program writes texts.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde_json::Value;
use serde_json::value::RawValue;

/// The most characters of a caller's text that a line holds.
pub(in super::super) const LONGEST_TEXT: usize = 256;

/// Truncates a caller's text after [`LONGEST_TEXT`] characters; `…` marks the truncation.
pub(in super::super) fn truncate(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_TEXT {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Writes a value as its text, without allocating.
pub(super) fn displayed<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Writes parameters as the members of an object, each text truncated.
pub(super) fn parameters_map<S: Serializer>(all: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(all.iter().map(|(name, value)| (truncate(name), truncate(value))))
}

/// Reads a text. `null`, an empty text, a list and an object read as `None`.
pub(super) fn text<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    Ok(Text::deserialize(deserializer)?.0.map(Cow::Owned))
}

/// Reads a time; anything else is an error.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom(format!("`{}` is not a valid time", text.escape_default())))
}

/// A time that may be absent.
pub(super) mod moment {
    use super::{Deserialize, Deserializer, Serializer, Text, Timestamp};

    pub(in super::super) fn write<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(time),
            None => serializer.serialize_none(),
        }
    }

    /// Anything that is not a time reads as `None`.
    pub(in super::super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Text::deserialize(deserializer)?.0.and_then(|text| text.parse().ok()))
    }
}

/// Reads `sessionContext`: whether the session was begun with MFA.
pub(super) fn mfa<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Context {
        // ActionTrail's old events call it `sessionAttributes`.
        #[serde(alias = "sessionAttributes")]
        attributes: Attributes,
    }

    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Attributes {
        #[serde(rename = "mfaAuthenticated")]
        mfa_authenticated: Text,
    }

    let context = Context::deserialize(deserializer)?;
    Ok(context.attributes.mfa_authenticated.0.and_then(|text| text.parse().ok()))
}

/// Reads `additionalEventData`, which is an empty text in ActionTrail's old events.
pub(super) fn additional<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let Some(json) = Option::<&RawValue>::deserialize(deserializer)? else { return Ok(T::default()) };
    if !json.get().starts_with('{') {
        return Ok(T::default());
    }
    let malformed = |error| D::Error::custom(format!("its `additionalEventData` cannot be read: {error}"));
    serde_json::from_str(json.get()).map_err(malformed)
}

/// Reads the members of an object in their order, each as a text. A list or an object is read as its JSON.
pub(super) fn parameters<'de, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Cow<'a, [(String, String)]>, D::Error> {
    ordered(deserializer, |value: &RawValue| match value.get() {
        "null" => None,
        json if json.starts_with('"') => serde_json::from_str(json).ok(),
        // The JSON is made compact.
        json => serde_json::from_str::<Value>(json).ok().map(|value| value.to_string()),
    })
    .map(Cow::Owned)
}

/// A text that is read leniently.
#[derive(Default)]
pub(super) struct Text(pub(super) Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyText)
    }
}

struct AnyText;

impl<'de> Visitor<'de> for AnyText {
    type Value = Text;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(text.to_owned()).filter(|text| !text.is_empty())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Text, E> {
        Ok(Text(Some(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Text, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Text, S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

/// Reads the members of an object in their order. Those for which `read` returns `None` are skipped.
pub(super) fn ordered<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl Fn(&RawValue) -> Option<T>,
) -> Result<Vec<(String, T)>, D::Error> {
    struct Ordered<F>(F);

    impl<'de, T, F: Fn(&RawValue) -> Option<T>> Visitor<'de> for Ordered<F> {
        type Value = Vec<(String, T)>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                if let Some(value) = (self.0)(&value) {
                    members.push((name, value));
                }
            }
            Ok(members)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
    }

    deserializer.deserialize_any(Ordered(read))
}
