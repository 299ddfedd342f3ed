//! A key of the gateway's own that does not last: that of the RAM role of its instance, replaced well before it
//! expires. The last good one stays until then, and after it nothing is signed.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::config::InstanceRoleSettings;
use crate::identity::{Credential, KeyStatus};
use ram_policy::{AccountId, Identity, Principal};

use super::key_error::KeyError;
use crate::gateway::client::{MetadataError, read_role_key};

/// A key is replaced when so much of its time is left, or a third of it where that is more. The service has a new one
/// by then: its own clients ask for it 15 minutes ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(15);
/// Between two readings while the service still gives the key that is to be replaced.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Between two readings that failed.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// A machine that slept, or whose clock was set, finds out after so long.
const LONGEST_SLEEP: Duration = Duration::from_secs(20);

/// The role and its present key.
pub struct InstanceRole {
    settings: InstanceRoleSettings,
    account: AccountId,
    tls: rustls::ClientConfig,
    current: RwLock<Option<Arc<RoleKey>>>,
}

/// One key of the role.
#[derive(Debug)]
pub(crate) struct RoleKey {
    pub(crate) credential: Credential,
    expires: Timestamp,
    /// When it was first given.
    since: Timestamp,
}

impl InstanceRole {
    /// `account` is whose calls are signed with it. There is no key before the first reading.
    pub fn new(settings: InstanceRoleSettings, account: AccountId, tls: rustls::ClientConfig) -> Self {
        Self { settings, account, tls, current: RwLock::new(None) }
    }

    /// Takes the key that the metadata service gives now.
    ///
    /// # Errors
    /// Why there is none; the one before it stays.
    pub async fn read(&self, now: Timestamp) -> Result<(), MetadataError> {
        let given = read_role_key(&self.settings, &self.tls).await?;
        let role = &self.settings.role;
        if given.expires <= now {
            return Err(MetadataError::Expired { role: role.clone(), expired: given.expires });
        }
        let before = self.current();
        let same = before.filter(|key| *key.credential.id() == given.id && key.expires == given.expires);
        if same.is_some() {
            tracing::debug!(role, "the metadata service has no newer key yet");
            return Ok(());
        }
        tracing::info!(role, key = given.id.masked(), expires = %given.expires, "the gateway has a key of its role");
        let principal = Principal::new(self.account.clone(), Identity::Root);
        let credential = Credential::new(given.id, &given.secret, principal, KeyStatus::Active);
        let credential = credential.with_security_token(given.security_token);
        let key = RoleKey { credential, expires: given.expires, since: now };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(key));
        Ok(())
    }

    /// The key to sign with at that time.
    pub(crate) fn key(&self, now: Timestamp) -> Result<Arc<RoleKey>, KeyError> {
        let role = || self.settings.role.clone();
        let key = self.current().ok_or_else(|| KeyError::AttributeReadError { role: role() })?;
        if key.expires <= now {
            return Err(KeyError::Expired { role: role(), expired: key.expires });
        }
        Ok(key)
    }

    /// Keeps the key fresh until it is told to stop. `clock` is the time that keys expire by.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken, clock: fn() -> Timestamp) {
        let mut failures = 0;
        let mut last = clock();
        loop {
            let due = last + self.pause(failures, last);
            let now = clock();
            // A clock that was set back says nothing of when the last reading was.
            if now < due && now >= last {
                let left = Duration::try_from(due.duration_since(now)).unwrap_or_default();
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(left.min(LONGEST_SLEEP)) => continue,
                }
            }
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = self.read(now) => read,
            };
            last = clock();
            failures = match read {
                Ok(()) => 0,
                Err(why) => {
                    self.tell(&why, last);
                    failures + 1
                }
            };
        }
    }

    fn tell(&self, why: &MetadataError, now: Timestamp) {
        match self.key(now) {
            Ok(key) => tracing::warn!("{why}; the key before it is used until {}", key.expires),
            Err(fault) => tracing::error!("{why}; {fault}"),
        }
    }

    /// From a reading to the next one.
    fn pause(&self, failures: u32, now: Timestamp) -> Duration {
        if failures > 0 {
            return Duration::from_secs(1 << (failures - 1).min(10)).min(LONGEST_RETRY);
        }
        self.current().map_or(LEAST_PAUSE, |key| key.pause(now))
    }

    fn current(&self) -> Option<Arc<RoleKey>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl RoleKey {
    fn pause(&self, now: Timestamp) -> Duration {
        let ahead = AHEAD.max(self.expires.duration_since(self.since) / 3);
        let left = self.expires.duration_since(now);
        let until_due = Duration::try_from(left - ahead).unwrap_or_default();
        let again = Duration::try_from(left / 8).unwrap_or_default().clamp(LEAST_PAUSE, LONGEST_PAUSE);
        if until_due.is_zero() { again } else { until_due.max(LEAST_PAUSE) }
    }
}

