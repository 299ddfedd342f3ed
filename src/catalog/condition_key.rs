//! Condition keys: which the gateway supplies for an operation, which are absent, and which it cannot know.

use std::collections::BTreeMap;

use ram_policy::{ContextKey, Diagnostic, KeyType, Source, UnknownKeys};

use super::raw::{parse, place};

/// The table of condition keys.
#[derive(Clone, Debug, Default)]
pub struct ConditionKeys {
    keys: Vec<ConditionKey>,
    /// The class of a key without a row, by its service.
    services: BTreeMap<String, Class>,
}

/// A documented condition key.
#[derive(Clone, Debug)]
pub struct ConditionKey {
    /// The documented spelling, without a tag key.
    pub name: String,
    pub value_type: KeyType,
    /// Whether a tag key follows the name.
    pub tagged: bool,
    class: Class,
    pub(super) why: Option<String>,
    pub(super) instead: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Class {
    Supplied,
    OfResource,
    RequestTags,
    Absent,
    /// Unknown if the operation's row lists the key or the operation has no file; otherwise absent.
    ByOperation,
    Unknown,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeys {
    schema: u32,
    sources: BTreeMap<String, String>,
    services: BTreeMap<String, Class>,
    keys: Vec<RawKey>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    name: String,
    /// Whether a tag key follows: `acs:ResourceTag/<tag key>`.
    #[serde(default)]
    tag: bool,
    #[serde(rename = "type")]
    value_type: RawType,
    class: Class,
    /// Why no call carries the key, or why the gateway cannot know its value.
    why: Option<String>,
    /// A supplied key that can be used in its place.
    instead: Option<String>,
    /// The name of the source that documents it.
    source: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawType {
    Text,
    Address,
    Date,
    Boolean,
}

impl ConditionKeys {
    /// Reads the table and refuses contradictory rows.
    pub(super) fn read(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let raw: RawKeys = parse(source).map_err(|diagnostic| vec![diagnostic])?;
        let mut diagnostics = Vec::new();
        let mut report = |word: &str, message: &str, help: &str| diagnostics.push(place(source, word, message, help));
        if raw.schema != 1 {
            report("schema", &format!("is {}", raw.schema), "this program reads schema 1");
        }
        let mut table = Self { keys: Vec::new(), services: raw.services };
        for key in raw.keys {
            let name = key.name.as_str();
            let parsed: Option<ContextKey> = if key.tag { format!("{name}/x") } else { name.to_owned() }.parse().ok();
            let service = name.split_once(':').map_or("", |(service, _)| service);
            let by_operation = table.services.get(service) == Some(&Class::ByOperation);
            if parsed.is_none() {
                report(name, "is not a condition key", "write `<service>:<name>`");
            }
            if table.keys.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
                report(name, "is given twice", "keep one of the two rows");
            }
            if !raw.sources.contains_key(&key.source) {
                report(name, "names a source that is not in `sources`", "add the source, or correct its name");
            }
            if by_operation != (key.class == Class::ByOperation) {
                let message = "has a class that contradicts the class of its service";
                report(
                    name,
                    message,
                    "use `by-operation` for a service whose keys the operations list, and only there",
                );
            }
            if matches!(key.class, Class::Absent | Class::Unknown) != key.why.is_some() {
                report(
                    name,
                    "has no reason although its class needs one, or has one it does not need",
                    "give `why` to an absent or unknown key, and only there",
                );
            }
            if key.instead.is_some() && key.class != Class::Unknown {
                report(name, "has `instead`, but its class is not `unknown`", "give `instead` to an unknown key only");
            }
            table.keys.push(ConditionKey {
                name: key.name,
                value_type: key.value_type.into(),
                tagged: key.tag,
                class: key.class,
                why: key.why,
                instead: key.instead,
            });
        }
        if diagnostics.is_empty() { Ok(table) } else { Err(diagnostics) }
    }

    /// The row of a key, or `None` if the key is not documented.
    pub fn find(&self, key: &ContextKey) -> Option<&ConditionKey> {
        let text = key.to_string();
        let (name, tagged) = text.split_once('/').map_or((text.as_str(), false), |(name, _)| (name, true));
        self.keys.iter().find(|known| known.tagged == tagged && known.name.eq_ignore_ascii_case(name))
    }

    /// Whether an operation may list a key of this name.
    pub(super) fn may_list(&self, name: &str) -> bool {
        self.keys.iter().any(|known| known.name == name && known.class == Class::ByOperation)
    }

    /// Services whose keys are unknown for every operation.
    fn unknown_services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().filter(|(_, class)| **class == Class::Unknown).map(|(service, _)| service.as_str())
    }

    /// The unknown keys of an operation that lists `listed`.
    pub(super) fn unknown_of(&self, listed: &[String]) -> UnknownKeys {
        UnknownKeys::new(self.unknown_services(), listed.iter().map(String::as_str))
    }

    /// The unknown keys of an operation without a file.
    pub(super) fn unknown_without_file(&self, service: &str) -> UnknownKeys {
        let by_operation = self.services.iter().filter(|(_, class)| **class == Class::ByOperation);
        let services =
            self.unknown_services().chain(by_operation.map(|(service, _)| service.as_str())).chain([service]);
        with_request_tags(UnknownKeys::new(services, []))
    }

    pub(super) fn class(&self, key: &ContextKey) -> Class {
        let of_service = || {
            let text = key.to_string().to_ascii_lowercase();
            let service = text.split_once(':').map_or("", |(service, _)| service);
            self.services.get(service).copied().unwrap_or(Class::Absent)
        };
        self.find(key).map_or_else(of_service, |known| known.class)
    }
}

/// Adds the tags of the request to the unknown keys.
pub(super) fn with_request_tags(unknown: UnknownKeys) -> UnknownKeys {
    unknown.with(&ContextKey::request_tag("")).with(&ContextKey::TagKeys)
}

impl From<RawType> for KeyType {
    fn from(raw: RawType) -> Self {
        match raw {
            RawType::Text => Self::Text,
            RawType::Address => Self::Address,
            RawType::Date => Self::Time,
            RawType::Boolean => Self::Boolean,
        }
    }
}
