//! The catalogue's files as they are written.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::access::Access;
use super::answer::Refusal;
use super::error_row::ErrorRow;
use super::parameter::{Kind, State};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenOperation {
    pub(super) schema: u32,
    pub(super) operation: String,
    pub(super) product: String,
    pub(super) version: String,
    pub(super) source: String,
    pub(super) action: String,
    pub(super) access: Access,
    /// Keys that the vendor's row lists, without a tag key. Those of every service (`acs:`) are listed for none.
    #[serde(default, rename = "condition-keys")]
    pub(super) condition_keys: Vec<String>,
    pub(super) parameters: Vec<WrittenParameter>,
    pub(super) resources: Vec<WrittenResource>,
    #[serde(default)]
    pub(super) ignored: Vec<WrittenIgnored>,
    #[serde(default, deserialize_with = "unique_keys")]
    pub(super) refusals: BTreeMap<Refusal, WrittenRefusal>,
    #[serde(default)]
    pub(super) errors: Vec<ErrorRow>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCommon {
    pub(super) schema: u32,
    /// Names that belong to the protocol, not to an operation.
    pub(super) parameters: Vec<String>,
    /// Names that shift the account that is meant.
    pub(super) owners: Vec<String>,
    /// Names by which a caller says where it is, among those that are ignored.
    pub(super) claims: Vec<String>,
    pub(super) ignored: Vec<WrittenIgnored>,
    /// Names that only the vendor's own front may give a value.
    pub(super) inner: WrittenInner,
    /// Words that clients look for in an answer and act on (`spec/ecs-eni.md` A.4).
    #[serde(rename = "never-in-a-denial")]
    pub(super) never_in_a_denial: Vec<String>,
    /// What a denial by policy may be set to.
    pub(super) denials: Vec<WrittenRefusal>,
    #[serde(deserialize_with = "unique_keys")]
    pub(super) refusals: BTreeMap<Refusal, WrittenRefusal>,
    pub(super) errors: Vec<ErrorRow>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenParameter {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) state: State,
    pub(super) minimum: Option<i64>,
    pub(super) maximum: Option<i64>,
    #[serde(default)]
    pub(super) faults: WrittenFaults,
    /// Values that are taken beside those of the type.
    #[serde(default)]
    pub(super) literals: Vec<String>,
    /// Of one that is unavailable: what it names, should somebody have it judged.
    #[serde(rename = "when-judged")]
    pub(super) when_judged: Option<WrittenResource>,
}

/// Codes of this operation's rows that a fault of one parameter gets, where the general refusal is not meant.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenFaults {
    pub(super) malformed: Option<String>,
    pub(super) out_of_range: Option<String>,
    pub(super) not_served: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenResource {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) arn: String,
    #[serde(default, deserialize_with = "unique_keys")]
    pub(super) binds: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) optional: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenIgnored {
    pub(super) name: String,
    /// Why it may be left out: for the reader of the file.
    #[serde(rename = "why")]
    pub(super) _why: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenInner {
    /// For the reader of the file.
    #[serde(rename = "why")]
    pub(super) _why: String,
    /// For the reader of the file.
    #[serde(rename = "sources")]
    pub(super) _sources: Vec<String>,
    /// Whole names.
    pub(super) names: Vec<String>,
    /// What a name may begin with.
    pub(super) prefixes: Vec<String>,
}

#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRefusal {
    pub(super) status: u16,
    pub(super) code: String,
    /// What fills the row's `%s`; without it, the reason at hand does.
    pub(super) text: Option<String>,
}

/// A map that refuses a key given twice, which `serde_json` lets pass.
fn unique_keys<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    struct Unique<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Unique<K, V> {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = access.next_entry()? {
                if map.insert(key, value).is_some() {
                    return Err(A::Error::custom("a key is given twice"));
                }
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Unique(PhantomData))
}
