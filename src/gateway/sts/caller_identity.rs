//! Keys of the real STS, exchanged for keys of the gateway's own.
//!
//! The caller signs a `GetCallerIdentity` and sends the values that make it. The request that goes to STS is built here,
//! to a place that is configured, and STS says who signed it. *Reconstruct, do not validate*: nothing of the caller's
//! but a key id, a token, a time and a signature is in it.

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

use crate::budget::{Bound, Holder, Item, Source, Throttled, Whose};
use crate::catalog::ASSUME_ROLE_WITH_CALLER_IDENTITY;
use crate::identity::{
    AnonymousClaim, Clock, IdentityFault, LONGEST_LIFE, NonceFault, Signed, SignedIdentity, SignedNonce,
};
use crate::ram::{AccessKeyId, AccountId, Identity, Origin, Parameters, Principal, Scheme, SessionName};

use super::super::clock;
use super::super::exchange::{Exchange, Judged, Said};
use super::super::parts::context_of;
use super::super::stop::Stop;
use super::super::upstream::error_chain;
use super::super::work_slots::{Entrant, WorkSlots};
use super::Issuing;
use super::answer::GrantAnswer;
use super::fault::StsFault;
use super::log_in::as_spelled;
use super::wanted::{Wanted, add_claims, required, role_of};

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

impl Exchange {
    pub(super) async fn with_identity(&mut self, issuing: &Issuing, signed: &Signed<'_>) -> Result<Judged, Stop> {
        let AnonymousClaim { action, version } = AnonymousClaim::read(signed)?;
        let parameters = signed.parameters;
        let own = ["RoleArn", "CallerIdentity", "ExternalId", "SourceIdentity"];
        let mut wanted = Wanted::read(parameters, &self.gateway.parts.catalog, &own)?;
        let exchange = issuing.exchange.as_ref().ok_or(StsFault::NoExchange)?;
        let identity =
            SignedIdentity::read(required(parameters, "CallerIdentity")?).map_err(StsFault::CallerIdentity)?;
        self.note_claim(Scheme::V3, Some(identity.access_key_id().as_str()), Said { action, version });
        let now = self.attempt.at;
        let signed_at = Clock { skew: self.gateway.parts.identity.clock_skew }
            .check(identity.date(), now)
            .map_err(|_| Stop::Identity(IdentityFault::Clock))?;
        if exchange.was_confirmed(&identity) {
            return Err(Stop::Identity(NonceFault::Used.into()));
        }
        let role = self.wanted_role(issuing, parameters, &wanted)?;
        let key = identity.access_key_id();
        let budgets = Arc::clone(&self.gateway.parts.budgets);
        // A key whose owner has no budget left is not asked about again. What a call claims charges its source alone.
        if let Some(owner) = exchange.owner_of(key) {
            budgets.check(&owner, Item::Exchanges, clock::steady())?;
            budgets.check(&owner, Item::Nonces, clock::steady())?;
        }
        let source = Holder::source(Source::from(self.attempt.source));
        budgets.check(&source, Item::Nonces, clock::steady())?;
        self.gateway.charge(&source, Item::Exchanges)?;
        self.wait_as_stranger()?;
        let entrant = exchange.slots.enter(&source).ok_or_else(|| crowded(ENTRANTS_OF_EACH))?;
        let (principal, session) = exchange.ask(&identity, &entrant).await?;
        drop(entrant);
        let origin = Origin::CallerIdentity(principal.arn().into());
        self.shown(&origin);
        let owner = match self.gateway.parts.pdp.directory().has_account(principal.account()) {
            true => Holder::principal(principal.clone()),
            false => Holder::account(principal.account().clone()),
        };
        exchange.remember(key, &owner);
        self.attempt().charged_to = Some(owner.clone());
        self.gateway.charge(&owner, Item::Exchanges)?;
        budgets.check(&owner, Item::Nonces, clock::steady())?;
        // Only now: who is nobody must not be able to fill the memory.
        let access_key_id = identity.access_key_id().as_str();
        let used = SignedNonce { holder: &principal, access_key_id, nonce: identity.signature(), signed_at };
        let remembered = self.gateway.parts.nonces.remember(used, now);
        // A memory that is full may have room for it later.
        if matches!(remembered, Ok(()) | Err(NonceFault::Used)) {
            exchange.note_confirmed(&identity);
        }
        remembered.map_err(|fault: NonceFault| Stop::Identity(fault.into()))?;
        // Only what is remembered is charged: an identity that is sent again uses up nothing.
        for holder in [&source, &owner] {
            budgets.spend(holder, Item::Nonces, 1, clock::steady());
        }
        wanted.narrow(parameters)?;
        let pdp = &self.gateway.parts.pdp;
        let assumed = if let Some(role) = role {
            let mut context = context_of(&self.attempt);
            add_claims(&mut context, parameters);
            self.assumed_by(role, &principal, None, context).await?
        } else {
            let known = match principal.identity() {
                Identity::Role(name) => pdp.directory().role(principal.account(), name).map(|(known, _)| known),
                Identity::User(_) | Identity::Root => None,
            };
            pdp.itself(known.unwrap_or(&principal))
        };
        let assumed = assumed.map_err(StsFault::Assumption)?;
        self.gateway.charge(&owner, Item::Keys)?;
        let name = wanted.name.clone().unwrap_or(session);
        let answer = GrantAnswer {
            operation: ASSUME_ROLE_WITH_CALLER_IDENTITY,
            token: None,
            id: self.id_of(assumed.principal()),
        };
        self.granting(issuing, assumed, &wanted, (name, origin), answer)
    }

