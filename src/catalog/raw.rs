//! The form of the catalogue's files, and the place of an error in one.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use ram_policy::{Diagnostic, Source};

use super::answer::{ErrorRow, RejectionReason};
use super::operation::Access;
use super::parameter::{Kind, State};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOperation {
    pub(super) schema: u32,
    pub(super) operation: String,
    pub(super) product: String,
    pub(super) version: String,
    pub(super) source: String,
    pub(super) action: String,
    pub(super) access: Access,
    /// Condition keys that the vendor lists for the operation, without a tag key. Keys common to all services (`acs:`)
    /// are not listed.
    #[serde(default, rename = "condition-keys")]
    pub(super) condition_keys: Vec<String>,
    pub(super) parameters: Vec<RawParameter>,
    pub(super) resources: Vec<RawResource>,
    #[serde(default)]
    pub(super) ignored: Vec<RawIgnored>,
    #[serde(default, deserialize_with = "unique_keys")]
    pub(super) refusals: BTreeMap<RejectionReason, RawRefusal>,
    #[serde(default)]
    pub(super) errors: Vec<ErrorRow>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCommon {
    pub(super) schema: u32,
    /// Names that belong to the protocol, not to an operation.
    pub(super) parameters: Vec<String>,
    /// Parameters that select another account.
    pub(super) owners: Vec<String>,
    /// The ignored parameters in which a caller states its location.
    pub(super) claims: Vec<String>,
    pub(super) ignored: Vec<RawIgnored>,
    /// Parameters that only the vendor's own API front end may set.
    pub(super) inner: RawInner,
    /// Words that clients look for in an answer and act on (`docs/spec/ecs-eni.md` A.4).
    #[serde(rename = "never-in-a-denial")]
    pub(super) never_in_a_denial: Vec<String>,
    /// The codes that a denial by policy may be configured to carry.
    pub(super) denials: Vec<RawRefusal>,
    #[serde(deserialize_with = "unique_keys")]
    pub(super) refusals: BTreeMap<RejectionReason, RawRefusal>,
    pub(super) errors: Vec<ErrorRow>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParameter {
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
    pub(super) faults: RawFaults,
    /// Values that are accepted in addition to those of the type.
    #[serde(default)]
    pub(super) literals: Vec<String>,
    /// The resource that an unavailable parameter names, for gateways that judge it instead of refusing it.
    #[serde(rename = "when-judged")]
    pub(super) when_judged: Option<RawResource>,
}

/// Codes from this operation's error rows for problems with one parameter, in place of the general answers.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFaults {
    pub(super) malformed: Option<String>,
    pub(super) out_of_range: Option<String>,
    pub(super) not_served: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawResource {
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
pub(super) struct RawIgnored {
    pub(super) name: String,
    /// Why the parameter may be left out; for readers of the file only.
    #[serde(rename = "why")]
    pub(super) _why: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInner {
    /// For readers of the file only.
    #[serde(rename = "why")]
    pub(super) _why: String,
    /// For readers of the file only.
    #[serde(rename = "sources")]
    pub(super) _sources: Vec<String>,
    /// Whole names.
    pub(super) names: Vec<String>,
    /// Prefixes of names.
    pub(super) prefixes: Vec<String>,
}

#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRefusal {
    pub(super) status: u16,
    pub(super) code: String,
    /// The fixed text for the row's `%s`. Without it, the reason for the refusal is used.
    pub(super) text: Option<String>,
}

/// Reads a map and refuses duplicate keys, which `serde_json` would accept.
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

pub(super) fn parse<T: serde::de::DeserializeOwned>(source: &Source) -> Result<T, Diagnostic> {
    serde_json::from_str(source.text()).map_err(|error| {
        let position = ram_policy::Position { line: error.line(), column: error.column() };
        let at = source.offset(position);
        let message = error.to_string();
        let title = message.split(" at line ").next().unwrap_or(&message).to_owned();
        source.error(at..at, title, "see the other files of the catalogue for the form")
    })
}

/// A diagnostic at the first occurrence of `word` in the file.
pub(super) fn place(source: &Source, word: &str, message: &str, help: &str) -> Diagnostic {
    let quoted = format!("\"{word}\"");
    let span = source.text().find(&quoted).map_or(0..0, |at| at..at + quoted.len());
    source.error(span, format!("`{word}` {message}"), help)
}
