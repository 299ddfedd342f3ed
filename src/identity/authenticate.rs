//! From a request to a caller, in the order in which faults are found (design 7).

use jiff::Timestamp;

use crate::ram::Caller;

use super::claim::Claim;
use super::clock::{Clock, ClockFault};
use super::fault::IdentityFault;
use super::keyring::{KeyRing, KeyStatus};
use super::replay::NonceMemory;
use super::signed::Signed;

/// What a signature is checked against.
#[derive(Clone, Copy)]
pub struct Authenticator<'a> {
    pub keys: &'a KeyRing,
    pub clock: Clock,
    pub nonces: &'a dyn NonceMemory,
}

/// A caller whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    pub caller: Caller,
    /// When the call was signed, by the caller's clock.
    pub signed_at: Timestamp,
}

impl Authenticator<'_> {
    /// Key known, signature, key state and token, clock, nonce. The nonce is remembered last, and only for a call
    /// whose signature verified.
    ///
    /// # Errors
    /// The first fault in that order.
    pub fn authenticate(
        &self,
        claim: &Claim<'_>,
        signed: &Signed<'_>,
        now: Timestamp,
    ) -> Result<Authenticated, IdentityFault> {
        let claimed = claim.claimed();
        let unknown = if claimed.access_key_id.starts_with("STS.") {
            IdentityFault::ForeignToken
        } else {
            IdentityFault::UnknownKey
        };
        let credential = self.keys.find(claimed.access_key_id).ok_or(unknown)?;
        claim.verify(signed, credential)?;
        if credential.status() == KeyStatus::Inactive {
            return Err(IdentityFault::InactiveKey);
        }
        if claimed.security_token.is_some() {
            return Err(IdentityFault::TokenWithPermanentKey);
        }
        let signed_at = self.clock.check(claimed.timestamp, now).map_err(|fault| match fault {
            ClockFault::Malformed => IdentityFault::MalformedTimestamp,
            ClockFault::Outside => IdentityFault::Clock,
        })?;
        let printable = claimed.nonce.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        if !printable || !(1..=256).contains(&claimed.nonce.len()) {
            return Err(IdentityFault::MalformedNonce);
        }
        self.nonces.remember(claimed.access_key_id, claimed.nonce, now)?;
        let caller = Caller {
            principal: credential.principal().clone(),
            access_key: Some(credential.id().clone()),
            scheme: claim.scheme(),
        };
        Ok(Authenticated { caller, signed_at })
    }
}

impl std::fmt::Debug for Authenticator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("clock", &self.clock).finish_non_exhaustive()
    }
}
