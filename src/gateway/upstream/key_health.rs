//! Whether an upstream accepts the gateway's own keys. Each change is logged once; metrics and `/readyz` always show
//! the present state.
//!
//! An authentication error is a state of the key: it lasts until the upstream accepts a call signed with the key again.
//! A missing permission concerns one action only, so `/readyz` does not report it, and it is logged once an hour for
//! each key and action.

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
/// A permission that is still missing, or a repetition that still happens, is logged again after this time.
const CALL_AGAIN: Duration = Duration::from_secs(3600);
/// How many notices are remembered, and so how many missing permissions are logged individually: a caller of unlisted
/// operations can name any number of actions.
const MOST_NOTICES: usize = 256;

/// Whether one upstream accepts the keys that its calls are signed with.
#[derive(Debug, Default)]
pub(crate) struct KeyHealth {
    /// How many keys are refused. While it is 0, calls do not take the lock.
    refused: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// At most one entry for each of the gateway's keys.
    refused: BTreeMap<AccountId, RefusedKey>,
    /// When each notice was last logged.
    logged: HashMap<Notice, Instant>,
    /// By class and code. The codes come from a data file, so their number is bounded.
    counts: BTreeMap<(OwnKeyClass, &'static str), u64>,
}

/// A message that was logged recently and is not repeated yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Notice {
    /// The code with which the account's key was refused.
    Refused(AccountId, &'static str),
    /// The action that is not permitted, or the code of a repetition.
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
    /// The region of a call that was refused.
    pub(crate) region: Region,
    /// Whether the refusal was logged, so that the recovery must be logged too.
    logged: bool,
}

/// A call that was signed with one of the keys, with the parts of its answer that the log shows.
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
    /// Records that the upstream's answer to a call was about the key.
    pub(crate) fn refused(&self, call: SignedCall<'_>, fault: &'static OwnKeyCode, now: Instant, at: Timestamp) {
        let mut state = self.lock();
        *state.counts.entry((fault.class, &fault.code)).or_default() += 1;
        match fault.class {
            OwnKeyClass::Authentication => state.degrade(call, fault, now, at),
            OwnKeyClass::Permission => state.log_call(call, fault, call.action, now),
            OwnKeyClass::Repetition => state.log_call(call, fault, &fault.code, now),
        }
        self.refused.store(state.refused.len(), Ordering::Relaxed);
    }

    /// Records that the upstream accepts the account's key. Costs one atomic load while no key is refused.
    pub(crate) fn accepted(&self, account: &AccountId, key: impl FnOnce() -> String) {
        if self.refused.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut state = self.lock();
        if let Some(refused) = state.refused.remove(account)
            && refused.logged
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

    /// The number of answers about a key since the start, by class and code.
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
        if known.is_some_and(|refused| refused.logged) {
            return;
        }
        let due = self.take_due(Notice::Refused(account.clone(), &fault.code), now, AGAIN);
        if due {
            let (code, remedy) = (&*fault.code, &*fault.remedy);
            tracing::error!(
                %account, key, code, status, action, %region, request_id,
                "the upstream refuses the gateway's own key, so calls of this account are answered with 503 \
                 ServiceUnavailable: {remedy}"
            );
        }
        let since = self.refused.get(account).map_or(at, |refused| refused.since);
        // If an earlier code was logged, its recovery must be logged, even if the notice for this code was suppressed.
        let logged = due || self.refused.get(account).is_some_and(|refused| refused.logged);
        let key = key.to_owned();
        let refused =
            RefusedKey { account: account.clone(), key, code: &fault.code, since, region: region.clone(), logged };
        self.refused.insert(account.clone(), refused);
    }

    /// Logs that one call was refused, at most once an hour for all calls with the same `subject`.
    fn log_call(&mut self, call: SignedCall<'_>, fault: &'static OwnKeyCode, subject: &str, now: Instant) {
        let SignedCall { account, key, action, region, status, request_id } = call;
        if self.take_due(Notice::Call(account.clone(), excerpt(subject)), now, CALL_AGAIN) {
            let (code, remedy) = (&*fault.code, &*fault.remedy);
            tracing::error!(
                %account, key, code, status, action, %region, request_id,
                "the upstream refuses a call signed with the gateway's own key, so its caller is answered with 503 \
                 ServiceUnavailable: {remedy}"
            );
        }
    }

    /// Whether a notice is to be logged now. Remembers it if so. When too many calls are refused, a single notice says
    /// that there are more.
    fn take_due(&mut self, notice: Notice, now: Instant, again: Duration) -> bool {
        let recent = |logged: &Instant, again| now.saturating_duration_since(*logged) < again;
        if self.logged.get(&notice).is_some_and(|logged| recent(logged, again)) {
            return false;
        }
        if self.logged.len() >= MOST_NOTICES {
            self.logged.retain(|_, logged| recent(logged, CALL_AGAIN));
        }
        if self.logged.len() >= MOST_NOTICES && matches!(notice, Notice::Call(..)) {
            if !self.logged.get(&Notice::More).is_some_and(|logged| recent(logged, CALL_AGAIN)) {
                tracing::error!(
                    "the upstream refuses more than {MOST_NOTICES} different actions of the gateway; further ones are \
                     only counted: see `ramgate_upstream_key_refusals_total` and the audit log"
                );
                self.logged.insert(Notice::More, now);
            }
            return false;
        }
        self.logged.insert(notice, now);
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

    /// The health of one account's key.
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

        fn notices(&self) -> usize {
            self.health.lock().logged.len()
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
        assert_eq!(bench.health.refused_keys().len(), 1, "another account's key does not change this one");
        bench.health.accepted(&bench.account, String::new);
        assert!(bench.health.refused_keys().is_empty());
    }

    #[test]
    fn a_flapping_state_is_logged_once_a_minute() {
        let bench = Bench::new();
        for second in 0..50 {
            bench.refuse("SignatureDoesNotMatch", "ecs:A", Duration::from_secs(second));
            let logged = bench.health.refused_keys()[0].logged;
            assert_eq!(logged, second == 0, "{second}");
            bench.health.accepted(&bench.account, String::new);
        }
        bench.refuse("SignatureDoesNotMatch", "ecs:A", Duration::from_secs(55));
        bench.refuse("SignatureDoesNotMatch", "ecs:A", Duration::from_secs(61));
        assert!(bench.health.refused_keys()[0].logged, "a state that lasts is logged once the interval is over");
    }

    #[test]
    fn a_missing_permission_is_not_a_state_of_the_key_and_notices_are_bounded() {
        let bench = Bench::new();
        for action in 0..2 * MOST_NOTICES {
            bench.refuse("Forbidden.RAM", &format!("ecs:{action}"), Duration::ZERO);
        }
        assert!(bench.health.refused_keys().is_empty());
        assert_eq!(bench.notices(), MOST_NOTICES + 1);
        assert_eq!(bench.health.counts(), [(OwnKeyClass::Permission, "Forbidden.RAM", 2 * MOST_NOTICES as u64)]);
        bench.refuse("Forbidden.RAM", "ecs:later", CALL_AGAIN);
        assert_eq!(bench.notices(), 1, "old notices make room");
    }
}
