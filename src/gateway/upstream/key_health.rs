//! Whether an upstream accepts the gateway's own keys: told once a state in the log, and at any time to metrics and
//! `/readyz`.
//!
//! An authentication fault is a state of the key and lasts until the upstream accepts a call of it again. A missing
//! permission is about one action: it degrades nothing, and is told once an hour for each key and action.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::catalog::{OwnKeyClass, OwnKeyCode};
use crate::ram::Region;
use crate::wire::excerpt;
use ram_policy::AccountId;

/// A state that flaps is logged at most once per this interval.
const AGAIN: Duration = Duration::from_secs(60);
/// A permission that is still missing is logged again after this time.
const PERMISSION_AGAIN: Duration = Duration::from_secs(3600);
/// How many missing permissions are logged individually: a caller of unlisted operations can name any number.
const MOST_TOLD: usize = 256;

/// What one upstream thinks of the keys that its calls are signed with.
#[derive(Debug, Default)]
pub(crate) struct KeyHealth {
    /// How many keys are refused: calls look at no more than this while there is none.
    refused: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// As many as there are keys, at most.
    refused: BTreeMap<AccountId, RefusedKey>,
    told: HashMap<Notice, Instant>,
    /// By class and code of the data file, so there are only so many.
    counts: BTreeMap<(OwnKeyClass, &'static str), u64>,
}

/// A message that was logged recently and is not repeated yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Notice {
    Refused(AccountId, &'static str),
    Call(AccountId, String),
    /// More permissions are missing than are logged individually.
    More,
}

/// A key that the upstream does not accept at present.
#[derive(Clone, Debug)]
pub(crate) struct RefusedKey {
    pub(crate) account: AccountId,
    /// Masked.
    key: String,
    code: &'static str,
    since: Timestamp,
    /// Where a call of it was refused.
    pub(crate) region: Region,
    /// Whether the log has it, so that the recovery belongs there too.
    told: bool,
}

/// A call that was signed with one of the keys, as far as its answer is about the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedCall<'a> {
    pub(crate) account: &'a AccountId,
    /// Masked.
    pub(crate) key: &'a str,
    /// `ecs:AttachNetworkInterface`
    pub(crate) action: &'a str,
    pub(crate) region: &'a Region,
    pub(crate) status: u16,
    /// The upstream's.
    pub(crate) request_id: Option<&'a str>,
}

impl KeyHealth {
    /// The upstream's answer to a call was about the key.
    pub(crate) fn refused(&self, call: SignedCall<'_>, fault: &'static OwnKeyCode, now: Instant, at: Timestamp) {
        let mut state = self.lock();
        *state.counts.entry((fault.class, &fault.code)).or_default() += 1;
        match fault.class {
            OwnKeyClass::Authentication => state.degrade(call, fault, now, at),
            OwnKeyClass::Permission => state.tell_call(call, fault, call.action, now),
            OwnKeyClass::Repetition => state.tell_call(call, fault, &fault.code, now),
        }
        self.refused.store(state.refused.len(), Ordering::Relaxed);
    }

    /// The upstream's answer proves that it accepts the account's key. Costs one load while no key is refused.
    pub(crate) fn accepted(&self, account: &AccountId, key: impl FnOnce() -> String) {
        if self.refused.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut state = self.lock();
        if let Some(refused) = state.refused.remove(account)
            && refused.told
        {
            let (key, code) = (key(), refused.code);
            tracing::info!(%account, key, after = code, "the upstream accepts the gateway's own key again");
        }
        self.refused.store(state.refused.len(), Ordering::Relaxed);
    }

    /// The keys that are refused at present.
    pub(crate) fn refused_keys(&self) -> Vec<RefusedKey> {
        match self.refused.load(Ordering::Relaxed) {
            0 => Vec::new(),
            _ => self.lock().refused.values().cloned().collect(),
        }
    }

