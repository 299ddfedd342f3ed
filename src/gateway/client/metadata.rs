//! The metadata service of an ECS instance: the temporary key of the instance's RAM role.
//!
//! It is read in hardened mode only: a PUT returns a token, and the key is returned only for that token. An attacker
//! who makes another program send requests can rarely make it send a PUT.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::http::request::Builder;
use hyper::{Request, StatusCode};
use jiff::Timestamp;

use crate::config::InstanceRoleSettings;
use crate::identity::{Secret, parse_timestamp};
use crate::ram::AccessKeyId;
use crate::wire::excerpt;

use super::http::{Document, ask};

/// Each token is used once, immediately. Its lifetime only has to allow for a slow answer.
const TOKEN_SECONDS: &str = "60";
const TTL: &str = "x-aliyun-ecs-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aliyun-ecs-metadata-token";
/// In bytes: longer than any token of the service or of STS.
const LONGEST_TOKEN: usize = 8 << 10;
const LONGEST_SECRET: usize = 1 << 10;

/// A key as the service returns it.
#[derive(Debug)]
pub(crate) struct GivenKey {
    pub(crate) id: AccessKeyId,
    pub(crate) secret: Secret,
    pub(crate) security_token: Secret,
    pub(crate) expires: Timestamp,
}

/// Why there is no key. Messages quote only the status and code of an answer, because the rest may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    #[error("the metadata service at `{url}` did not answer: {why}")]
    Unreachable { url: String, why: String },
    #[error("the metadata service at `{url}` did not return a token: it answered {status}")]
    NoToken { url: String, status: u16 },
    #[error("the metadata service does not know the RAM role `{role}` for this instance")]
    NoRole { role: String },
    #[error("the metadata service did not return a key of the role `{role}`: it answered {answer}")]
    NoKey { role: String, answer: String },
    #[error("the metadata service's answer for the role `{role}` is not a valid key: {why}")]
    Malformed { role: String, why: &'static str },
    #[error("the key that the metadata service returned for the role `{role}` expired at {expired}")]
    Expired { role: String, expired: Timestamp },
}

impl MetadataError {
    /// What the operator can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "run the gateway on an ECS instance, or correct `metadata_url`",
            Self::NoToken { .. } => {
                "only the hardened mode of instance metadata is used: allow it for this instance (`HttpEndpoint` \
                 `enabled`, best with `HttpTokens` `required`)"
            }
            Self::NoRole { .. } => "attach the role to the instance, or correct `instance_role`",
            Self::NoKey { .. } | Self::Malformed { .. } => "check the role of the instance, or use another kind of key",
            Self::Expired { .. } => "check the instance's clock, or wait until the service has a new key",
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: Option<String>,
    access_key_id: Option<String>,
    access_key_secret: Option<String>,
    security_token: Option<String>,
    expiration: Option<String>,
}

/// Requests a token, and then the key with that token.
pub(crate) async fn read_role_key(
    settings: &InstanceRoleSettings,
    tls: &rustls::ClientConfig,
) -> Result<GivenKey, MetadataError> {
    let InstanceRoleSettings { role, metadata_url: url } = settings;
    let send = async |request: Builder| {
        let unreachable = |why| MetadataError::Unreachable { url: url.clone(), why };
        let request = request.body(Empty::<Bytes>::new()).map_err(|error| unreachable(error.to_string()))?;
        ask(request, tls.clone()).await.map_err(unreachable)
    };
    let Document { status, bytes } =
        send(Request::put(format!("{url}/latest/api/token")).header(TTL, TOKEN_SECONDS)).await?;
    let token = Some(bytes).filter(|bytes| status == StatusCode::OK && (1..=LONGEST_TOKEN).contains(&bytes.len()));
    let token = token.and_then(|bytes| HeaderValue::from_maybe_shared(bytes).ok());
    let mut token = token.ok_or_else(|| MetadataError::NoToken { url: url.clone(), status: status.as_u16() })?;
    token.set_sensitive(true);

    let place = format!("{url}/latest/meta-data/ram/security-credentials/{role}");
    let Document { status, bytes } = send(Request::get(place).header(TOKEN, token)).await?;
    match status {
        StatusCode::OK => given_key(role, &bytes),
        StatusCode::NOT_FOUND => Err(MetadataError::NoRole { role: role.clone() }),
        other => Err(MetadataError::NoKey { role: role.clone(), answer: other.as_u16().to_string() }),
    }
}

