//! Issuer keys: a file of several keys, each in force from a given time, so that they can be rotated with an overlap.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use toml::Spanned;

use ram_policy::{Diagnostic, Source};

use super::super::secret::Secret;
use super::SecurityTokenError;

/// The prefix of this gateway's security tokens.
pub(super) const PREFIX: &str = "rg1.";
const KEY_BYTES: usize = 32;
/// The maximum session duration (the upper limit of a role's `MaxSessionDuration`). A key that was superseded this long
/// ago can no longer open a valid token.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(43_200);
/// Longer than any token of this gateway, whose session policy has at most 2,048 characters.
const LONGEST_TOKEN: usize = 16 << 10;

/// The issuer keys. One of them seals new tokens; all of them open tokens.
#[derive(Debug)]
pub struct IssuerKeyRing {
    /// Sorted by the time from which they are in force.
    keys: Vec<IssuerKey>,
}

pub(super) struct IssuerKey {
    id: String,
    from: Timestamp,
    seal: LessSafeKey,
    derive: hmac::Key,
}

/// A new key, to be written to a file.
pub struct NewIssuerKey {
    /// Names the key in the file, and in clear text in each token that it seals.
    pub id: String,
    /// From this time on, the key seals new tokens, until a newer key is in force.
    pub from: Timestamp,
    /// 32 random bytes in base64, from which the keys that seal tokens and derive secrets are derived.
    pub secret: Secret,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeys {
    schema: Option<Spanned<u32>>,
    #[serde(default)]
    key: Vec<Spanned<RawKey>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    id: Spanned<String>,
    from: Spanned<String>,
    secret: Spanned<String>,
}

impl IssuerKeyRing {
    /// Parses a file written by `ramgate key issuer`.
    ///
    /// # Errors
    /// All diagnostics about the file.
    pub fn read(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        const HELP: &str = "create the file again with `ramgate key issuer`";
        let source = &source.clone().confidential();
        let raw: RawKeys = toml::from_str(source.text()).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            vec![source.error(span.start..span.start, "the issuer key file is malformed here", HELP)]
        })?;
        let mut diagnostics = Vec::new();
        if let Some(schema) = raw.schema.filter(|schema| *schema.get_ref() != 1) {
            diagnostics.push(source.error(schema.span(), "the schema is unknown", "this program reads `schema = 1`"));
        }
        if raw.key.is_empty() {
            diagnostics.push(source.error_without_place("the issuer key file contains no keys", HELP));
        }
        let mut keys: Vec<IssuerKey> = Vec::new();
        for key in raw.key {
            let (span, key) = (key.span(), key.into_inner());
            if keys.iter().any(|other| other.id == *key.id.get_ref()) {
                diagnostics.push(source.error(key.id.span(), "the key is given twice", "keep one of the two"));
            }
            match IssuerKey::read(&key) {
                Some(key) => keys.push(key),
                None => {
                    let title = "the key is invalid: it must have an id, a time and 32 bytes in base64";
                    diagnostics.push(source.error(span.start..span.start, title, HELP));
                }
            }
        }
        keys.sort_by_key(|key| key.from);
        if diagnostics.is_empty() { Ok(Self { keys }) } else { Err(diagnostics) }
    }

    /// The key that seals new tokens: the newest key in force.
    pub(super) fn issuing(&self, now: Timestamp) -> Option<&IssuerKey> {
        self.keys.iter().rev().find(|key| key.from <= now)
    }

    /// Opens a token with the key it names.
    pub(super) fn open(&self, token: &str) -> Result<(&IssuerKey, String), SecurityTokenError> {
        let (id, sealed) = split(token).ok_or(SecurityTokenError::Malformed)?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or(SecurityTokenError::UnknownKey)?;
        let text = key.unseal(id, sealed).ok_or(SecurityTokenError::Malformed)?;
        Ok((key, text))
    }

    /// The ids of keys that are no longer needed: they were superseded so long ago that none of their sessions can
    /// still be valid.
    pub fn superseded(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let followed = self.keys.windows(2);
        let over = move |next: &IssuerKey| next.from.saturating_add(signed(LONGEST_LIFE)).is_ok_and(|end| end < now);
        followed.filter(move |pair| over(&pair[1])).map(|pair| pair[0].id.as_str())
    }
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or_default()
}

fn split(token: &str) -> Option<(&str, &str)> {
    if token.len() > LONGEST_TOKEN {
        return None;
    }
    token.strip_prefix(PREFIX)?.split_once('.')
}

impl IssuerKey {
    fn read(raw: &RawKey) -> Option<Self> {
        let id = raw.id.get_ref().clone();
        let plain = (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let from = raw.from.get_ref().parse().ok()?;
        let bytes: [u8; KEY_BYTES] = BASE64_STANDARD.decode(raw.secret.get_ref()).ok()?.try_into().ok()?;
        plain.then(|| Self::new(id, from, &bytes)).flatten()
    }

    /// Derives two keys for two purposes from the stored one.
    fn new(id: String, from: Timestamp, secret: &[u8; KEY_BYTES]) -> Option<Self> {
        let pseudorandom = hkdf::Salt::new(hkdf::HKDF_SHA256, b"ramgate issuer key").extract(secret);
        let derived = |purpose: &[u8]| {
            let mut bytes = [0; KEY_BYTES];
            let info = [purpose];
            let material = pseudorandom.expand(&info, hkdf::HKDF_SHA256).ok()?;
            material.fill(&mut bytes).ok()?;
            Some(bytes)
        };
        let seal = UnboundKey::new(&AES_256_GCM, &derived(b"security token")?).ok()?;
        let derive = hmac::Key::new(hmac::HMAC_SHA256, &derived(b"secret")?);
        Some(Self { id, from, seal: LessSafeKey::new(seal), derive })
    }

    pub(super) fn seal(&self, text: &str) -> String {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).expect("the system gives random bytes");
        let mut sealed = text.as_bytes().to_vec();
        let nonce_of_it = Nonce::assume_unique_for_key(nonce);
        let tag = self.seal.seal_in_place_append_tag(nonce_of_it, self.bound_to(&self.id), &mut sealed);
        tag.expect("a token is far below the cipher's bound");
        let bytes = [&nonce[..], &sealed].concat();
        format!("{PREFIX}{}.{}", self.id, BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    fn unseal(&self, id: &str, sealed: &str) -> Option<String> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let text = self.seal.open_in_place(nonce, self.bound_to(id), &mut sealed).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }

    /// The prefix and key id, which are in clear text, are authenticated as well.
    fn bound_to(&self, id: &str) -> Aad<Vec<u8>> {
        Aad::from([PREFIX.as_bytes(), id.as_bytes()].concat())
    }

    /// The secret that belongs to a token. It can be derived again, but only with this key.
    pub(super) fn secret_of(&self, token: &str) -> Secret {
        Secret::new(BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&self.derive, token.as_bytes())))
    }
}

impl NewIssuerKey {
    /// A new random key.
    ///
    /// # Panics
    /// If the system cannot provide random bytes.
    pub fn random(from: Timestamp) -> Self {
        let mut bytes = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
        let mut id = [0; 4];
        SystemRandom::new().fill(&mut id).expect("the system gives random bytes");
        Self { id: crate::text::hex(&id), from, secret: Secret::new(BASE64_STANDARD.encode(bytes)) }
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKey").field("id", &self.id).field("from", &self.from).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewIssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewIssuerKey").field("id", &self.id).field("from", &self.from).finish_non_exhaustive()
    }
}