    /// How many answers were about a key, by class and code, since the start.
    pub(crate) fn counts(&self) -> Vec<(OwnKeyClass, &'static str, u64)> {
        self.lock().counts.iter().map(|((class, code), count)| (*class, *code, *count)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn degrade(&mut self, call: SignedCall<'_>, fault: &'static OwnKeyCode, now: Instant, at: Timestamp) {
        let SignedCall { account, key, action, region, status, request_id } = call;
        let known = self.refused.get(account).filter(|refused| refused.key == key && refused.code == fault.code);
        if known.is_some_and(|refused| refused.told) {
            return;
        }
        let told = self.due(Notice::Refused(account.clone(), &fault.code), now, AGAIN);
        if told {
            let (code, remedy) = (&*fault.code, &*fault.remedy);
            tracing::error!(
                %account, key, code, status, action, %region, request_id,
                "the upstream refuses the gateway's own key, so calls of this account are answered 503 \
                 ServiceUnavailable: {remedy}"
            );
        }
        let since = self.refused.get(account).map_or(at, |refused| refused.since);
        // A notice that was held back for this code is no reason to keep the recovery from an earlier one silent.
        let told = told || self.refused.get(account).is_some_and(|refused| refused.told);
        let key = key.to_owned();
        let refused =
            RefusedKey { account: account.clone(), key, code: &fault.code, since, region: region.clone(), told };
        self.refused.insert(account.clone(), refused);
    }

    /// Logs a fault of one call, once for all calls with the same `what`.
    fn tell_call(&mut self, call: SignedCall<'_>, fault: &'static OwnKeyCode, what: &str, now: Instant) {
        let SignedCall { account, key, action, region, status, request_id } = call;
        if self.due(Notice::Call(account.clone(), excerpt(what)), now, PERMISSION_AGAIN) {
            let (code, remedy) = (&*fault.code, &*fault.remedy);
            tracing::error!(
                %account, key, code, status, action, %region, request_id,
                "the upstream refuses a call of the gateway's own key, so the caller it was for is answered 503 \
                 ServiceUnavailable: {remedy}"
            );
        }
    }

    /// Whether something has to be told. When there is too much of it, only that there is more.
    fn due(&mut self, notice: Notice, now: Instant, again: Duration) -> bool {
        let recent = |told: &Instant, again| now.saturating_duration_since(*told) < again;
        if self.told.get(&notice).is_some_and(|told| recent(told, again)) {
            return false;
        }
        if self.told.len() >= MOST_TOLD {
            self.told.retain(|_, told| recent(told, PERMISSION_AGAIN));
        }
        if self.told.len() >= MOST_TOLD && matches!(notice, Notice::Call(..)) {
            if !self.told.get(&Notice::More).is_some_and(|told| recent(told, PERMISSION_AGAIN)) {
                tracing::error!(
                    "the upstream refuses the gateway more than {MOST_TOLD} different actions; more are only counted: \
                     see `ramgate_upstream_key_refusals_total` and the audit log"
                );
                self.told.insert(Notice::More, now);
            }
            return false;
        }
        self.told.insert(notice, now);
        true
    }
}

impl std::fmt::Display for RefusedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { account, code, since, .. } = self;
        let since = since.round(jiff::Unit::Second).unwrap_or(*since);
        write!(f, "the gateway's own key of account {account} since {since}: `{code}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::EcsError;

    fn fault(code: &str) -> &'static OwnKeyCode {
        let answer = EcsError { status: 403, code, message: "", has_denial_detail: false };
        OwnKeyCode::in_answer(answer).unwrap()
    }

    /// A key of one account, and what becomes of it.
    struct Bench {
        health: KeyHealth,
        account: AccountId,
        region: Region,
        start: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let (account, region) = ("1".parse().unwrap(), "cn-hangzhou".parse().unwrap());
            Self { health: KeyHealth::default(), account, region, start: Instant::now() }
        }

        fn refuse(&self, code: &str, action: &str, after: Duration) {
            let call = SignedCall {
                account: &self.account,
                key: "LTAI****0000",
                action,
                region: &self.region,
                status: 403,
                request_id: None,
            };
            self.health.refused(call, fault(code), self.start + after, Timestamp::UNIX_EPOCH);
        }

        fn told(&self) -> usize {
            self.health.lock().told.len()
        }
    }

    #[test]
    fn a_refused_key_degrades_until_it_is_accepted() {
        let bench = Bench::new();
        bench.refuse("InvalidAccessKeyId.NotFound", "ecs:A", Duration::ZERO);
        bench.refuse("InvalidAccessKeyId.Inactive", "ecs:A", Duration::ZERO);
        let shown: Vec<_> = bench.health.refused_keys().iter().map(ToString::to_string).collect();
        let expected = "the gateway's own key of account 1 since 1970-01-01T00:00:00Z: \
            `InvalidAccessKeyId.Inactive`";
        assert_eq!(shown, [expected]);
        bench.health.accepted(&"2".parse().unwrap(), String::new);
        assert_eq!(bench.health.refused_keys().len(), 1, "another account's key says nothing of this one");
        bench.health.accepted(&bench.account, String::new);
        assert!(bench.health.refused_keys().is_empty());
    }

    #[test]
    fn a_state_that_comes_and_goes_is_told_once_a_minute() {
        let bench = Bench::new();
        for second in 0..50 {
            bench.refuse("SignatureDoesNotMatch", "ecs:A", Duration::from_secs(second));
            let told = bench.health.refused_keys()[0].told;
            assert_eq!(told, second == 0, "{second}");
            bench.health.accepted(&bench.account, String::new);
        }
        bench.refuse("SignatureDoesNotMatch", "ecs:A", Duration::from_secs(55));
        bench.refuse("SignatureDoesNotMatch", "ecs:A", Duration::from_secs(61));
        assert!(bench.health.refused_keys()[0].told, "it lasts, so it is told after all");
    }

    #[test]
    fn a_missing_permission_degrades_nothing_and_is_remembered_within_a_bound() {
        let bench = Bench::new();
        for action in 0..2 * MOST_TOLD {
            bench.refuse("Forbidden.RAM", &format!("ecs:{action}"), Duration::ZERO);
        }
        assert!(bench.health.refused_keys().is_empty());
        assert_eq!(bench.told(), MOST_TOLD + 1);
        assert_eq!(bench.health.counts(), [(OwnKeyClass::Permission, "Forbidden.RAM", 2 * MOST_TOLD as u64)]);
        bench.refuse("Forbidden.RAM", "ecs:later", PERMISSION_AGAIN);
        assert_eq!(bench.told(), 1, "what was told long ago makes room");
    }
}
