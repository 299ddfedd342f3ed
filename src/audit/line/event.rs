//! One event: ActionTrail's fields, and in this program's lines also the gateway's (`docs/spec/ecs-eni.md` C.1, C.4).

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::decision::Decision;
use super::gateway::{CountedAttempts, Gateway};
use super::text::{Text, additional, displayed, mfa, ordered, parameters, parameters_map, text, time};

/// An event of this program's log, or of ActionTrail's. Every text in it may have been chosen by a caller.
///
/// `D` is the decision. The writer has it as JSON, because it appears in two lines; a reader gets it parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "D: Deserialize<'de>"))]
pub struct Event<'a, D = Decision<'a>> {
    /// The same in both lines about one attempt, and the request id of every answer that the gateway itself gives.
    #[serde(default, deserialize_with = "text")]
    pub event_id: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "text")]
    pub event_version: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "text")]
    pub event_category: Option<Cow<'a, str>>,
    /// `ApiCall`, `ConsoleOperation`, …
    #[serde(rename = "eventType", default, deserialize_with = "text")]
    pub kind: Option<Cow<'a, str>>,
    /// The operation, such as `AttachNetworkInterface`; empty if the call does not name one.
    #[serde(rename = "eventName")]
    pub name: Cow<'a, str>,
    /// `Read` or `Write`.
    #[serde(rename = "eventRW", default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub access: Option<Cow<'a, str>>,
    /// The product, such as `Ecs`.
    #[serde(rename = "serviceName", default, deserialize_with = "text")]
    pub service: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "text")]
    pub api_version: Option<Cow<'a, str>>,
    /// The host that the call was sent to.
    #[serde(rename = "eventSource", default, deserialize_with = "text")]
    pub host: Option<Cow<'a, str>>,
    #[serde(rename = "acsRegion", default, deserialize_with = "text")]
    pub region: Option<Cow<'a, str>>,
    #[serde(rename = "eventTime", serialize_with = "displayed", deserialize_with = "time")]
    pub time: Timestamp,
    /// The request id of the answer: the upstream's in a line of stage `Outcome`.
    #[serde(default, deserialize_with = "text")]
    pub request_id: Option<Cow<'a, str>>,
    /// An address, or the host name of one of the vendor's services.
    #[serde(rename = "sourceIpAddress", default, deserialize_with = "text")]
    pub source: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "text")]
    pub user_agent: Option<Cow<'a, str>>,
    /// The account that the event belongs to.
    #[serde(
        rename = "recipientAccountId",
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub account: Option<Cow<'a, str>>,
    #[serde(rename = "userIdentity", default)]
    pub user: UserIdentity<'a>,
    /// In the order in which they were sent; each text is truncated when it is written.
    #[serde(rename = "requestParameters", default, serialize_with = "parameters_map", deserialize_with = "parameters")]
    pub parameters: Cow<'a, [(String, String)]>,
    /// Written but not read: ActionTrail's content differs from operation to operation.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub response_elements: Option<ResponseElements<'a>>,
    /// Absent or empty on success.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub error_code: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub error_message: Option<Cow<'a, str>>,
    /// Types of resources, joined with `;`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<Cow<'a, str>>,
    /// For each type, the names of its resources, joined with `,`; the types are separated by `;`.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<Cow<'a, str>>,
    #[serde(
        rename = "referencedResources",
        default,
        serialize_with = "resource_lists",
        deserialize_with = "lists",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub referenced: Vec<Resource<'a>>,
    #[serde(rename = "additionalEventData", default, deserialize_with = "additional")]
    pub additional: Additional<'a, D>,
}

/// The fields of an event besides ActionTrail's common ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Additional<'a, D = Decision<'a>> {
    /// `http` or `https`.
    #[serde(rename = "Scheme", default, deserialize_with = "text")]
    pub scheme: Option<Cow<'a, str>>,
    /// Only in this program's lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway<'a, D>>,
}

/// The caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserIdentity<'a> {
    /// `root-account`, `ram-user`, `assumed-role`, `system`; `unknown` is this program's own.
    #[serde(rename = "type", deserialize_with = "text")]
    pub kind: Option<Cow<'a, str>>,
    /// `RoleID:SessionName` for a session.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<Cow<'a, str>>,
    /// The identity's account: for a session, the role's.
    #[serde(rename = "accountId", deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub account: Option<Cow<'a, str>>,
    /// Masked in this program's lines.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Cow<'a, str>>,
    /// `RoleName:SessionName` for a session.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub user_name: Option<Cow<'a, str>>,
    /// Whether the session was begun with MFA, if ActionTrail recorded it. Never written.
    #[serde(rename = "sessionContext", deserialize_with = "mfa", skip_serializing)]
    pub mfa: Option<bool>,
}

