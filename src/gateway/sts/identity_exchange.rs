//! Asks the real STS who signed an identity that a caller presents, and remembers some of the answers.
//!
//! Callers are not authenticated yet at this point, so questions to STS are limited in total and for each source.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lru::LruCache;
use tokio::time::timeout;

use crate::budget::{BudgetBound, BudgetError, BudgetItem, Holder, HolderKind};
use crate::gateway::client::error_chain;
use crate::gateway::work_slots::{Entrant, WorkSlots};
use crate::identity::SignedIdentity;
use crate::ram::{AccessKeyId, SessionName};
use ram_policy::{AccountId, Identity, Principal};

use super::error::StsError;

/// The largest answer of STS, in bytes.
const LARGEST: usize = 16 << 10;
/// For a question, including the wait for a slot.
const PATIENCE: Duration = Duration::from_secs(10);
/// Concurrent questions to STS, of all sources together and of each source.
const AT_ONCE: usize = 64;
const OF_EACH: usize = 8;
/// Questions of one source that are in progress or wait. All nodes of a cluster behind one address may start at once.
const ENTRANTS_OF_EACH: usize = 512;
/// When a source with too many questions may ask again.
const CROWDED: Duration = Duration::from_secs(1);
/// How many keys are remembered with their owners.
const KNOWN: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// How many confirmed identities are remembered, at about 200 bytes each.
const CONFIRMED: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// The exchange of keys of the real STS: where STS is asked, and which audience identities must be signed for.
#[derive(Clone)]
pub struct IdentityExchange {
    url: String,
    audience: String,
    tls: rustls::ClientConfig,
    /// Identities that STS confirmed: when one is sent again, it is refused without asking STS. Only confirmed
    /// identities are added, so an attacker without a key cannot evict entries. A replay of an evicted identity costs a
    /// question to STS, and is then refused by the memory of nonces.
    confirmed: Arc<Mutex<LruCache<Box<str>, ()>>>,
    /// The limits on questions to STS.
    slots: Arc<WorkSlots>,
    /// The owners of keys, from recent answers of STS.
    known: Arc<Mutex<LruCache<AccessKeyId, Holder>>>,
}

/// The answer of STS to `GetCallerIdentity`.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CallerIdentity {
    account_id: String,
    arn: String,
    identity_type: String,
}

/// Why STS did not identify a caller.
enum Unanswered {
    Refused(String),
    Unreachable(String),
}

#[derive(serde::Deserialize)]
struct Refused {
    #[serde(rename = "Code")]
    code: String,
}

impl IdentityExchange {
    /// An exchange with the real STS at `url`. Callers sign for `audience`, so that an identity signed for another
    /// gateway cannot be used here.
    pub fn new(url: String, audience: String, tls: rustls::ClientConfig) -> Self {
        let confirmed = Arc::new(Mutex::new(LruCache::new(CONFIRMED)));
        let known = Arc::new(Mutex::new(LruCache::new(KNOWN)));
        Self { url, audience, tls, confirmed, slots: WorkSlots::new(AT_ONCE, OF_EACH, ENTRANTS_OF_EACH), known }
    }

    /// Whether STS has confirmed this identity before, so that it must not be accepted again.
    pub(super) fn was_confirmed(&self, identity: &SignedIdentity) -> bool {
        let confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.contains(memory_key(identity).as_str())
    }

    /// Remembers that STS confirmed this identity.
    pub(super) fn note_confirmed(&self, identity: &SignedIdentity) {
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.put(memory_key(identity).into(), ());
    }

