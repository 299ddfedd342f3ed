//! Condition keys: which the gateway supplies for an operation, which are absent, and which it cannot know.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ram::{Action, ContextKey, KeyType, UnknownKeys};
use crate::source::{Complaint, Source};

use super::access::Access;
use super::load::{Catalog, parse, place};
use super::operation::Operation;

/// The table of condition keys.
#[derive(Clone, Debug, Default)]
pub struct ConditionKeys {
    keys: Vec<ConditionKey>,
    /// What a key is that has no row, by its service.
    services: BTreeMap<String, Class>,
}

/// A documented condition key.
#[derive(Clone, Debug)]
pub struct ConditionKey {
    /// As it is spelled, without a tag key.
    pub name: String,
    pub value_type: KeyType,
    /// Whether a tag key follows the name.
    pub tagged: bool,
    class: Class,
    why: Option<String>,
    instead: Option<String>,
}

/// Where a key that is unknown for an operation can be had, if it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack<'a> {
    /// For no operation, whatever is set; and what tells something similar.
    Everywhere { documented: bool, instead: Option<&'a str> },
    /// `[resources]` supplies it for operations with a file.
    OfResource,
    /// Operations with a file that set tags supply it.
    RequestTag,
    /// For this operation; others may never have it.
    Here,
}