    /// The role that is asked for, where one is. Refuses what no answer of STS could make good: a question to STS costs a
    /// turn, and the credit of the gateway's address there.
    fn wanted_role(
        &self,
        issuing: &Issuing,
        parameters: &Parameters,
        wanted: &Wanted,
    ) -> Result<Option<Principal>, StsFault> {
        let now = self.attempt.at;
        issuing.issuer.can_issue(now).map_err(StsFault::NoKey)?;
        if parameters.value("RoleArn").is_none() {
            wanted.expires(now, LONGEST_LIFE)?;
            return Ok(None);
        }
        let (account, name) = role_of(parameters)?;
        let role = Principal::new(account, Identity::Role(name));
        let longest =
            self.gateway.parts.pdp.assumable(as_spelled(&self.gateway, &role)).map_err(StsFault::Assumption)?;
        wanted.expires(now, longest)?;
        Ok(Some(role))
    }
}

impl IdentityExchange {
    /// `url` is of the real STS; `audience` is what callers sign for, so that nobody else's gateway can use it here.
    pub fn new(url: String, audience: String, tls: rustls::ClientConfig) -> Self {
        let confirmed = Arc::new(Mutex::new(LruCache::new(CONFIRMED)));
        let known = Arc::new(Mutex::new(LruCache::new(KNOWN)));
        Self { url, audience, tls, confirmed, slots: WorkSlots::new(AT_ONCE, OF_EACH, ENTRANTS_OF_EACH), known }
    }

    fn was_confirmed(&self, identity: &SignedIdentity) -> bool {
        let confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.contains(known_by(identity).as_str())
    }

    fn note_confirmed(&self, identity: &SignedIdentity) {
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.put(known_by(identity).into(), ());
    }

    /// To whom a key belongs, where STS said so lately.
    fn owner_of(&self, key: &AccessKeyId) -> Option<Holder> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn remember(&self, key: &AccessKeyId, owner: &Holder) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).put(key.clone(), owner.clone());
    }

    /// Who signed, and the name of their session.
    async fn ask(&self, identity: &SignedIdentity, entrant: &Entrant) -> Result<(Principal, SessionName), StsFault> {
        let said = timeout(PATIENCE, async {
            let _slot = entrant.slot().await;
            self.answer(identity).await
        });
        let said = said.await;
        let said = said.unwrap_or_else(|_| Err(Unanswered::Unreachable("it took too long".to_owned())));
        let said = said.map_err(|why| match why {
            Unanswered::Refused(code) => StsFault::Unconfirmed(code),
            Unanswered::Unreachable(why) => StsFault::StsUnreachable(why),
        })?;
        said.principal()
            .ok_or_else(|| StsFault::Unconfirmed("it names somebody whom this gateway cannot know".to_owned()))
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
fn crowded(limit: usize) -> Throttled {
    let limit = limit.try_into().unwrap_or(u64::MAX);
    Throttled { whose: Whose::Source, item: Item::Exchanges, bound: Bound::AtOnce(limit), retry_after: CROWDED }
}

impl CallerIdentity {
    /// The principal in the ARN, which must be of the account that is named too (`spec/ram-policy.md` 3.2).
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
