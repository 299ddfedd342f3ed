//! Texts of an event, read with patience: what others write as a number or a switch is a text too.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A text; absent where there is none, an empty one, or something that is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// The members of an object in their order, each as a text; a list or an object as the JSON it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members(pub(super) Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ordered(deserializer, |value: &RawValue| match value.get() {
            "null" => None,
            json if json.starts_with('"') => serde_json::from_str(json).ok(),
            // Written compactly, however it stood.
            json => serde_json::from_str::<Value>(json).ok().map(|value| value.to_string()),
        })
        .map(Self)
    }
}

/// Lists by name, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists(pub(super) Vec<(String, Vec<String>)>);

impl<'de> Deserialize<'de> for Lists {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ordered(deserializer, |value: &RawValue| {
            let texts: Vec<Text> = serde_json::from_str(value.get()).ok()?;
            Some(texts.into_iter().filter_map(|text| text.0).collect())
        })
        .map(Self)
    }
}

fn ordered<'de, D: Deserializer<'de>, T>(
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
