//! From a request to a caller, in the order in which faults are found (design 7).

use jiff::Timestamp;

use crate::ram::{Caller, Proof, Scheme};

use super::bearer::BearerClaim;
use super::claim::Claim;
use super::claimed::Claimed;
use super::clock::{Clock, ClockFault};
use super::fault::IdentityFault;
use super::jwt::{TokenIssuer, VerifiedToken, verify_token};
use super::keyring::{KeyRing, KeyStatus};
use super::replay::NonceMemory;
use super::signed::Signed;

/// What a credential is checked against.
#[derive(Clone, Copy)]
pub struct Authenticator<'a> {
    pub keys: &'a KeyRing,
    pub issuers: &'a [TokenIssuer],
    pub channel: Channel,
    pub clock: Clock,
    pub nonces: &'a dyn NonceMemory,
}

/// Whether others can read what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// TLS, or this machine.
    Protected,
    Open,
}

/// A caller whose credential was verified, or whose key is known and verified elsewhere: its proof says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    pub caller: Caller,
    /// When the call was signed, by the caller's clock; none for a token, which signs no call.
    pub signed_at: Option<Timestamp>,
}

impl Authenticator<'_> {
    /// Key known, signature, key state and token, clock, nonce. The nonce is remembered last, and only for a call
    /// whose signature verified: anybody could use up those of a key that is known by its id alone.
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
        if let Claim::Bearer(bearer) = claim {
            return self.bearer(bearer, now);
        }
        let unknown = if claimed.access_key_id.starts_with("STS.") {
            IdentityFault::ForeignToken
        } else {
            IdentityFault::UnknownKey
        };
        let Some(credential) = self.keys.find(claimed.access_key_id) else {
            let known = self.keys.find_without_secret(claimed.access_key_id).ok_or(unknown)?;
            claim.check_body(signed)?;
            let signed_at = self.check_claimed(&claimed, known.status, now)?;
            let proof = Proof::ClaimedKey(known.id.clone());
            let caller = Caller { principal: known.principal.clone(), proof, scheme: claim.scheme() };
            return Ok(Authenticated { caller, signed_at: Some(signed_at) });
        };
        claim.verify(signed, credential)?;
        let signed_at = self.check_claimed(&claimed, credential.status(), now)?;
        self.nonces.remember(claimed.access_key_id, claimed.nonce, now)?;
        let caller = Caller {
            principal: credential.principal().clone(),
            proof: Proof::AccessKey(credential.id().clone()),
            scheme: claim.scheme(),
        };
        Ok(Authenticated { caller, signed_at: Some(signed_at) })
    }

    /// Whatever else a signed call must be right in; and when it was signed.
    fn check_claimed(
        &self,
        claimed: &Claimed<'_>,
        status: KeyStatus,
        now: Timestamp,
    ) -> Result<Timestamp, IdentityFault> {
        if status == KeyStatus::Inactive {
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
        Ok(signed_at)
    }

    /// The channel, then the token. There is no nonce: until it expires a token can be sent again by whoever has it.
    fn bearer(&self, claim: &BearerClaim<'_>, now: Timestamp) -> Result<Authenticated, IdentityFault> {
        if self.issuers.is_empty() {
            return Err(IdentityFault::NoIssuers);
        }
        if self.channel == Channel::Open {
            return Err(IdentityFault::TokenInTheOpen);
        }
        let VerifiedToken { issuer, subject, principal, .. } = verify_token(self.issuers, claim.token(), now)?;
        let proof = Proof::Token { issuer, subject: subject.into() };
        Ok(Authenticated { caller: Caller { principal, proof, scheme: Scheme::Bearer }, signed_at: None })
    }
}

impl std::fmt::Debug for Authenticator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("clock", &self.clock).finish_non_exhaustive()
    }
}
