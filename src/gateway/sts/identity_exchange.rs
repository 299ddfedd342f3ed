//! The real STS, asked who signed an identity that a caller presents; and what is remembered of its answers.
//!
//! Callers are not authenticated yet at this point, so every question is bounded in total and for each source.

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

use super::fault::StsError;

const LARGEST: usize = 16 << 10;
const PATIENCE: Duration = Duration::from_secs(10);
/// Questions to STS under way, of all sources and of one; and how many of one may be under way or wait: a cluster whose
/// nodes start at once behind one address.
const AT_ONCE: usize = 64;
const OF_EACH: usize = 8;
const ENTRANTS_OF_EACH: usize = 512;
/// When a source with too many questions may ask again.
const CROWDED: Duration = Duration::from_secs(1);
/// Keys whose owner is remembered.
const KNOWN: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// Confirmed identities that are remembered, at about 200 bytes each.
const CONFIRMED: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// Where the real STS is asked, and for whom identities are signed.
#[derive(Clone)]
pub struct IdentityExchange {
    url: String,
    audience: String,
    tls: rustls::ClientConfig,
    /// Identities that STS confirmed: sent again, they are refused without a question. Only what was confirmed gets in, so
    /// that strangers cannot push anything out. What is forgotten here costs a question, and the memory of nonces refuses
    /// it then.
    confirmed: Arc<Mutex<LruCache<Box<str>, ()>>>,
    /// Callers are not authenticated yet: questions to STS are bounded in total and for each source.
    slots: Arc<WorkSlots>,
    /// To whom keys belong, as STS said lately.
    known: Arc<Mutex<LruCache<AccessKeyId, Holder>>>,
}

/// What STS says of a caller.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CallerIdentity {
    account_id: String,
    arn: String,
    identity_type: String,
}

/// Why STS says nothing of one.
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
    /// `url` is of the real STS; `audience` is what callers sign for, so that nobody else's gateway can use it here.
    pub fn new(url: String, audience: String, tls: rustls::ClientConfig) -> Self {
        let confirmed = Arc::new(Mutex::new(LruCache::new(CONFIRMED)));
        let known = Arc::new(Mutex::new(LruCache::new(KNOWN)));
        Self { url, audience, tls, confirmed, slots: WorkSlots::new(AT_ONCE, OF_EACH, ENTRANTS_OF_EACH), known }
    }

    pub(super) fn was_confirmed(&self, identity: &SignedIdentity) -> bool {
        let confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.contains(known_by(identity).as_str())
    }

    pub(super) fn note_confirmed(&self, identity: &SignedIdentity) {
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.put(known_by(identity).into(), ());
    }

    /// To whom a key belongs, where STS said so lately.
    pub(super) fn owner_of(&self, key: &AccessKeyId) -> Option<Holder> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(super) fn remember(&self, key: &AccessKeyId, owner: &Holder) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).put(key.clone(), owner.clone());
    }

    /// A place among the questions of one source.
    pub(super) fn enter(&self, source: &Holder) -> Result<Entrant, BudgetError> {
        self.slots.enter(source).ok_or_else(|| crowded(ENTRANTS_OF_EACH))
    }

    /// Who signed, and the name of their session.
    pub(super) async fn ask(
        &self,
        identity: &SignedIdentity,
        entrant: &Entrant,
    ) -> Result<(Principal, SessionName), StsError> {
        let said = timeout(PATIENCE, async {
            let _slot = entrant.slot().await;
            self.answer(identity).await
        });
        let said = said.await;
        let said = said.unwrap_or_else(|_| Err(Unanswered::Unreachable("it took too long".to_owned())));
        let said = said.map_err(|why| match why {
            Unanswered::Refused(code) => StsError::Unconfirmed(code),
            Unanswered::Unreachable(why) => StsError::StsUnreachable(why),
        })?;
        said.principal()
            .ok_or_else(|| StsError::Unconfirmed("it names somebody whom this gateway cannot know".to_owned()))
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
        let body = body.map_err(|_| unreachable(format!("its answer broke off or has more than {LARGEST} bytes")))?;
        let body = body.to_bytes();
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|_| unreachable("its answer names nobody".to_owned()));
        }
        let code = serde_json::from_slice::<Refused>(&body).ok().map(|refused| refused.code);
        // A code of the vendor's is a word; anything else is not repeated.
        let word = |code: &String| code.len() <= 64 && code.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'.');
        match code.filter(word) {
            Some(code) if status.is_client_error() => Err(Unanswered::Refused(code)),
            _ => Err(unreachable(format!("it answered {status}"))),
        }
    }
}

/// Two spellings of one signature are one.
fn known_by(identity: &SignedIdentity) -> String {
    format!("{} {}", identity.access_key_id().as_str(), identity.signature().to_ascii_lowercase())
}

/// A source has too many questions under way and waiting.
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
    /// The principal in the ARN, which must be of the account that is named too (`docs/spec/ram-policy.md` 3.2).
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
    fn an_identity_is_what_its_arn_says() {
        let read = |kind: &str, arn: &str| {
            let said = CallerIdentity { account_id: "1".into(), arn: arn.into(), identity_type: kind.into() };
            said.principal().map(|(principal, session)| format!("{principal} {session}"))
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
