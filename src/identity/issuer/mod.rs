//! The gateway as issuer of temporary keys: without a memory of them.
//!
//! A security token is sealed and holds all that there is to know of its session, and the secret is derived from it. So
//! whoever holds the same issuer keys accepts what another issued, and nothing is stored.

mod key;
mod sealed;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;
use lru::LruCache;

use crate::policy::{Document, Lanes, PolicySet};
use crate::ram::{AccessKeyId, Principal, Session};
use crate::source::Source;

use super::keyring::{Credential, KeyStatus};
use super::secret::Secret;

pub use key::{IssuerKeyRing, LONGEST_LIFE, NewIssuerKey};
use sealed::Sealed;

/// How many opened tokens are remembered, so that a session's policy is not read again for each of its calls.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");

/// Issues keys, and knows those it issued.
pub struct Issuer {
    keys: RwLock<Arc<IssuerKeyRing>>,
    opened: Mutex<LruCache<Digest, Arc<Opened>>>,
}

type Digest = [u8; 32];

/// What is to be issued.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whose rights the key has.
    pub principal: Principal,
    pub session: Session,
    /// The session policy, as it was sent.
    pub policy: Option<String>,
}

/// A temporary key, once: it can be told to whoever asked for it, and not be had again.
#[derive(Clone, Debug)]
pub struct Issued {
    pub access_key_id: AccessKeyId,
    pub secret: Secret,
    pub security_token: Secret,
    pub expires: Timestamp,
}

/// What a security token says.
#[derive(Debug)]
pub struct Opened {
    pub principal: Principal,
    pub session: Arc<Session>,
    /// What the session was narrowed with.
    pub policy: Option<Arc<PolicySet>>,
    pub credential: Credential,
}

/// Why a security token is not believed. None of these texts holds a piece of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecurityTokenFault {
    #[error("Specified SecurityToken is malformed.")]
    Malformed,
    #[error("Specified SecurityToken is malformed: it was sealed with an issuer key that this gateway does not hold")]
    UnknownKey,
    #[error("Specified SecurityToken mismatch with the AccessKey.")]
    Mismatch,
    #[error("Specified SecurityToken is expired.")]
    Expired,
}

/// None of the keys is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no issuer key is in force yet: see `from` in the issuer key file")]
pub struct NoKeyInForce;

impl Issuer {
    pub fn new(keys: IssuerKeyRing) -> Self {
        Self { keys: RwLock::new(Arc::new(keys)), opened: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// Puts other keys in force. What was sealed with a key that is no longer among them is no longer believed.
    pub fn replace(&self, keys: IssuerKeyRing) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// # Errors
    /// No key that is in force.
    pub fn can_issue(&self, now: Timestamp) -> Result<(), NoKeyInForce> {
        self.keys().issuing(now).map(|_| ()).ok_or(NoKeyInForce)
    }

    /// # Errors
    /// No key that is in force.
    pub fn issue(&self, grant: &Grant, now: Timestamp) -> Result<Issued, NoKeyInForce> {
        let keys = self.keys();
        let key = keys.issuing(now).ok_or(NoKeyInForce)?;
        let security_token = key.seal(&Sealed::new(grant).to_text());
        let secret = key.secret_of(&security_token);
        let Session { key, expires, .. } = grant.session.clone();
        Ok(Issued { access_key_id: key, secret, security_token: Secret::new(security_token), expires })
    }

    /// An id for a new key: `STS.` and 24 letters and digits, as the vendor's look.
    ///
    /// # Panics
    /// When the system has no randomness to give.
    pub fn new_access_key_id() -> AccessKeyId {
        const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut bytes = [0; 24];
        SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
        let character = |byte: &u8| char::from(CHARACTERS[usize::from(*byte) % CHARACTERS.len()]);
        let id = format!("STS.{}", bytes.iter().map(character).collect::<String>());
        id.parse().expect("a well-formed id")
    }

    /// Whether a security token looks like one of this gateway's, whoever holds the key.
    pub fn is_ours(token: &str) -> bool {
        token.starts_with(key::PREFIX)
    }

    /// What a token says of the key it came with. Whether it is expired is not looked at.
    ///
    /// # Errors
    /// A token that was not sealed by a key of the ring, and one of another AccessKey.
    pub fn open(&self, access_key_id: &str, token: &str) -> Result<Arc<Opened>, SecurityTokenFault> {
        let known = digest_of(token);
        let remembered = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&known).cloned();
        let opened = match remembered {
            Some(opened) => opened,
            None => {
                let keys = self.keys();
                let opened = Arc::new(read(&keys, token)?);
                let mut memory = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
                // Keys that were replaced in the meantime must not be remembered by what they opened.
                if Arc::ptr_eq(&keys, &self.keys()) {
                    memory.put(known, Arc::clone(&opened));
                }
                opened
            }
        };
        if opened.session.key.as_str() == access_key_id { Ok(opened) } else { Err(SecurityTokenFault::Mismatch) }
    }

    fn keys(&self) -> Arc<IssuerKeyRing> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(keys: &IssuerKeyRing, token: &str) -> Result<Opened, SecurityTokenFault> {
    let (key, text) = keys.open(token)?;
    let sealed = Sealed::read(&text).ok_or(SecurityTokenFault::Malformed)?;
    let (principal, mut session) = sealed.session().ok_or(SecurityTokenFault::Malformed)?;
    let mut policy = None;
    if let Some(text) = sealed.policy() {
        let document = Document::parse("session", &Source::new("Policy", text));
        let document = Arc::new(document.map_err(|_| SecurityTokenFault::Malformed)?);
        session.narrowed_by = Some(document.digest().to_string().into());
        policy = Some(PolicySet::session(document, &Lanes::default()));
    }
    let secret = key.secret_of(token);
    let credential = Credential::new(session.key.clone(), &secret, principal.clone(), KeyStatus::Active);
    Ok(Opened { principal, session: Arc::new(session), policy, credential })
}

fn digest_of(token: &str) -> Digest {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    digest.as_ref().try_into().expect("a digest of 32 bytes")
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("keys", &self.keys()).finish_non_exhaustive()
    }
}
