//! The answers of STS to successful calls.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::audit::{Granted, Recorded};
use crate::identity::{Issued, VerifiedToken, format_timestamp};
use crate::ram::{Caller, KnownBy};
use ram_policy::{Identity, Principal};

/// The parts of an answer besides the new key and its session.
#[derive(Clone, Debug)]
pub(crate) struct GrantAnswer {
    pub(crate) operation: &'static str,
    pub(super) token: Option<TokenInfo>,
    /// RAM's numeric id of the principal that the key is for.
    pub(super) id: Option<Box<str>>,
}

/// `OIDCTokenInfo`: the verified contents of the token.
#[derive(Clone, Debug)]
pub(super) struct TokenInfo {
    issuer: String,
    subject: String,
    audiences: String,
    expires: Timestamp,
    issued: Option<Timestamp>,
}

impl TokenInfo {
    pub(super) fn new(token: &VerifiedToken) -> Self {
        Self {
            issuer: token.issuer.to_string(),
            subject: token.subject.clone(),
            audiences: token.audiences.join(","),
            expires: token.expires,
            issued: token.issued,
        }
    }

    fn to_value(&self) -> Value {
        let mut info = json!({
            "Issuer": self.issuer,
            "Subject": self.subject,
            "ClientIds": self.audiences,
            "ExpirationTime": format_timestamp(self.expires),
            "VerificationInfo": "Success",
        });
        if let Some(issued) = self.issued {
            info["IssuanceTime"] = format_timestamp(issued).into();
        }
        info
    }
}

/// The answer that hands a new key to its holder.
pub(crate) fn granted_answer(recorded: &Recorded<Granted>, issued: &Issued, answer: &GrantAnswer) -> Value {
    let Granted { assumed, session, .. } = recorded.inner();
    let mut answered = json!({
        "Credentials": {
            "AccessKeyId": issued.access_key_id.as_str(),
            "AccessKeySecret": issued.secret.expose(),
            "SecurityToken": issued.security_token.expose(),
            "Expiration": format_timestamp(issued.expires),
        },
        "AssumedRoleUser": {
            "Arn": format!("{}/{}", assumed.principal().arn(), session.name),
            "AssumedRoleId": principal_id(assumed.principal(), answer.id.as_deref(), Some(session.name.as_str())),
        },
    });
    if let Some(token) = &answer.token {
        answered["OIDCTokenInfo"] = token.to_value();
    }
    answered
}

/// RAM's numeric id of a principal, followed by the session's name. The principal's name is used if the account file
/// does not give its id.
fn principal_id(principal: &Principal, id: Option<&str>, session: Option<&str>) -> String {
    let name = match principal.identity() {
        Identity::Root => principal.account().as_str(),
        Identity::User(name) | Identity::Role(name) => name,
    };
    let id = id.unwrap_or(name);
    session.map_or_else(|| id.to_owned(), |session| format!("{id}:{session}"))
}

/// The answer to `GetCallerIdentity` (`docs/spec/ram-policy.md` 3.2).
pub(super) fn caller_identity(caller: &Caller, id: Option<&str>) -> Value {
    let principal = &caller.principal;
    let session = match &caller.proof {
        KnownBy::Session(session) => Some(session.name.as_str()),
        KnownBy::AccessKey(_) | KnownBy::ClaimedKey(_) | KnownBy::Token { .. } | KnownBy::Certificate => None,
    };
    let account = principal.account().as_str();
    let mut fields = Map::new();
    let mut add = |name: &str, value: &str| fields.insert(name.to_owned(), value.into());
    add("AccountId", account);
    match principal.identity() {
        Identity::Root => {
            add("IdentityType", "Account");
            add("Arn", principal.arn());
            add("UserId", account);
        }
        Identity::User(name) => {
            add("IdentityType", "RAMUser");
            add("Arn", principal.arn());
            add("UserId", id.unwrap_or(name));
        }
        Identity::Role(name) => {
            add("IdentityType", "AssumedRoleUser");
            let role = name.to_ascii_lowercase();
            let arn = format!("acs:ram::{account}:assumed-role/{role}/{}", session.unwrap_or(&role));
            add("Arn", &arn);
            add("RoleId", id.unwrap_or(name));
        }
    }
    add("PrincipalId", &principal_id(principal, id, session));
    Value::Object(fields)
}
