//! Whether the gateway can supply a condition key for the calls of an operation.

use std::sync::Arc;

use ram_policy::{Action, ContextKey, UnknownKeys};

use super::condition_key::{Class, ConditionKeys};
use super::contents::Catalog;
use super::operation::{Operation, RequestTags};

/// For which operations a key is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownScope<'a> {
    /// No operation has it, and no setting supplies it. `instead` names a supplied key with a similar meaning.
    EveryOperation { documented: bool, instead: Option<&'a str> },
    /// The setting `[resources]` supplies it, for operations with a file.
    OfResource,
    /// Operations with a file that set tags have it.
    RequestTag,
    /// Unknown for this operation; for others it may be known to be absent.
    ThisOperation,
}

/// Whether calls of one operation have a value for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySupply<'a> {
    /// The gateway always has a value.
    Always,
    /// The gateway knows for each call whether there is a value, and which.
    Sometimes,
    /// No call of the operation has a value; the text says why.
    Never(&'a str),
    /// RAM may have a value that the gateway cannot know; the text says why.
    Unknown(&'a str),
}

const LISTED: &str = "the vendor lists it for the operation, and the gateway does not derive it";
const NOT_LISTED: &str = "it belongs to other operations of ECS";
const NO_FILE: &str = "the gateway has no file for the operation";
const FILTER: &str = "the vendor does not document whether RAM sees the tags that a call filters by";
const NO_TAGS: &str = "the call passes no tags";
const NO_ROW: &str = "the vendor does not document it";

impl Catalog {
    /// The table of condition keys.
    pub fn condition_keys(&self) -> &ConditionKeys {
        &self.keys
    }

    /// The unknown keys of calls of an action. The parameters of a call may add to them: see [`Call::unknown_keys`].
    ///
    /// [`Call::unknown_keys`]: super::Call::unknown_keys
    pub fn unknown_keys(&self, action: &Action) -> Arc<UnknownKeys> {
        match self.operations().find(|operation| operation.action == *action) {
            Some(operation) => Arc::clone(&operation.unknown),
            None => Arc::new(self.keys.unknown_without_file(action.service())),
        }
    }

    /// The unknown keys of actions that the gateway itself performs, such as assuming a role.
    pub fn unknown_to_the_gateway(&self) -> UnknownKeys {
        self.keys.unknown_of(&[])
    }

    /// For which operations a key is unknown, given that it is unknown for some.
    pub fn unknown_scope<'a>(&'a self, key: &ContextKey) -> UnknownScope<'a> {
        let row = self.keys.find(key);
        match self.keys.class(key) {
            Class::OfResource => UnknownScope::OfResource,
            Class::RequestTags => UnknownScope::RequestTag,
            Class::ByOperation | Class::Absent => UnknownScope::ThisOperation,
            Class::Unknown | Class::Supplied => UnknownScope::EveryOperation {
                documented: row.is_some(),
                instead: row.and_then(|row| row.instead.as_deref()),
            },
        }
    }

    /// Whether calls of an operation have a value for a key.
    pub fn key_supply<'a>(&'a self, operation: &Operation, key: &ContextKey) -> KeySupply<'a> {
        let row = self.keys.find(key);
        let why = row.and_then(|row| row.why.as_deref());
        match self.keys.class(key) {
            Class::Supplied => KeySupply::Always,
            Class::OfResource if operation.listed => KeySupply::Sometimes,
            Class::OfResource => KeySupply::Unknown(NO_FILE),
            Class::RequestTags => match operation.tags {
                RequestTags::None => KeySupply::Never(NO_TAGS),
                RequestTags::Set => KeySupply::Sometimes,
                RequestTags::Filter => KeySupply::Unknown(FILTER),
                RequestTags::Unknown => KeySupply::Unknown(NO_FILE),
            },
            Class::ByOperation | Class::Absent if !operation.listed && operation.unknown.has(key) => {
                KeySupply::Unknown(NO_FILE)
            }
            Class::ByOperation if operation.unknown.has(key) => KeySupply::Unknown(LISTED),
            Class::ByOperation if row.is_some() => KeySupply::Never(NOT_LISTED),
            Class::ByOperation | Class::Absent => KeySupply::Never(why.unwrap_or(NO_ROW)),
            Class::Unknown => KeySupply::Unknown(why.unwrap_or(NO_ROW)),
        }
    }
}
