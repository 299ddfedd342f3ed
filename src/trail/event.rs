//! One call, as a log tells it: ActionTrail's fields, and ours where the line is ours (`spec/ecs-eni.md` C.1, C.4).

use std::net::IpAddr;

use jiff::Timestamp;

use super::gateway::{CountedAttempts, Gateway};
use super::resource::Resource;

/// An event of our log or of ActionTrail's. Every text in it may have been chosen by a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub time: Timestamp,
    /// `ApiCall`, `ConsoleOperation`, …
    pub kind: Option<String>,
    /// The operation, `AttachNetworkInterface`; empty where a call named none.
    pub name: String,
    /// `Read` or `Write`
    pub access: Option<String>,
    /// The product, `Ecs`.
    pub service: Option<String>,
    pub api_version: Option<String>,
    pub region: Option<String>,
    /// The host that was called.
    pub host: Option<String>,
    /// Of the answer: the upstream's in a line of ours that tells an outcome.
    pub request_id: Option<String>,
    /// In both lines of ours about one attempt; the request id of every answer that is ours.
    pub event_id: Option<String>,
    /// An address, or the host name of a service of the vendor's.
    pub source: Option<String>,
    pub user_agent: Option<String>,
    /// `http` or `https`
    pub transport: Option<String>,
    /// The account the event belongs to.
    pub account: Option<String>,
    pub vpc: Option<String>,
    pub user: UserIdentity,
    /// In the order in which they stand.
    pub parameters: Vec<(String, String)>,
    /// Absent on success.
    pub error: Option<ErrorAnswer>,
    pub resources: Vec<Resource>,
    /// Only in lines of ours.
    pub gateway: Option<Gateway>,
}

/// Who called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserIdentity {
    /// `root-account`, `ram-user`, `assumed-role`, `system`; `unknown` is ours.
    pub kind: Option<String>,
    /// That of the identity: the role's, for a session.
    pub account: Option<String>,
    /// `RoleID:SessionName` for a session.
    pub principal_id: Option<String>,
    /// `RoleName:SessionName` for a session.
    pub user_name: Option<String>,
    /// Masked in our lines.
    pub access_key_id: Option<String>,
    /// A session's attribute, where it is said.
    pub mfa: Option<bool>,
}

/// What the caller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorAnswer {
    pub code: String,
    pub message: Option<String>,
}

impl Event {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Attempts that the line stands for, which have no lines of their own.
    pub fn counted(&self) -> Option<&CountedAttempts> {
        self.gateway.as_ref()?.counted.as_ref()
    }

    /// Where the call came from, when that is an address.
    pub fn address(&self) -> Option<IpAddr> {
        self.source.as_deref()?.parse().ok()
    }
}

impl UserIdentity {
    /// The role and the session's name, where a session called.
    pub fn session(&self) -> Option<(&str, &str)> {
        let name = self.user_name.as_deref().filter(|_| self.kind.as_deref() == Some("assumed-role"))?;
        name.split_once(':')
    }

    /// `acs:ram::1234567890123456:user/alice`, `…:root`, `…:role/terway` as policies and this program name a caller;
    /// a session is its role's. None for whoever has no such name.
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
