//! Gets a temporary key from a gateway in exchange for a credential of the workload.

use std::path::{Path, PathBuf};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Uri};
use serde_json::Value;

use crate::catalog::{ASSUME_ROLE, ASSUME_ROLE_WITH_CALLER_IDENTITY, ASSUME_ROLE_WITH_OIDC};
use crate::config::environment;
use crate::envelope::unique_id;
use crate::gateway::now;
use crate::identity::{Credential, Secret, SignedIdentity, canonical_query, format_timestamp, sign_v1};
use crate::ram::{Parameters, ParametersBuilder, Place};
use crate::store::read_bounded;

use super::super::exit::Failure;
use super::super::http_client;

const VERSION: &str = "2015-04-01";
/// The longest token that STS accepts, in characters.
const LONGEST_TOKEN: u64 = 20_000;

/// The credential that the workload presents.
pub(super) enum Presented {
    /// An OIDC token. The file is read for each request, because its issuer replaces it before the token expires.
    Token { file: PathBuf, provider: String },
    /// A key of the gateway's key ring.
    RingKey(Box<Credential>),
    /// A key of the real STS, from the environment. `audience` is the name that the gateway expects in the signature.
    CallerIdentity { audience: String },
}

/// The session that is requested.
pub(super) struct Session {
    pub(super) role: Option<String>,
    pub(super) name: String,
    pub(super) seconds: Option<u64>,
    pub(super) policy: Option<String>,
}

/// A temporary key that a gateway issued.
pub(super) struct Obtained {
    pub(super) access_key_id: String,
    pub(super) secret: Secret,
    pub(super) security_token: Secret,
    /// `yyyy-MM-ddTHH:mm:ssZ`
    pub(super) expiration: String,
}

/// Why no key was obtained.
pub(super) enum ObtainKeyError {
    /// The gateway refused the request, and will refuse it again until the cause is fixed.
    Refused(String),
    Failed(Failure),
}

impl From<Failure> for ObtainKeyError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Sends one request and reads the key from the answer.
pub(super) async fn obtain(
    endpoint: &str,
    presented: &Presented,
    session: &Session,
    tls: rustls::ClientConfig,
) -> Result<Obtained, ObtainKeyError> {
    let request = request(endpoint, presented, session)?;
    let answer = http_client::exchange(request, tls).await?;
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if !answer.status().is_success() {
        let text = |name: &str| body[name].as_str().unwrap_or_default().chars().take(500).collect::<String>();
        let (code, message, id) = (text("Code"), text("Message"), text("RequestId"));
        return Err(ObtainKeyError::Refused(format!("{} {code}: {message} (request {id})", answer.status().as_u16())));
    }
    let credentials = &body["Credentials"];
    let text = |name: &str| credentials[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let obtained = || {
        Some(Obtained {
            access_key_id: text("AccessKeyId")?,
            secret: Secret::new(text("AccessKeySecret")?),
            security_token: Secret::new(text("SecurityToken")?),
            expiration: text("Expiration")?,
        })
    };
    Ok(obtained().ok_or_else(|| {
        Failure::new(format!("the answer of `{endpoint}` has no key"), "name a gateway with `[identity.issuer]`")
    })?)
}

fn request(endpoint: &str, presented: &Presented, session: &Session) -> Result<Request<Full<Bytes>>, Failure> {
    let mut builder = ParametersBuilder::default();
    let mut put = |name: &str, value: &str, place: Place| builder.push(name, value, place);
    let (timestamp, nonce) = (format_timestamp(now()), unique_id());
    put("Format", "JSON", Place::Query);
    put("Version", VERSION, Place::Query);
    put("Timestamp", &timestamp, Place::Query);
    put("SignatureNonce", &nonce, Place::Query);
    if let Some(role) = &session.role {
        put("RoleArn", role, Place::Form);
    }
    put("RoleSessionName", &session.name, Place::Form);
    if let Some(seconds) = session.seconds {
        put("DurationSeconds", &seconds.to_string(), Place::Form);
    }
    if let Some(policy) = &session.policy {
        put("Policy", policy, Place::Form);
    }
    match presented {
        Presented::Token { file, provider } => {
            put("Action", ASSUME_ROLE_WITH_OIDC, Place::Query);
            put("OIDCProviderArn", provider, Place::Form);
            put("OIDCToken", &token(file)?, Place::Form);
        }
        Presented::CallerIdentity { audience } => {
            put("Action", ASSUME_ROLE_WITH_CALLER_IDENTITY, Place::Query);
            put("CallerIdentity", &caller_identity(audience, timestamp.clone())?, Place::Form);
        }
        Presented::RingKey(credential) => {
            put("Action", ASSUME_ROLE, Place::Query);
            put("AccessKeyId", credential.id().as_str(), Place::Query);
            put("SignatureMethod", "HMAC-SHA1", Place::Query);
            put("SignatureVersion", "1.0", Place::Query);
        }
    }
    let parameters = builder
        .finish()
        .map_err(|repeated| Failure::new(repeated.to_string(), "this is a bug in ramgate: report it"))?;
    let mut query = part(&parameters, Place::Query);
    if let Presented::RingKey(credential) = presented {
        let signed = sign_v1(crate::wire::Method::Post, &parameters, credential);
        query.push_str("&Signature=");
        query.push_str(&crate::wire::percent_encoded(&signed.signature));
    }
    let uri = format!("{}/?{query}", endpoint.trim_end_matches('/')).parse::<Uri>();
    let uri = uri.map_err(|error| {
        Failure::new(format!("`{endpoint}` is not a valid endpoint: {error}"), "write `https://HOST[:PORT]`")
    })?;
    let mut request = Request::new(Full::from(part(&parameters, Place::Form)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, form);
    Ok(request)
}

fn part(parameters: &Parameters, place: Place) -> String {
    canonical_query(parameters.iter().filter(|parameter| parameter.place == place)).to_string()
}

fn token(file: &Path) -> Result<String, Failure> {
    let help = "name the file that holds the projected token with `--oidc-token-file`";
    let bytes = read_bounded(file, LONGEST_TOKEN)
        .map_err(|error| Failure::new(format!("`{}` cannot be read: {error}", file.display()), help))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let token = text.trim();
    if token.is_empty() {
        return Err(Failure::new(format!("`{}` contains no token", file.display()), help));
    }
    Ok(token.to_owned())
}

fn caller_identity(audience: &str, date: String) -> Result<String, Failure> {
    const HELP: &str =
        "set ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and ALIBABA_CLOUD_SECURITY_TOKEN";
    let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
    let id = variable("ALIBABA_CLOUD_ACCESS_KEY_ID").and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| Failure::new("ALIBABA_CLOUD_ACCESS_KEY_ID is not set to a valid key id", HELP))?;
    let secret = variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    let secret = secret.ok_or_else(|| Failure::new("the key of the real STS has no secret", HELP))?;
    let token = variable("ALIBABA_CLOUD_SECURITY_TOKEN").map(Secret::new);
    Ok(SignedIdentity::sign(id, &Secret::new(secret), token, date, audience).to_text())
}
