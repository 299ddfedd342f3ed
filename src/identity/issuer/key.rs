//! Issuer keys: a file with several, each in force from a time on, so that they roll over with an overlap.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use toml::Spanned;

use crate::source::{Complaint, Source};

use super::super::secret::Secret;
use super::SecurityTokenFault;

/// What security tokens of this form begin with.
pub(super) const PREFIX: &str = "rg1.";
const KEY_BYTES: usize = 32;
/// No session lasts longer (`MaxSessionDuration` of a role), so a key that was superseded for this long opens nothing.
pub const LONGEST_LIFE: Duration = Duration::from_secs(43_200);
/// Longer than any token of ours, whose session policy has 2,048 characters at most.
const LONGEST_TOKEN: usize = 16 << 10;

/// All keys, of which one seals and each opens.
#[derive(Debug)]
pub struct IssuerKeyRing {
    /// By the time from which they are in force.
    keys: Vec<IssuerKey>,
}

pub(super) struct IssuerKey {
    id: String,
    from: Timestamp,
    seal: LessSafeKey,
    derive: hmac::Key,
}

/// A key to be written into a file.
pub struct NewIssuerKey {
    pub id: String,
    pub from: Timestamp,
    pub secret: Secret,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKeys {
    schema: Option<Spanned<u32>>,
    #[serde(default)]
    key: Vec<Spanned<WrittenKey>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    id: Spanned<String>,
    from: Spanned<String>,
    secret: Spanned<String>,
}

impl IssuerKeyRing {
    /// Reads a file that `ramgate key issuer` wrote.
    ///
    /// # Errors
    /// Every complaint about the file.
    pub fn read(source: &Source) -> Result<Self, Vec<Complaint>> {
        const HELP: &str = "make the file anew with `ramgate key issuer`";
        let source = &source.clone().confidential();
        let written: WrittenKeys = toml::from_str(source.text()).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            vec![source.error(span.start..span.start, "the issuer key file is malformed here", HELP)]
        })?;
        let mut complaints = Vec::new();
        if let Some(schema) = written.schema.filter(|schema| *schema.get_ref() != 1) {
            complaints.push(source.error(schema.span(), "the schema is unknown", "this program reads `schema = 1`"));
        }
        if written.key.is_empty() {
            complaints.push(source.error_without_place("the issuer key file holds no key", HELP));
        }
        let mut keys: Vec<IssuerKey> = Vec::new();
        for written in written.key {
            let (span, key) = (written.span(), written.into_inner());
            if keys.iter().any(|other| other.id == *key.id.get_ref()) {
                complaints.push(source.error(key.id.span(), "the key is given twice", "keep one of the two"));
            }
            match IssuerKey::read(&key) {
                Some(key) => keys.push(key),
                None => {
                    let title = "the key is none: it has an id, a time and 32 bytes in base64";
                    complaints.push(source.error(span.start..span.start, title, HELP));
                }
            }
        }
        keys.sort_by_key(|key| key.from);
        if complaints.is_empty() { Ok(Self { keys }) } else { Err(complaints) }
    }

    /// The key that seals: the one that came into force last.
    pub(super) fn issuing(&self, now: Timestamp) -> Option<&IssuerKey> {
        self.keys.iter().rev().find(|key| key.from <= now)
    }

    /// Opens a token with the key it names.
    pub(super) fn open(&self, token: &str) -> Result<(&IssuerKey, String), SecurityTokenFault> {
        let (id, sealed) = split(token).ok_or(SecurityTokenFault::Malformed)?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or(SecurityTokenFault::UnknownKey)?;
        let text = key.unseal(id, sealed).ok_or(SecurityTokenFault::Malformed)?;
        Ok((key, text))
    }

    /// Which keys a new one makes superfluous: all but the one in force and those that were until sessions of theirs
    /// may still last.
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
    fn read(written: &WrittenKey) -> Option<Self> {
        let id = written.id.get_ref().clone();
        let plain = (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let from = written.from.get_ref().parse().ok()?;
        let bytes: [u8; KEY_BYTES] = BASE64_STANDARD.decode(written.secret.get_ref()).ok()?.try_into().ok()?;
        plain.then(|| Self::new(id, from, &bytes)).flatten()
    }

    /// Two keys for two purposes, from the one that is kept.
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

    /// What stands in the clear is sealed along.
    fn bound_to(&self, id: &str) -> Aad<Vec<u8>> {
        Aad::from([PREFIX.as_bytes(), id.as_bytes()].concat())
    }

    /// The secret that goes with a token: anybody with this key can work it out again, and nobody else.
    pub(super) fn secret_of(&self, token: &str) -> Secret {
        Secret::new(BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&self.derive, token.as_bytes())))
    }
}

impl NewIssuerKey {
    /// A key that nobody knows.
    ///
    /// # Panics
    /// When the system has no randomness to give.
    pub fn random(from: Timestamp) -> Self {
        let mut bytes = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
        let mut id = [0; 4];
        SystemRandom::new().fill(&mut id).expect("the system gives random bytes");
        Self { id: crate::source::hex(&id), from, secret: Secret::new(BASE64_STANDARD.encode(bytes)) }
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
