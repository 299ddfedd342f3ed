//! The fast path for valid documents: one pass, without places.
//!
//! Every other text gives `None`: invalid JSON, a duplicate key, an unknown element, a value of another type, an empty
//! list. The fast path must never accept a document that the strict grammar (`grammar.rs`) refuses.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::language::condition::{Condition, Key};
use crate::language::effect::Effect;
use crate::language::operator::{Comparison, Operator};
use crate::language::value::ConditionValue;

/// A statement whose parts are still unparsed text.
#[derive(Debug)]
pub(crate) struct PlainStatement<'t> {
    pub(crate) effect: Effect,
    pub(crate) action: Option<&'t RawValue>,
    pub(crate) not_action: Option<&'t RawValue>,
    pub(crate) resource: &'t RawValue,
    pub(crate) condition: Option<&'t RawValue>,
    pub(crate) sid: Option<Box<str>>,
    /// The byte offset of the opening brace. While the text is deserialized, the address of the first key.
    pub(crate) start: usize,
}

/// The statements of a policy.
pub(crate) fn policy(text: &str) -> Option<Vec<PlainStatement<'_>>> {
    let Policy(mut statements) = serde_json::from_str(text).ok()?;
    for statement in &mut statements {
        statement.start = begin(text, statement.start)?;
    }
    Some(statements)
}

/// A string, or a list of strings that is not empty.
pub(crate) fn texts(value: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    let Texts(texts) = serde_json::from_str(value.get()).ok()?;
    Some(texts)
}

/// The conditions of a Condition block; empty if the block is.
pub(crate) fn conditions(value: &RawValue) -> Option<Vec<Condition>> {
    let Block(operators) = serde_json::from_str(value.get()).ok()?;
    let mut conditions = Vec::new();
    for (name, Block(keys)) in operators {
        let operator = Operator::parse(&name).ok()?;
        for (key, Texts(values)) in keys {
            if operator.comparison == Comparison::Boolean && values.len() > 1 {
                return None;
            }
            let wanted = values.iter().map(|text| ConditionValue::parse(operator, text).ok()).collect::<Option<_>>()?;
            conditions.push(Condition::new(operator, Key::parse(&key).ok()?, wanted));
        }
    }
    Some(conditions)
}

struct Policy<'t>(Vec<PlainStatement<'t>>);

struct Text<'t>(Cow<'t, str>);

struct Texts<'t>(Vec<Cow<'t, str>>);

/// An object without duplicate keys, in the order of the text.
struct Block<'t, T>(Vec<(Cow<'t, str>, T)>);

/// The offset of the brace that opens a statement, from the address of its first key: only white space and a quote
/// separate the two.
fn begin(text: &str, first_key: usize) -> Option<usize> {
    text.get(..first_key.checked_sub(text.as_ptr() as usize)?)?.rfind('{')
}

impl<'de> Deserialize<'de> for Policy<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Policy<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a policy")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut version, mut statements) = (None, None);
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "Version" => set(&mut version, map.next_value()?)?,
                        "Statement" => set(&mut statements, map.next_value()?)?,
                        _ => return Err(A::Error::custom("unknown element")),
                    }
                }
                let one = matches!(version, Some(Text(version)) if version == "1");
                let statements: Vec<PlainStatement<'de>> =
                    statements.ok_or_else(|| A::Error::custom("no statement"))?;
                if one && !statements.is_empty() {
                    Ok(Policy(statements))
                } else {
                    Err(A::Error::custom("invalid policy"))
                }
            }
        }
        deserializer.deserialize_map(Shape)
    }
}

impl<'de> Deserialize<'de> for PlainStatement<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = PlainStatement<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a statement")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut effect, mut action, mut not_action) = (None, None, None);
                let (mut resource, mut condition, mut sid) = (None, None, None);
                let mut first_key = None;
                while let Some(Text(key)) = map.next_key()? {
                    // A key with an escape is a copy, so its address would not tell where the statement begins.
                    let Cow::Borrowed(key) = key else { return Err(A::Error::custom("escaped key")) };
                    first_key.get_or_insert(key.as_ptr() as usize);
                    match key {
                        "Effect" => set(&mut effect, map.next_value()?)?,
                        "Action" => set(&mut action, map.next_value()?)?,
                        "NotAction" => set(&mut not_action, map.next_value()?)?,
                        "Resource" => set(&mut resource, map.next_value()?)?,
                        "Condition" => set(&mut condition, map.next_value()?)?,
                        "Sid" => set(&mut sid, map.next_value()?)?,
                        _ => return Err(A::Error::custom("unknown element")),
                    }
                }
                let effect = match effect {
                    Some(Text(text)) if text == "Allow" => Effect::Allow,
                    Some(Text(text)) if text == "Deny" => Effect::Deny,
                    _ => return Err(A::Error::custom("no effect")),
                };
                let resource = resource.ok_or_else(|| A::Error::custom("no resource"))?;
                let sid = sid.map(|Text(sid)| sid.into());
                let start = first_key.ok_or_else(|| A::Error::custom("no place"))?;
                Ok(PlainStatement { effect, action, not_action, resource, condition, sid, start })
            }
        }
        deserializer.deserialize_map(Shape)
    }
}

fn set<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    if place.is_some() {
        return Err(E::custom("duplicate key"));
    }
    *place = Some(value);
    Ok(())
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Shape)
    }
}

impl<'de> Deserialize<'de> for Texts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Texts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Texts(vec![Cow::Borrowed(text)]))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Texts(vec![Cow::Owned(text.to_owned())]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut texts = Vec::new();
                while let Some(Text(text)) = list.next_element()? {
                    texts.push(text);
                }
                if texts.is_empty() { Err(A::Error::custom("empty")) } else { Ok(Texts(texts)) }
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Block<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = Block<'de, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, T)> = Vec::new();
                while let Some(Text(key)) = map.next_key()? {
                    members.push((key, map.next_value()?));
                }
                let mut keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
                keys.sort_unstable();
                let twice = keys.windows(2).any(|pair| pair[0] == pair[1]);
                if twice { Err(A::Error::custom("duplicate key")) } else { Ok(Block(members)) }
            }
        }
        deserializer.deserialize_map(Shape(std::marker::PhantomData))
    }
}
