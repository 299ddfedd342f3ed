//! A temporary key of the gateway's own: the key of its instance's RAM role, replaced well before it expires. If no
//! newer key can be read, the last one is used until it expires; after that, nothing is signed.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::config::InstanceRoleSettings;
use crate::identity::{Credential, KeyStatus};
use ram_policy::{AccountId, Identity, Principal};

use super::keys::KeyError;
use crate::gateway::client::{MetadataError, read_role_key};

/// A key is replaced when this much of its lifetime is left, or a third of it if that is more. The service has a new
/// key by then: the vendor's own clients ask for it 15 minutes before expiry.
const AHEAD: SignedDuration = SignedDuration::from_mins(15);
/// The bounds of the pause between two readings while the service still returns the key that is due for replacement.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The longest pause after a reading that failed.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// The clock is read at least this often, in case the machine was suspended or its clock was set.
const LONGEST_SLEEP: Duration = Duration::from_secs(20);

/// The role of the gateway's instance, and its present key.
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
    /// When it was first read.
    since: Timestamp,
}

impl InstanceRole {
    /// A role whose key signs the calls of `account`. There is no key until [`InstanceRole::read`] has succeeded.
    pub fn new(settings: InstanceRoleSettings, account: AccountId, tls: rustls::ClientConfig) -> Self {
        Self { settings, account, tls, current: RwLock::new(None) }
    }

    /// Reads the role's key from the metadata service.
    ///
    /// # Errors
    /// The service does not return a key, or returns one that has expired. The previous key stays in use.
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
        tracing::info!(role, key = given.id.masked(), expires = %given.expires, "read a new key of the instance role");
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
        let key = self.current().ok_or_else(|| KeyError::NotReadYet { role: role() })?;
        if key.expires <= now {
            return Err(KeyError::Expired { role: role(), expired: key.expires });
        }
        Ok(key)
    }

    /// Replaces the key in time, until `stop`. `clock` gives the time that expiry is compared with.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken, clock: fn() -> Timestamp) {
        let mut failures = 0;
        let mut last = clock();
        loop {
            let due = last + self.pause(failures, last);
            let now = clock();
            // If the clock was set back, the time of the last reading is meaningless, and the key is read at once.
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
                    self.log_failure(&why, last);
                    failures + 1
                }
            };
        }
    }

    fn log_failure(&self, why: &MetadataError, now: Timestamp) {
        match self.key(now) {
            Ok(key) => tracing::warn!("{why}; the previous key is used until {}", key.expires),
            Err(error) => tracing::error!("{why}; {error}"),
        }
    }

    /// The time from one reading to the next.
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
            let error = role.key(time(late)).unwrap_err();
            assert!(error.to_string().contains("expired at 2026-01-01T06:00:00Z"), "{error}");
        }
        *role.current.write().unwrap() = None;
        assert!(matches!(role.key(time("2026-01-01T00:00:00Z")), Err(KeyError::NotReadYet { .. })));
    }

    #[test]
    fn a_key_is_replaced_well_before_it_expires() {
        let pause = |since: &str, expires: &str, now: &str| role(since, expires).pause(0, time(now)).as_secs();
        let (start, six) = ("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z");
        assert_eq!(pause(start, six, start), 4 * 3600, "until a third of the lifetime is left");
        assert_eq!(pause(start, six, "2026-01-01T03:59:59Z"), 1);
        assert_eq!(pause(start, six, "2026-01-01T04:00:00Z"), 300, "the service still returns the same key");
        assert_eq!(pause(start, six, "2026-01-01T05:52:00Z"), 60);
        assert_eq!(pause(start, six, "2026-01-01T05:59:59Z"), 1);
        assert_eq!(pause(start, six, "2026-01-01T07:00:00Z"), 1);
        assert_eq!(pause(start, "2026-01-01T00:30:00Z", start), 15 * 60, "15 minutes are more than a third");
        assert_eq!(pause(start, "2026-01-01T00:10:00Z", start), 75);
    }

    #[test]
    fn failed_readings_are_retried_with_growing_pauses() {
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
