//! JSON as written: every key of every object in order, including duplicates.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Other(Value),
}

impl Json {
    /// Whether some object has a key twice.
    pub(crate) fn repeats_a_key(&self) -> bool {
        match self {
            Self::Object(members) => members.iter().enumerate().any(|(at, (key, value))| {
                members[..at].iter().any(|(earlier, _)| earlier == key) || value.repeats_a_key()
            }),
            Self::Array(elements) => elements.iter().any(Self::repeats_a_key),
            Self::Other(_) => false,
        }
    }

    /// The same text, its keys written by `key`.
    pub(crate) fn with_keys(&self, key: fn(&str) -> String) -> String {
        match self {
            Self::Object(members) => {
                let member = |(name, value): &(String, Self)| format!("{}:{}", key(name), value.with_keys(key));
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
            Self::Array(elements) => {
                format!("[{}]", elements.iter().map(|it| it.with_keys(key)).collect::<Vec<_>>().join(","))
            }
            Self::Other(value) => value.to_string(),
        }
    }

    /// This policy with one of its elements, or one effect, in another case.
    pub(crate) fn with_another_case(&self) -> Vec<Self> {
        let swapped = |text: &str| match text {
            _ if text.starts_with(char::is_uppercase) => text.to_lowercase(),
            _ => text.to_uppercase(),
        };
        let mut found = Vec::new();
        if let Self::Object(members) = self {
            for (at, (key, value)) in members.iter().enumerate() {
                let with = |key: String, value: Self| {
                    let mut members = members.clone();
                    members[at] = (key, value);
                    Self::Object(members)
                };
                found.push(with(swapped(key), value.clone()));
                match (key.as_str(), value) {
                    ("Effect", Self::Other(Value::String(effect))) => {
                        found.push(with(key.clone(), Self::Other(swapped(effect).into())));
                    }
                    // One statement is enough: the others are read by the same code.
                    ("Statement", Self::Array(all)) => {
                        for first in all.iter().take(1).flat_map(Self::with_another_case) {
                            let all = [&[first], &all[1..]].concat();
                            found.push(with(key.clone(), Self::Array(all)));
                        }
                    }
                    _ => {}
                }
            }
        }
        found
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    elements.push(element);
                }
                Ok(Json::Array(elements))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Other(text.into()))
            }

            fn visit_bool<E>(self, it: bool) -> Result<Json, E> {
                Ok(Json::Other(it.into()))
            }

            fn visit_i64<E>(self, it: i64) -> Result<Json, E> {
                Ok(Json::Other(it.into()))
            }

            fn visit_u64<E>(self, it: u64) -> Result<Json, E> {
                Ok(Json::Other(it.into()))
            }

            fn visit_f64<E>(self, it: f64) -> Result<Json, E> {
                Ok(Json::Other(it.into()))
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Other(Value::Null))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
