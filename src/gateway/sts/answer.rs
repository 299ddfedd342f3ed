//! What STS answers to a call that is done.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::audit::{Granted, Recorded};
use crate::identity::{Issued, VerifiedToken, format_timestamp};
use crate::ram::{Caller, KnownBy};
use ram_policy::{Identity, Principal};

/// What a new key's holder is told besides the key.
#[derive(Clone, Debug)]
pub(crate) struct GrantAnswer {
    pub(crate) operation: &'static str,
    pub(super) token: Option<TokenInfo>,
    /// RAM's numeric id of whom the key is for.
    pub(super) id: Option<Box<str>>,
}

/// `OIDCTokenInfo`: what was believed of the token.
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

/// The one place where a secret that was issued is written out.
pub(crate) fn granted_answer(recorded: &Recorded<Granted>, issued: &Issued, answer: &GrantAnswer) -> Value {
    let Granted { assumed, session, .. } = recorded.inner();
    let mut told = json!({
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
        told["OIDCTokenInfo"] = token.to_value();
    }
    told
}

/// RAM's numeric id, or, where the account file gives none, the name, with the session's behind it.
fn principal_id(principal: &Principal, id: Option<&str>, session: Option<&str>) -> String {
    let name = match principal.identity() {
        Identity::Root => principal.account().as_str(),
        Identity::User(name) | Identity::Role(name) => name,
    };
    let id = id.unwrap_or(name);
    session.map_or_else(|| id.to_owned(), |session| format!("{id}:{session}"))
}

/// What `GetCallerIdentity` says (`docs/spec/ram-policy.md` 3.2).
pub(super) fn caller_identity(caller: &Caller, id: Option<&str>) -> Value {
    let principal = &caller.principal;
    let session = match &caller.proof {
        KnownBy::Session(session) => Some(session.name.as_str()),
        KnownBy::AccessKey(_) | KnownBy::ClaimedKey(_) | KnownBy::Token { .. } | KnownBy::Certificate => None,
    };
    let account = principal.account().as_str();
    let mut told = Map::new();
    let mut tell = |name: &str, value: &str| told.insert(name.to_owned(), value.into());
    tell("AccountId", account);
    match principal.identity() {
        Identity::Root => {
            tell("IdentityType", "Account");
            tell("Arn", principal.arn());
            tell("UserId", account);
        }
        Identity::User(name) => {
            tell("IdentityType", "RAMUser");
            tell("Arn", principal.arn());
            tell("UserId", id.unwrap_or(name));
        }
        Identity::Role(name) => {
            tell("IdentityType", "AssumedRoleUser");
            let role = name.to_ascii_lowercase();
            let arn = format!("acs:ram::{account}:assumed-role/{role}/{}", session.unwrap_or(&role));
            tell("Arn", &arn);
            tell("RoleId", id.unwrap_or(name));
        }
    }
    tell("PrincipalId", &principal_id(principal, id, session));
    Value::Object(told)
}
