//! The gateway as a stateless issuer of temporary keys.
//!
//! A security token is sealed and contains everything about its session, and the secret is derived from the token.
//! Nothing is stored, and every gateway with the same issuer keys accepts the tokens of the others.

mod key;
mod sealed;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;
use lru::LruCache;

use crate::ram::{AccessKeyId, Session};
use ram_policy::{ActionSlots, Document, PolicySet, Principal, Source};

use super::keyring::{Credential, KeyStatus};
use super::secret::Secret;

pub(crate) use key::LONGEST_LIFE;
pub use key::{IssuerKeyRing, NewIssuerKey};
use sealed::Sealed;

/// The number of opened tokens to cache, so that a session's policy is not parsed again for each of its calls.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");

/// Issues temporary keys, and recognises the keys it has issued.
pub struct Issuer {
    keys: RwLock<Arc<IssuerKeyRing>>,
    opened: Mutex<LruCache<Digest, Arc<OpenedToken>>>,
}

type Digest = [u8; 32];

/// The key to issue.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The principal whose permissions the key has.
    pub principal: Principal,
    /// The session that calls with the key belong to, with the key's id and expiry.
    pub session: Session,
    /// The session policy, as the caller sent it.
    pub policy: Option<String>,
}

/// A new temporary key. It is returned to the caller and cannot be retrieved again.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The key's id, which begins with `STS.`.
    pub access_key_id: AccessKeyId,
    /// The secret to sign calls with, derived from the security token.
    pub secret: Secret,
    /// The sealed session, which each call must carry.
    pub security_token: Secret,
    /// From this time on, calls with the key are refused.
    pub expires: Timestamp,
}

/// The contents of a security token.
#[derive(Debug)]
pub struct OpenedToken {
    /// The principal whose permissions the key has.
    pub principal: Principal,
    /// The session that calls with the key belong to.
    pub session: Arc<Session>,
    /// The session policy, if the session has one.
    pub policy: Option<Arc<PolicySet>>,
    /// The key itself, to verify signatures with.
    pub credential: Credential,
}

/// Why a security token is refused. None of these texts contains a part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecurityTokenError {
    /// The token was not sealed with the issuer key that it names, or has another form.
    #[error("Specified SecurityToken is malformed.")]
    Malformed,
    /// The token names an issuer key that is not in the file.
    #[error("Specified SecurityToken is malformed: it was sealed with an issuer key that this gateway does not have")]
    UnknownKey,
    /// The token was issued with another AccessKey id.
    #[error("Specified SecurityToken mismatch with the AccessKey.")]
    Mismatch,
    /// The session has expired.
    #[error("Specified SecurityToken is expired.")]
    Expired,
}

/// No issuer key is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no issuer key is in force yet: see `from` in the issuer key file")]
pub struct NoValidKeyError;

impl Issuer {
    /// An issuer with these keys.
    pub fn new(keys: IssuerKeyRing) -> Self {
        Self { keys: RwLock::new(Arc::new(keys)), opened: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// Replaces the keys. Tokens that were sealed with a removed key are no longer accepted.
    pub fn replace(&self, keys: IssuerKeyRing) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Checks that a key could be issued now.
    ///
    /// # Errors
    /// No issuer key is in force.
    pub fn can_issue(&self, now: Timestamp) -> Result<(), NoValidKeyError> {
        self.keys().issuing(now).map(|_| ()).ok_or(NoValidKeyError)
    }

    /// Issues a temporary key.
    ///
    /// # Errors
    /// No issuer key is in force.
    pub fn issue(&self, grant: &Grant, now: Timestamp) -> Result<Issued, NoValidKeyError> {
        let keys = self.keys();
        let key = keys.issuing(now).ok_or(NoValidKeyError)?;
        let security_token = key.seal(&Sealed::new(grant).to_text());
        let secret = key.secret_of(&security_token);
        let Session { key, expires, .. } = grant.session.clone();
        Ok(Issued { access_key_id: key, secret, security_token: Secret::new(security_token), expires })
    }

    /// An id for a new key in the vendor's form: `STS.` and 24 letters and digits.
    ///
    /// # Panics
    /// If the system cannot provide random bytes.
    pub fn new_access_key_id() -> AccessKeyId {
        const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut bytes = [0; 24];
        SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
        let character = |byte: &u8| char::from(CHARACTERS[usize::from(*byte) % CHARACTERS.len()]);
        let id = format!("STS.{}", bytes.iter().map(character).collect::<String>());
        id.parse().expect("a well-formed id")
    }

    /// Whether a security token has this gateway's form, whether or not its issuer key is known.
    pub fn is_ours(token: &str) -> bool {
        token.starts_with(key::PREFIX)
    }

    /// Opens a token. Does not check its expiry.
    ///
    /// # Errors
    /// A token that was not sealed with one of the keys, or that belongs to another AccessKey.
    pub fn open(&self, access_key_id: &str, token: &str) -> Result<Arc<OpenedToken>, SecurityTokenError> {
        let known = digest_of(token);
        let remembered = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&known).cloned();
        let opened = match remembered {
            Some(opened) => opened,
            None => {
                let keys = self.keys();
                let opened = Arc::new(read(&keys, token)?);
                let mut memory = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
                // If the keys have been replaced in the meantime, the token must not be cached.
                if Arc::ptr_eq(&keys, &self.keys()) {
                    memory.put(known, Arc::clone(&opened));
                }
                opened
            }
        };
        if opened.session.key.as_str() == access_key_id { Ok(opened) } else { Err(SecurityTokenError::Mismatch) }
    }

    fn keys(&self) -> Arc<IssuerKeyRing> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(keys: &IssuerKeyRing, token: &str) -> Result<OpenedToken, SecurityTokenError> {
    let (key, text) = keys.open(token)?;
    let sealed = Sealed::read(&text).ok_or(SecurityTokenError::Malformed)?;
    let (principal, mut session) = sealed.session().ok_or(SecurityTokenError::Malformed)?;
    let mut policy = None;
    if let Some(text) = sealed.policy() {
        let document = Document::parse("session", &Source::new("Policy", text));
        let document = Arc::new(document.map_err(|_| SecurityTokenError::Malformed)?);
        session.narrowed_by = Some(document.digest().to_string().into());
        policy = Some(PolicySet::session(document, &ActionSlots::default()));
    }
    let secret = key.secret_of(token);
    let credential = Credential::new(session.key.clone(), &secret, principal.clone(), KeyStatus::Active);
    Ok(OpenedToken { principal, session: Arc::new(session), policy, credential })
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