/// The recorded part of the answer to a successful call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResponseElements<'a> {
    #[serde(rename = "RequestId")]
    pub request_id: Cow<'a, str>,
}

/// A resource that a call was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource<'a> {
    /// Such as `ACS::ECS::Instance`; ActionTrail's old events have a short form, such as `VSwitch`.
    pub kind: Cow<'a, str>,
    /// The resource's id.
    pub name: Cow<'a, str>,
}

/// The error that the caller got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorAnswer<'a> {
    pub code: &'a str,
    pub message: Option<&'a str>,
}

impl<'a, D> Event<'a, D> {
    /// The fields that only this program's lines have.
    pub fn gateway(&self) -> Option<&Gateway<'a, D>> {
        self.additional.gateway.as_ref()
    }

    /// `http` or `https`.
    pub fn transport(&self) -> Option<&str> {
        self.additional.scheme.as_deref()
    }

    /// The error that the caller got; `None` on success.
    pub fn error(&self) -> Option<ErrorAnswer<'_>> {
        Some(ErrorAnswer { code: self.error_code.as_deref()?, message: self.error_message.as_deref() })
    }

    /// The first value of a request parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The resources that the call was about: those listed by type or, without such lists, those in the joined texts
    /// (`docs/spec/ecs-eni.md` C.1).
    pub fn resources(&self) -> Vec<Resource<'_>> {
        if !self.referenced.is_empty() {
            let all = self.referenced.iter();
            return all
                .map(|Resource { kind, name }| Resource { kind: (&**kind).into(), name: (&**name).into() })
                .collect();
        }
        let (Some(kinds), Some(names)) = (&self.resource_type, &self.resource_name) else { return Vec::new() };
        let of_kind = |(kind, names): (&'_ str, &'_ str)| {
            let resources =
                names.split(',').map(|name| Resource { kind: kind.to_owned().into(), name: name.to_owned().into() });
            resources.collect::<Vec<_>>()
        };
        kinds.split(';').zip(names.split(';')).flat_map(of_kind).collect()
    }

    /// The attempts that this line counts, which have no lines of their own.
    pub fn counted(&self) -> Option<&CountedAttempts<'a>> {
        self.gateway()?.counted.as_ref()
    }

    /// The source of the call, if it is an IP address.
    pub fn address(&self) -> Option<IpAddr> {
        self.source.as_deref()?.parse().ok()
    }
}

impl UserIdentity<'_> {
    /// The role and the session's name, if a session called.
    pub fn session(&self) -> Option<(&str, &str)> {
        let name = self.user_name.as_deref().filter(|_| self.kind.as_deref() == Some("assumed-role"))?;
        name.split_once(':')
    }

    /// `acs:ram::1234567890123456:user/alice`, `…:root`, `…:role/terway`: as policies name a caller. A session has its
    /// role's ARN. `None` if the caller is not a principal that a policy can name.
    pub fn arn(&self) -> Option<String> {
        let account = self.account.as_deref()?;
        let relative = match self.kind.as_deref()? {
            "root-account" => "root".to_owned(),
            "ram-user" => format!("user/{}", self.user_name.as_deref()?),
            "assumed-role" => {
                let name = self.user_name.as_deref()?;
                format!("role/{}", name.split_once(':').map_or(name, |(role, _)| role))
            }
            _ => return None,
        };
        Some(format!("acs:ram::{account}:{relative}"))
    }
}

impl<D> Default for Additional<'_, D> {
    fn default() -> Self {
        Self { scheme: None, gateway: None }
    }
}

/// Writes a list of names for each type. The types are in the order of their first occurrence.
fn resource_lists<S: Serializer>(resources: &[Resource<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (at, Resource { kind, .. }) in resources.iter().enumerate() {
        if !resources[..at].iter().any(|earlier| earlier.kind == *kind) {
            let of_kind = resources.iter().filter(|other| other.kind == *kind);
            map.serialize_entry(kind, &of_kind.map(|resource| &*resource.name).collect::<Vec<_>>())?;
        }
    }
    map.end()
}

/// Reads lists of names by type, in their order.
fn lists<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Resource<'a>>, D::Error> {
    let lists = ordered(deserializer, |value: &RawValue| {
        let names: Vec<Text> = serde_json::from_str(value.get()).ok()?;
        Some(names.into_iter().filter_map(|name| name.0).collect::<Vec<_>>())
    })?;
    let of_kind = |(kind, names): (String, Vec<String>)| {
        names.into_iter().map(move |name| Resource { kind: Cow::Owned(kind.clone()), name: Cow::Owned(name) })
    };
    Ok(lists.into_iter().flat_map(of_kind).collect())
}