    /// The owner of a key, if STS has named it recently.
    pub(super) fn owner_of(&self, key: &AccessKeyId) -> Option<Holder> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Remembers the owner of a key.
    pub(super) fn remember(&self, key: &AccessKeyId, owner: &Holder) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).put(key.clone(), owner.clone());
    }

    /// A place among the questions of one source.
    ///
    /// # Errors
    /// The source has too many questions in progress or waiting.
    pub(super) fn enter(&self, source: &Holder) -> Result<Entrant, BudgetError> {
        self.slots.enter(source).ok_or_else(|| crowded(ENTRANTS_OF_EACH))
    }

    /// The principal that signed an identity, and the name of its session.
    ///
    /// # Errors
    /// STS does not confirm the identity, or cannot be asked.
    pub(super) async fn ask(
        &self,
        identity: &SignedIdentity,
        entrant: &Entrant,
    ) -> Result<(Principal, SessionName), StsError> {
        let answered = timeout(PATIENCE, async {
            let _slot = entrant.slot().await;
            self.answer(identity).await
        });
        let answered = answered.await;
        let answered = answered.unwrap_or_else(|_| Err(Unanswered::Unreachable("it took too long".to_owned())));
        let answer = answered.map_err(|why| match why {
            Unanswered::Refused(code) => StsError::Unconfirmed(code),
            Unanswered::Unreachable(why) => StsError::StsUnreachable(why),
        })?;
        answer
            .principal()
            .ok_or_else(|| StsError::Unconfirmed("its answer names neither a RAM user nor an assumed role".to_owned()))
    }

    async fn answer(&self, identity: &SignedIdentity) -> Result<CallerIdentity, Unanswered> {
        let unreachable = |why: String| Unanswered::Unreachable(why);
        let connector = HttpsConnectorBuilder::new().with_tls_config(self.tls.clone());
        let connector = connector.https_or_http().enable_http1().build();
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
        let uri = format!("{}/?{}", self.url.trim_end_matches('/'), SignedIdentity::query(&self.audience));
        let mut request = Request::post(uri).header("accept", "application/json");
        for (name, value) in identity.headers() {
            request = request.header(name, value);
        }
        let request = request.body(Empty::new()).map_err(|error| unreachable(error.to_string()))?;
        let answer = client.request(request).await.map_err(|error| unreachable(error_chain(&error)))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|_| unreachable(format!("its answer was cut off or has more than {LARGEST} bytes")))?;
        let body = body.to_bytes();
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|_| unreachable("its answer is malformed".to_owned()));
        }
        let code = serde_json::from_slice::<Refused>(&body).ok().map(|refused| refused.code);
        // A code of the vendor's is a single word; any other text is not quoted.
        let word = |code: &String| code.len() <= 64 && code.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'.');
        match code.filter(word) {
            Some(code) if status.is_client_error() => Err(Unanswered::Refused(code)),
            _ => Err(unreachable(format!("it answered {status}"))),
        }
    }
}

/// The key of an identity in the memory. Signatures that differ only in case are the same.
fn memory_key(identity: &SignedIdentity) -> String {
    format!("{} {}", identity.access_key_id().as_str(), identity.signature().to_ascii_lowercase())
}

/// The error for a source with too many questions in progress or waiting.
fn crowded(limit: usize) -> BudgetError {
    let limit = limit.try_into().unwrap_or(u64::MAX);
    BudgetError {
        whose: HolderKind::Source,
        item: BudgetItem::Exchanges,
        bound: BudgetBound::AtOnce(limit),
        retry_after: CROWDED,
    }
}

impl CallerIdentity {
    /// The principal and the session in the ARN, whose account must be the same as `AccountId`
    /// (`docs/spec/ram-policy.md` 3.2). `None` for an answer that names neither a user nor an assumed role.
    fn principal(&self) -> Option<(Principal, SessionName)> {
        let rest = self.arn.strip_prefix("acs:ram::").or_else(|| self.arn.strip_prefix("acs:sts::"))?;
        let (account, relative) = rest.split_once(':')?;
        let account = account.parse::<AccountId>().ok().filter(|account| account.as_str() == self.account_id)?;
        let parts: Vec<&str> = relative.split('/').collect();
        let (identity, session) = match (self.identity_type.as_str(), parts.as_slice()) {
            ("RAMUser", ["user", name]) => (format!("user/{name}"), *name),
            ("AssumedRoleUser", ["assumed-role" | "role", name, session]) => (format!("role/{name}"), *session),
            _ => return None,
        };
        let identity: Identity = identity.parse().ok()?;
        Some((Principal::new(account, identity), SessionName::from_lossy(session)))
    }
}

impl std::fmt::Debug for IdentityExchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityExchange")
            .field("url", &self.url)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_principal_is_read_from_the_arn() {
        let read = |kind: &str, arn: &str| {
            let answer = CallerIdentity { account_id: "1".into(), arn: arn.into(), identity_type: kind.into() };
            answer.principal().map(|(principal, session)| format!("{principal} {session}"))
        };
        for (kind, arn, expected) in [
            ("AssumedRoleUser", "acs:ram::1:assumed-role/terway/i-node", Some("1:role/terway i-node")),
            ("AssumedRoleUser", "acs:sts::1:assumed-role/terway/i-node", Some("1:role/terway i-node")),
            ("AssumedRoleUser", "acs:ram::1:role/terway/i-node", Some("1:role/terway i-node")),
            ("RAMUser", "acs:ram::1:user/alice", Some("1:user/alice alice")),
            ("RAMUser", "acs:ram::2:user/alice", None),
            ("RAMUser", "acs:ram::1:assumed-role/terway/x", None),
            ("AssumedRoleUser", "acs:ram::1:user/alice", None),
            ("AssumedRoleUser", "acs:ram::1:assumed-role/terway", None),
            ("Account", "acs:ram::1:root", None),
            ("RAMUser", "acs:ram::1:user/a/b", None),
            ("RAMUser", "1:user/alice", None),
        ] {
            assert_eq!(read(kind, arn).as_deref(), expected, "{kind} {arn}");
        }
    }
}