fn given_key(role: &str, bytes: &[u8]) -> Result<GivenKey, MetadataError> {
    let malformed = |why| MetadataError::Malformed { role: role.to_owned(), why };
    let answer: Answer = serde_json::from_slice(bytes).map_err(|_| malformed("it is not JSON of the expected form"))?;
    if let Some(code) = answer.code.filter(|code| code != "Success") {
        return Err(MetadataError::NoKey { role: role.to_owned(), answer: format!("`{}`", excerpt(code)) });
    }
    let id = answer.access_key_id.and_then(|id| id.parse().ok());
    let fits_a_header = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let given = |secret: Option<String>, longest| {
        secret.map(Secret::new).filter(|it| (1..=longest).contains(&it.expose().len()) && fits_a_header(it.expose()))
    };
    let expires = answer.expiration.as_deref().and_then(parse_timestamp);
    Ok(GivenKey {
        id: id.ok_or_else(|| malformed("it has no valid `AccessKeyId`"))?,
        secret: given(answer.access_key_secret, LONGEST_SECRET)
            .ok_or_else(|| malformed("it has no valid `AccessKeySecret`"))?,
        security_token: given(answer.security_token, LONGEST_TOKEN)
            .ok_or_else(|| malformed("it has no valid `SecurityToken`"))?,
        expires: expires.ok_or_else(|| malformed("it has no valid `Expiration`"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(change: &[(&str, Option<&str>)]) -> String {
        let mut fields = serde_json::json!({
            "Code": "Success",
            "AccessKeyId": "STS.one",
            "AccessKeySecret": "hunter2",
            "SecurityToken": "CAIS/tok+en==",
            "Expiration": "2026-01-01T06:00:00Z",
            "LastUpdated": "2026-01-01T00:00:00Z",
        });
        for (name, value) in change {
            fields[name] = (*value).into();
        }
        fields.to_string()
    }

    #[test]
    fn a_key_needs_all_of_its_parts() {
        let key = given_key("r", answer(&[]).as_bytes()).unwrap();
        assert_eq!((key.id.as_str(), key.secret.expose()), ("STS.one", "hunter2"));
        assert_eq!(key.security_token.expose(), "CAIS/tok+en==");
        assert_eq!(Some(key.expires), parse_timestamp("2026-01-01T06:00:00Z"));
        assert!(given_key("r", answer(&[("Code", None)]).as_bytes()).is_ok());
        for (name, value) in [
            ("AccessKeyId", None),
            ("AccessKeyId", Some("hunter2 with a space")),
            ("AccessKeySecret", None),
            ("AccessKeySecret", Some("")),
            ("SecurityToken", None),
            ("SecurityToken", Some("hunter2\r\nx-acs-action: Other")),
            ("SecurityToken", Some("hunter2\u{e9}")),
            ("Expiration", None),
            ("Expiration", Some("tomorrow")),
        ] {
            let error = given_key("r", answer(&[(name, value)]).as_bytes()).unwrap_err();
            let expected =
                format!("the metadata service's answer for the role `r` is not a valid key: it has no valid `{name}`");
            assert_eq!(error.to_string(), expected, "{value:?}");
        }
        let long = "x".repeat(LONGEST_TOKEN + 1);
        assert!(given_key("r", answer(&[("SecurityToken", Some(&long))]).as_bytes()).is_err());
    }

    #[test]
    fn a_malformed_answer_is_not_quoted() {
        for text in ["", "hunter2", "{\"AccessKeySecret\": [\"hunter2\"]}", "{\"Expiration\": {\"hunter2\": 1}}"] {
            let error = given_key("r", text.as_bytes()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        let failed = given_key("r", answer(&[("Code", Some("Failed"))]).as_bytes()).unwrap_err();
        assert_eq!(
            failed.to_string(),
            "the metadata service did not return a key of the role `r`: it answered `Failed`"
        );
    }
}
