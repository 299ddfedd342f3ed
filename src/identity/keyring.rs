//! The keys that callers sign with, and their principals.

use std::collections::HashMap;
use std::path::PathBuf;

use aws_lc_rs::hmac;
use toml::Spanned;

use crate::ram::AccessKeyId;
use ram_policy::{Diagnostic, Principal, PrincipalName, Source};

use super::secret::Secret;

/// Keys by id.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: HashMap<String, Credential>,
    without_secret: HashMap<String, KnownKey>,
}

/// One key, ready to sign and to verify.
#[derive(Clone, Debug)]
pub struct Credential {
    id: AccessKeyId,
    principal: Principal,
    status: KeyStatus,
    v1: hmac::Key,
    v3: hmac::Key,
    security_token: Option<Secret>,
}

/// A key whose principal is known but whose secret is not, so that its signatures cannot be verified here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownKey {
    pub id: AccessKeyId,
    /// The principal that calls with the key claim to be.
    pub principal: Principal,
    pub status: KeyStatus,
}

/// How to treat an `[[access_key]]` without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutSecret {
    /// Refuse the key ring: every key needs a secret.
    Refused,
    /// Accept it, for calls that are forwarded with their own signatures: the upstream has the secret.
    KnownById,
}

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// Calls with the key are accepted. The default.
    #[default]
    Active,
    /// Calls with the key are refused.
    Inactive,
}

/// Where a secret is stored. The caller of [`KeyRing::read`] fetches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// The environment variable with this name.
    Environment(String),
    /// A file that contains only the secret.
    File(PathBuf),
    /// A program that prints the secret, with its arguments. It is started without a shell.
    Command(Vec<String>),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeyRing {
    schema: Option<Spanned<u32>>,
    #[serde(default)]
    access_key: Vec<Spanned<RawKey>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    id: Spanned<String>,
    secret: Option<String>,
    secret_env: Option<Spanned<String>>,
    secret_file: Option<Spanned<PathBuf>>,
    secret_command: Option<Spanned<Vec<String>>>,
    principal: Spanned<String>,
    #[serde(default)]
    status: KeyStatus,
}

impl KeyRing {
    /// A key ring of keys with secrets.
    pub fn new(credentials: impl IntoIterator<Item = Credential>) -> Self {
        let keys = credentials.into_iter().map(|key| (key.id.as_str().to_owned(), key)).collect();
        Self { keys, without_secret: HashMap::new() }
    }

    /// Parses a key ring. `principal` resolves a principal's name and `secret` fetches a secret that is stored
    /// elsewhere; if they fail, they return an error message.
    ///
    /// # Errors
    /// All diagnostics about the file. No key is loaded from a file with errors.
    pub fn read(
        source: &Source,
        without_secret: WithoutSecret,
        principal: impl Fn(PrincipalName) -> Result<Principal, String>,
        secret: impl Fn(&SecretPlace) -> Result<Secret, String>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let source = &source.clone().confidential();
        let raw: RawKeyRing = toml::from_str(source.text()).map_err(|error| {
            // The parser's message may quote the file, which may contain secrets, so only the place is reported.
            let span = error.span().unwrap_or(0..0);
            vec![source.error(
                span.start..span.start,
                "the key ring is malformed here",
                "see docs/configuration.md for the form of a key ring",
            )]
        })?;
        let mut diagnostics = Vec::new();
        if let Some(schema) = raw.schema.filter(|schema| *schema.get_ref() != 1) {
            diagnostics.push(source.error(schema.span(), "the schema is unknown", "this program reads `schema = 1`"));
        }
        if raw.access_key.is_empty() {
            diagnostics.push(source.error_without_place("the key ring contains no keys", "add an `[[access_key]]`"));
        }
        let mut ring = Self::default();
        for key in raw.access_key {
            let span = key.span();
            match read_key(source, key.into_inner(), without_secret, &principal, &secret) {
                Err(diagnostic) => diagnostics.push(diagnostic.unwrap_or_else(|| {
                    let help = "give exactly one of `secret_env`, `secret_file`, `secret_command` and `secret`";
                    source.error(span.start..span.start, "the key has no secret, or more than one", help)
                })),
                Ok((at, key)) => {
                    if !ring.add(key) {
                        diagnostics.push(source.error(at, "the key id is given twice", "keep one of the two entries"));
                    }
                }
            }
        }
        if diagnostics.is_empty() { Ok(ring) } else { Err(diagnostics) }
    }

