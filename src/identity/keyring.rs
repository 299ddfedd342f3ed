//! The keys that callers sign with, and whose they are.

use std::collections::HashMap;
use std::path::PathBuf;

use aws_lc_rs::hmac;
use toml::Spanned;

use crate::ram::{AccessKeyId, Principal, WrittenPrincipal};
use crate::source::{Complaint, Source};

use super::secret::Secret;

/// Keys by their id.
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

/// A key of which it is known whose it is, and nothing that could verify its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    pub id: AccessKeyId,
    pub principal: Principal,
    pub status: KeyStatus,
}

/// What becomes of an `[[access_key]]` without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutSecret {
    Refused,
    /// For calls that are passed on with their own signatures: whoever gets them has the secret.
    KnownById,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    #[default]
    Active,
    Inactive,
}

/// Where a secret is to be had. Files and the environment are read by whoever reads the key ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    Environment(String),
    File(PathBuf),
    /// A program and its arguments, which prints it. No shell is in between.
    Command(Vec<String>),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKeyRing {
    schema: Option<Spanned<u32>>,
    #[serde(default)]
    access_key: Vec<Spanned<WrittenKey>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
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
    pub fn new(credentials: impl IntoIterator<Item = Credential>) -> Self {
        let keys = credentials.into_iter().map(|key| (key.id.as_str().to_owned(), key)).collect();
        Self { keys, without_secret: HashMap::new() }
    }

    /// Reads a key ring (design 5.3). `principal` says who is meant by what is written, `secret` fetches what is
    /// kept elsewhere; both explain a refusal in words.
    ///
    /// # Errors
    /// Every complaint about the file; no key is taken from a file with one.
    pub fn read(
        source: &Source,
        without_secret: WithoutSecret,
        principal: impl Fn(WrittenPrincipal) -> Result<Principal, String>,
        secret: impl Fn(&SecretPlace) -> Result<Secret, String>,
    ) -> Result<Self, Vec<Complaint>> {
        let source = &source.clone().confidential();
        let written: WrittenKeyRing = toml::from_str(source.text()).map_err(|error| {
            // The message may quote the file; a key ring may hold secrets, so only the place is told.
            let span = error.span().unwrap_or(0..0);
            vec![source.error(
                span.start..span.start,
                "the key ring is malformed here",
                "see the README for the form of a key ring",
            )]
        })?;
        let mut complaints = Vec::new();
        if let Some(schema) = written.schema.filter(|schema| *schema.get_ref() != 1) {
            complaints.push(source.error(schema.span(), "the schema is unknown", "this program reads `schema = 1`"));
        }
        if written.access_key.is_empty() {
            complaints.push(source.error_without_place("the key ring holds no key", "add an `[[access_key]]`"));
        }
        let mut ring = Self::default();
        for key in written.access_key {
            let span = key.span();
            match read_key(source, key.into_inner(), without_secret, &principal, &secret) {
                Err(complaint) => complaints.push(complaint.unwrap_or_else(|| {
                    let help = "give exactly one of `secret_env`, `secret_file`, `secret_command` and `secret`";
                    source.error(span.start..span.start, "the key has no secret, or more than one", help)
                })),
                Ok((at, key)) => {
                    if !ring.add(key) {
                        complaints.push(source.error(at, "the key id is given twice", "keep one of the two entries"));
                    }
                }
            }
        }
        if complaints.is_empty() { Ok(ring) } else { Err(complaints) }
    }

    /// Whether the id was new.
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

    /// A key that is known by its id alone.
    pub fn find_without_secret(&self, id: &str) -> Option<&KnownKey> {
        self.without_secret.get(id)
    }

    /// Keys with their secrets, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Credential> {
        let mut keys: Vec<_> = self.keys.values().collect();
        keys.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
        keys.into_iter()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.without_secret.is_empty()
    }
}

impl Credential {
    pub fn new(id: AccessKeyId, secret: &Secret, principal: Principal, status: KeyStatus) -> Self {
        let v1 = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, format!("{}&", secret.expose()).as_bytes());
        let v3 = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        Self { id, principal, status, v1, v3, security_token: None }
    }

    /// Makes it a temporary key: what is signed with it carries its token (`spec/wire-protocol.md` 3.1).
    #[must_use]
    pub fn with_security_token(mut self, token: Secret) -> Self {
        self.security_token = Some(token);
        self
    }

    pub fn id(&self) -> &AccessKeyId {
        &self.id
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

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

/// Boxed: a credential holds the states of two keyed digests.
enum ReadKey {
    WithSecret(Box<Credential>),
    WithoutSecret(KnownKey),
}

fn read_key(
    source: &Source,
    key: WrittenKey,
    without_secret: WithoutSecret,
    principal: impl Fn(WrittenPrincipal) -> Result<Principal, String>,
    fetch: impl Fn(&SecretPlace) -> Result<Secret, String>,
) -> Result<(std::ops::Range<usize>, ReadKey), Option<Complaint>> {
    let complain = |span, title: String, help: &str| Some(source.error(span, title, help));
    let id = key.id.get_ref().parse::<AccessKeyId>();
    let id = id.map_err(|error| {
        complain(key.id.span(), error.to_string(), "write the AccessKey id as the console shows it")
    })?;
    let written = key.principal.get_ref().parse::<WrittenPrincipal>().map_err(|error| error.to_string());
    let principal = written.and_then(principal);
    let principal =
        principal.map_err(|title| complain(key.principal.span(), title, "name a principal of the account file"))?;
    let secret = match (key.secret, key.secret_env, key.secret_file, key.secret_command) {
        (Some(secret), None, None, None) if !secret.is_empty() => Secret::new(secret),
        (None, Some(name), None, None) => fetch(&SecretPlace::Environment(name.get_ref().clone()))
            .map_err(|title| complain(name.span(), title, "set the variable before the start"))?,
        (None, None, Some(path), None) => fetch(&SecretPlace::File(path.get_ref().clone())).map_err(|title| {
            complain(path.span(), title, "name a file that holds the secret alone, readable by its owner only")
        })?,
        (None, None, None, Some(command)) => {
            fetch(&SecretPlace::Command(command.get_ref().clone())).map_err(|title| {
                complain(command.span(), title, "name a program that prints the secret and ends, and its arguments")
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