/// What calls of one operation have for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried<'a> {
    /// The gateway always has a value.
    Always,
    /// The gateway knows whether there is a value, and which.
    Sometimes,
    /// No call of the operation has a value, and why.
    Never(&'a str),
    /// The vendor may supply a value, and the gateway cannot; and why.
    Unknown(&'a str),
}

/// Where an operation stands with the tags of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestTags {
    /// It takes none.
    None,
    /// `Tag.N.Key` and `Tag.N.Value` are set on what it makes or changes.
    Set,
    /// They filter what is listed. The vendor does not document whether RAM treats them as request tags.
    Filter,
    /// The operation has no file.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    Supplied,
    OfResource,
    RequestTags,
    Absent,
    /// Unknown where the vendor's row of an operation lists the key, or the operation has no file; else absent.
    ByOperation,
    Unknown,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKeys {
    schema: u32,
    sources: BTreeMap<String, String>,
    services: BTreeMap<String, Class>,
    keys: Vec<WrittenKey>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    name: String,
    /// Whether a tag key follows: `acs:ResourceTag/<tag key>`.
    #[serde(default)]
    tag: bool,
    #[serde(rename = "type")]
    value_type: WrittenType,
    class: Class,
    /// Why no call has it, or why the gateway cannot know it.
    why: Option<String>,
    /// What tells something similar, and is supplied.
    instead: Option<String>,
    /// Which of the sources says so.
    source: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenType {
    Text,
    Address,
    Date,
    Boolean,
}

const LISTED: &str = "the vendor lists it for the operation, and the gateway does not work it out";
const NOT_LISTED: &str = "it belongs to other operations of ECS";
const NO_FILE: &str = "the gateway has no file of the operation";
const FILTER: &str = "whether RAM sees the tags that a call lists by is documented nowhere";
const NO_TAGS: &str = "the call passes no tags";
const NO_ROW: &str = "it is documented nowhere";

impl ConditionKeys {
    /// Reads the table, and refuses what contradicts itself.
    pub(super) fn read(source: &Source) -> Result<Self, Vec<Complaint>> {
        let written: WrittenKeys = parse(source).map_err(|complaint| vec![complaint])?;
        let mut complaints = Vec::new();
        let mut complain = |word: &str, message: &str, help: &str| complaints.push(place(source, word, message, help));
        if written.schema != 1 {
            complain("schema", &format!("is {}", written.schema), "this program reads schema 1");
        }
        let mut table = Self { keys: Vec::new(), services: written.services };
        for key in written.keys {
            let name = key.name.as_str();
            let parsed: Option<ContextKey> = if key.tag { format!("{name}/x") } else { name.to_owned() }.parse().ok();
            let service = name.split_once(':').map_or("", |(service, _)| service);
            let by_operation = table.services.get(service) == Some(&Class::ByOperation);
            if parsed.is_none() {
                complain(name, "is not a condition key", "write `<service>:<name>`");
            }
            if table.keys.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
                complain(name, "is given twice", "keep one of the two rows");
            }
            if !written.sources.contains_key(&key.source) {
                complain(name, "names a source that is not in `sources`", "add the source, or correct its name");
            }
            if by_operation != (key.class == Class::ByOperation) {
                let message = "is classed otherwise than the keys of its service";
                complain(
                    name,
                    message,
                    "use `by-operation` for a service whose keys the operations list, and only there",
                );
            }
            if matches!(key.class, Class::Absent | Class::Unknown) != key.why.is_some() {
                complain(
                    name,
                    "lacks a reason, or needs none",
                    "give `why` to an absent or unknown key, and only there",
                );
            }
            if key.instead.is_some() && key.class != Class::Unknown {
                complain(
                    name,
                    "is supplied or absent, and something is named instead",
                    "give `instead` to an unknown key only",
                );
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
        if complaints.is_empty() { Ok(table) } else { Err(complaints) }
    }

    /// The row of a key; `None` if the key is not documented.
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

    /// What is unknown for an operation that lists these keys.
    pub(super) fn unknown_of(&self, listed: &[String]) -> UnknownKeys {
        UnknownKeys::new(self.unknown_services(), listed.iter().map(String::as_str))
    }

    /// What is unknown for an operation of a service that has no file.
    pub(super) fn unknown_without_file(&self, service: &str) -> UnknownKeys {
        let by_operation = self.services.iter().filter(|(_, class)| **class == Class::ByOperation);
        let services =
            self.unknown_services().chain(by_operation.map(|(service, _)| service.as_str())).chain([service]);
        with_request_tags(UnknownKeys::new(services, []))
    }

    fn class(&self, key: &ContextKey) -> Class {
        let of_service = || {
            let text = key.to_string().to_ascii_lowercase();
            let service = text.split_once(':').map_or("", |(service, _)| service);
            self.services.get(service).copied().unwrap_or(Class::Absent)
        };
        self.find(key).map_or_else(of_service, |known| known.class)
    }
}

/// With the tags of the request unknown too.
pub(super) fn with_request_tags(unknown: UnknownKeys) -> UnknownKeys {
    unknown.with(&ContextKey::request_tag("")).with(&ContextKey::TagKeys)
}

impl RequestTags {
    pub(super) fn of<'n>(access: Access, mut parameters: impl Iterator<Item = &'n str>) -> Self {
        match (parameters.any(|name| name == "Tag.N.Key"), access) {
            (false, _) => Self::None,
            (true, Access::Write) => Self::Set,
            (true, Access::Read | Access::List) => Self::Filter,
        }
    }
}

impl Catalog {
    pub fn condition_keys(&self) -> &ConditionKeys {
        &self.keys
    }

    /// What is unknown for calls of an action, as far as the action alone tells.
    pub fn unknown_keys(&self, action: &Action) -> Arc<UnknownKeys> {
        match self.operations().find(|operation| operation.action == *action) {
            Some(operation) => Arc::clone(&operation.unknown),
            None => Arc::new(self.keys.unknown_without_file(action.service())),
        }
    }

    /// What is unknown where the gateway itself takes the vendor's place, as it does when a role is assumed.
    pub fn unknown_to_the_gateway(&self) -> UnknownKeys {
        self.keys.unknown_of(&[])
    }

    /// Where a key can be had that is unknown for an operation.
    pub fn lack<'a>(&'a self, key: &ContextKey) -> Lack<'a> {
        let row = self.keys.find(key);
        match self.keys.class(key) {
            Class::OfResource => Lack::OfResource,
            Class::RequestTags => Lack::RequestTag,
            Class::ByOperation | Class::Absent => Lack::Here,
            Class::Unknown | Class::Supplied => {
                Lack::Everywhere { documented: row.is_some(), instead: row.and_then(|row| row.instead.as_deref()) }
            }
        }
    }

    /// What calls of an operation have for a key.
    pub fn carried<'a>(&'a self, operation: &Operation, key: &ContextKey) -> Carried<'a> {
        let row = self.keys.find(key);
        let why = row.and_then(|row| row.why.as_deref());
        match self.keys.class(key) {
            Class::Supplied => Carried::Always,
            Class::OfResource if operation.listed => Carried::Sometimes,
            Class::OfResource => Carried::Unknown(NO_FILE),
            Class::RequestTags => match operation.tags {
                RequestTags::None => Carried::Never(NO_TAGS),
                RequestTags::Set => Carried::Sometimes,
                RequestTags::Filter => Carried::Unknown(FILTER),
                RequestTags::Unknown => Carried::Unknown(NO_FILE),
            },
            Class::ByOperation | Class::Absent if !operation.listed && operation.unknown.has(key) => {
                Carried::Unknown(NO_FILE)
            }
            Class::ByOperation if operation.unknown.has(key) => Carried::Unknown(LISTED),
            Class::ByOperation if row.is_some() => Carried::Never(NOT_LISTED),
            Class::ByOperation | Class::Absent => Carried::Never(why.unwrap_or(NO_ROW)),
            Class::Unknown => Carried::Unknown(why.unwrap_or(NO_ROW)),
        }
    }
}

impl From<WrittenType> for KeyType {
    fn from(written: WrittenType) -> Self {
        match written {
            WrittenType::Text => Self::Text,
            WrittenType::Address => Self::Address,
            WrittenType::Date => Self::Time,
            WrittenType::Boolean => Self::Boolean,
        }
    }
}