    /// Adds a key and returns whether its id was new.
    fn add(&mut self, key: ReadKey) -> bool {
        let id = match &key {
            ReadKey::WithSecret(credential) => credential.id.to_string(),
            ReadKey::WithoutSecret(known) => known.id.to_string(),
        };
        let new = !self.keys.contains_key(&id) && !self.without_secret.contains_key(&id);
        match key {
            ReadKey::WithSecret(credential) => drop(self.keys.insert(id, *credential)),
            ReadKey::WithoutSecret(known) => drop(self.without_secret.insert(id, known)),
        }
        new
    }

    /// A key whose signatures can be verified.
    pub fn find(&self, id: &str) -> Option<&Credential> {
        self.keys.get(id)
    }

    /// A key that is known by its id only.
    pub(crate) fn find_without_secret(&self, id: &str) -> Option<&KnownKey> {
        self.without_secret.get(id)
    }

    /// The keys with secrets, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Credential> {
        let mut keys: Vec<_> = self.keys.values().collect();
        keys.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
        keys.into_iter()
    }

    /// Whether there are no keys, with or without secrets.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.without_secret.is_empty()
    }
}

impl Credential {
    /// A permanent key.
    pub fn new(id: AccessKeyId, secret: &Secret, principal: Principal, status: KeyStatus) -> Self {
        let v1 = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, format!("{}&", secret.expose()).as_bytes());
        let v3 = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        Self { id, principal, status, v1, v3, security_token: None }
    }

    /// Makes this a temporary key: calls signed with it carry its token (`docs/spec/wire-protocol.md` 3.1).
    #[must_use]
    pub fn with_security_token(mut self, token: Secret) -> Self {
        self.security_token = Some(token);
        self
    }

    /// The AccessKey id.
    pub fn id(&self) -> &AccessKeyId {
        &self.id
    }

    /// The principal that owns the key.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether the key may be used.
    pub fn status(&self) -> KeyStatus {
        self.status
    }

    pub(super) fn security_token(&self) -> Option<&Secret> {
        self.security_token.as_ref()
    }

    pub(super) fn v1_key(&self) -> &hmac::Key {
        &self.v1
    }

    pub(super) fn v3_key(&self) -> &hmac::Key {
        &self.v3
    }
}

/// A key that was read. The credential is boxed because it contains the states of two keyed digests.
enum ReadKey {
    WithSecret(Box<Credential>),
    WithoutSecret(KnownKey),
}

fn read_key(
    source: &Source,
    key: RawKey,
    without_secret: WithoutSecret,
    principal: impl Fn(PrincipalName) -> Result<Principal, String>,
    fetch: impl Fn(&SecretPlace) -> Result<Secret, String>,
) -> Result<(std::ops::Range<usize>, ReadKey), Option<Diagnostic>> {
    let error = |span, title: String, help: &str| Some(source.error(span, title, help));
    let id = key.id.get_ref().parse::<AccessKeyId>();
    let id = id.map_err(|invalid| {
        error(key.id.span(), invalid.to_string(), "write the AccessKey id as the console shows it")
    })?;
    let name = key.principal.get_ref().parse::<PrincipalName>().map_err(|invalid| invalid.to_string());
    let principal = name.and_then(principal);
    let principal =
        principal.map_err(|title| error(key.principal.span(), title, "name a principal of the account file"))?;
    let secret = match (key.secret, key.secret_env, key.secret_file, key.secret_command) {
        (Some(secret), None, None, None) if !secret.is_empty() => Secret::new(secret),
        (None, Some(name), None, None) => fetch(&SecretPlace::Environment(name.get_ref().clone()))
            .map_err(|title| error(name.span(), title, "set the variable before the start"))?,
        (None, None, Some(path), None) => fetch(&SecretPlace::File(path.get_ref().clone())).map_err(|title| {
            error(path.span(), title, "name a file that contains only the secret, readable by its owner only")
        })?,
        (None, None, None, Some(command)) => {
            fetch(&SecretPlace::Command(command.get_ref().clone())).map_err(|title| {
                error(command.span(), title, "name a program that prints the secret and exits, and its arguments")
            })?
        }
        (None, None, None, None) if without_secret == WithoutSecret::KnownById => {
            let known = KnownKey { id, principal, status: key.status };
            return Ok((key.id.span(), ReadKey::WithoutSecret(known)));
        }
        _ => return Err(None),
    };
    let credential = Credential::new(id, &secret, principal, key.status);
    Ok((key.id.span(), ReadKey::WithSecret(Box::new(credential))))
}