impl std::fmt::Debug for InstanceRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstanceRole")
            .field("settings", &self.settings)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::client_tls;
    use crate::identity::Secret;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn role(since: &str, expires: &str) -> InstanceRole {
        let settings = InstanceRoleSettings { role: "r".to_owned(), metadata_url: "http://127.0.0.1:1".to_owned() };
        let account: AccountId = "1".parse().unwrap();
        let principal = Principal::new(account.clone(), Identity::Root);
        let credential =
            Credential::new("STS.one".parse().unwrap(), &Secret::new("hunter2"), principal, KeyStatus::Active);
        let credential = credential.with_security_token(Secret::new("hunter2"));
        let role = InstanceRole::new(settings, account, client_tls(None).unwrap());
        *role.current.write().unwrap() =
            Some(Arc::new(RoleKey { credential, expires: time(expires), since: time(since) }));
        role
    }

    #[test]
    fn nothing_is_signed_with_an_expired_key() {
        let role = role("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z");
        assert!(role.key(time("2026-01-01T05:59:59Z")).is_ok());
        for late in ["2026-01-01T06:00:00Z", "2026-01-02T00:00:00Z"] {
            let fault = role.key(time(late)).unwrap_err();
            assert!(fault.to_string().contains("expired at 2026-01-01T06:00:00Z"), "{fault}");
        }
        *role.current.write().unwrap() = None;
        assert!(matches!(role.key(time("2026-01-01T00:00:00Z")), Err(KeyError::AttributeReadError { .. })));
    }

    #[test]
    fn a_key_is_replaced_well_before_it_expires() {
        let pause = |since: &str, expires: &str, now: &str| role(since, expires).pause(0, time(now)).as_secs();
        let (start, six) = ("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z");
        assert_eq!(pause(start, six, start), 4 * 3600, "a third is left");
        assert_eq!(pause(start, six, "2026-01-01T03:59:59Z"), 1);
        assert_eq!(pause(start, six, "2026-01-01T04:00:00Z"), 300, "the service has the same key still");
        assert_eq!(pause(start, six, "2026-01-01T05:52:00Z"), 60);
        assert_eq!(pause(start, six, "2026-01-01T05:59:59Z"), 1);
        assert_eq!(pause(start, six, "2026-01-01T07:00:00Z"), 1);
        assert_eq!(pause(start, "2026-01-01T00:30:00Z", start), 15 * 60, "15 minutes are more than a third");
        assert_eq!(pause(start, "2026-01-01T00:10:00Z", start), 75);
    }

    #[test]
    fn a_reading_that_fails_is_repeated_ever_more_seldom() {
        let role = role("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z");
        let now = time("2026-01-01T04:00:00Z");
        let pauses: Vec<_> = (1..10).map(|failures| role.pause(failures, now).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(role.pause(u32::MAX, now), LONGEST_RETRY);
    }

    #[test]
    fn no_debug_form_shows_the_key() {
        let role = role("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z");
        let key = role.key(time("2026-01-01T00:00:00Z")).unwrap();
        assert!(!format!("{role:?} {key:?}").contains("hunter2"));
    }
}
