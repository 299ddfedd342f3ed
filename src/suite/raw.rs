//! The keys of a suite as written, before names are looked up.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use toml::Spanned;

use crate::pdp::RawResource;

pub(super) type Text = Spanned<String>;

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSuite {
    pub(super) schema: Option<Spanned<u32>>,
    pub(super) suite: Option<Text>,
    /// Policy directories, relative to the suite's file.
    #[serde(default)]
    pub(super) policies: Several,
    /// The frozen clock.
    pub(super) now: Option<Text>,
    /// The code of a denial, as in `[denial] code` of the gateway's configuration.
    pub(super) denial: Option<Text>,
    #[serde(default)]
    pub(super) defaults: RawCase,
    #[serde(default)]
    pub(super) fixtures: BTreeMap<Text, RawCase>,
    #[serde(default)]
    pub(super) resources: BTreeMap<Text, RawResource>,
    #[serde(default)]
    pub(super) case: Vec<Spanned<RawCase>>,
}

/// The keys of a case, a fixture, or the defaults.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCase {
    pub(super) name: Option<Text>,
    #[serde(default, rename = "use")]
    pub(super) fixtures: Several,
    /// The reason, if the case is skipped.
    pub(super) skip: Option<Text>,
    pub(super) principal: Option<Text>,
    pub(super) principals: Option<Vec<Text>>,
    pub(super) eni: Option<Text>,
    pub(super) enis: Option<Vec<Text>>,
    pub(super) instance: Option<Text>,
    pub(super) instances: Option<Vec<Text>>,
    pub(super) region: Option<Text>,
    pub(super) regions: Option<Vec<Text>>,
    pub(super) operation: Option<Text>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<Text, Value>,
    #[serde(default)]
    pub(super) context: BTreeMap<Text, Values>,
    #[serde(default)]
    pub(super) resources: BTreeMap<Text, RawResource>,
    pub(super) now: Option<Text>,
    /// The text of the session policy.
    pub(super) session_policy: Option<Text>,
    pub(super) expect: Option<Spanned<RawExpect>>,
    pub(super) decided_by: Option<Vec<Text>>,
    pub(super) layer: Option<Text>,
    pub(super) status: Option<Spanned<u16>>,
    pub(super) code: Option<Text>,
}

/// One word for every cell, or a list of cells.
#[derive(Clone, Debug)]
pub(super) enum RawExpect {
    ExpectedVerdict(String),
    Cells(Vec<Spanned<RawCell>>),
}

/// The expectation for some cells of a matrix.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCell {
    pub(super) principal: Option<Text>,
    pub(super) eni: Option<Text>,
    pub(super) instance: Option<Text>,
    pub(super) region: Option<Text>,
    pub(super) is: Text,
    pub(super) decided_by: Option<Vec<Text>>,
    pub(super) layer: Option<Text>,
    pub(super) status: Option<Spanned<u16>>,
    pub(super) code: Option<Text>,
}

/// A text, or a list of texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Several(pub(super) Vec<Text>);

/// The values of a condition key: one value, or a list. An empty list removes the key of the defaults.
#[derive(Clone, Debug)]
pub(super) struct Values(pub(super) Vec<String>);

/// The value of a parameter: a text, `true` or a number.
#[derive(Clone, Debug)]
pub(super) struct Value(pub(super) String);

impl RawCase {
    /// Fills in missing keys from `below`. Tables are merged key by key.
    pub(super) fn over(self, below: &Self) -> Self {
        let principal_said = self.principal.is_some() || self.principals.is_some();
        let eni_said = self.eni.is_some() || self.enis.is_some();
        let instance_said = self.instance.is_some() || self.instances.is_some();
        let region_said = self.region.is_some() || self.regions.is_some();
        let one = |said: bool, own: Option<Text>, below: &Option<Text>| own.or_else(|| below.clone().filter(|_| !said));
        let many = |said: bool, own: Option<Vec<Text>>, below: &Option<Vec<Text>>| {
            own.or_else(|| below.clone().filter(|_| !said))
        };
        let or = |own: Option<Text>, below: &Option<Text>| own.or_else(|| below.clone());
        Self {
            name: self.name,
            fixtures: self.fixtures,
            skip: or(self.skip, &below.skip),
            principal: one(principal_said, self.principal, &below.principal),
            principals: many(principal_said, self.principals, &below.principals),
            eni: one(eni_said, self.eni, &below.eni),
            enis: many(eni_said, self.enis, &below.enis),
            instance: one(instance_said, self.instance, &below.instance),
            instances: many(instance_said, self.instances, &below.instances),
            region: one(region_said, self.region, &below.region),
            regions: many(region_said, self.regions, &below.regions),
            operation: or(self.operation, &below.operation),
            parameters: merged(self.parameters, &below.parameters),
            context: merged(self.context, &below.context),
            resources: merged(self.resources, &below.resources),
            now: or(self.now, &below.now),
            session_policy: or(self.session_policy, &below.session_policy),
            decided_by: self.decided_by.or_else(|| below.decided_by.clone()),
            layer: or(self.layer, &below.layer),
            status: self.status.or_else(|| below.status.clone()),
            code: or(self.code, &below.code),
            expect: self.expect.or_else(|| below.expect.clone()),
        }
    }
}

fn merged<V: Clone>(mut own: BTreeMap<Text, V>, below: &BTreeMap<Text, V>) -> BTreeMap<Text, V> {
    for (key, value) in below {
        own.entry(key.clone()).or_insert_with(|| value.clone());
    }
    own
}

/// One value, or a list: the common form of all values in a suite.
enum OneOrMany<T> {
    One(Value),
    Many(Vec<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, true or false, or a list")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Value(text.to_owned())))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Value(value.to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Value(value.to_string())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(element) = list.next_element()? {
                    all.push(element);
                }
                Ok(OneOrMany::Many(all))
            }
        }
        deserializer.deserialize_any(Shape(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match OneOrMany::<IgnoredAny>::deserialize(deserializer)? {
            OneOrMany::One(value) => Ok(value),
            OneOrMany::Many(_) => Err(D::Error::custom("a list where one value belongs")),
        }
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match OneOrMany::<Value>::deserialize(deserializer)? {
            OneOrMany::One(Value(value)) => vec![value],
            OneOrMany::Many(values) => values.into_iter().map(|Value(value)| value).collect(),
        }))
    }
}

impl<'de> Deserialize<'de> for RawExpect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match OneOrMany::deserialize(deserializer)? {
            OneOrMany::One(Value(word)) => Self::ExpectedVerdict(word),
            OneOrMany::Many(cells) => Self::Cells(cells),
        })
    }
}

impl<'de> Deserialize<'de> for Several {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Elements of a list have spans of their own; a single text takes the span of the whole value.
        let whole: Spanned<OneOrMany<Text>> = Spanned::deserialize(deserializer)?;
        let span = whole.span();
        Ok(Self(match whole.into_inner() {
            OneOrMany::One(Value(text)) => vec![Spanned::new(span, text)],
            OneOrMany::Many(texts) => texts,
        }))
    }
}
