//! From a request to a caller, in the order in which faults are found (design 7).

use std::sync::Arc;

use jiff::Timestamp;

use crate::policy::PolicySet;
use crate::ram::{Caller, Proof, Scheme};

use super::bearer::BearerClaim;
use super::claim::Claim;
use super::claimed::Claimed;
use super::clock::{Clock, ClockFault};
use super::fault::IdentityFault;
use super::issuer::{Issuer, Opened, SecurityTokenFault};
use super::jwt::{TokenIssuer, verify_token};
use super::keyring::{Credential, KeyRing, KeyStatus};
use super::replay::NonceMemory;
use super::signed::Signed;

/// What a credential is checked against.
#[derive(Clone, Copy)]
pub struct Authenticator<'a> {
    pub keys: &'a KeyRing,
    pub issuers: &'a [TokenIssuer],
    /// Where the gateway issues keys of its own.
    pub issuer: Option<&'a Issuer>,
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

/// A caller whose credential was verified.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub caller: Caller,
    /// When the call was signed, by the caller's clock; none for a token, which signs no call.
    pub signed_at: Option<Timestamp>,
    /// What the caller's session was narrowed with.
    pub session_policy: Option<Arc<PolicySet>>,
}

/// Whose key it is.
enum Holder<'a> {
    Permanent(&'a Credential),
    Session(Arc<Opened>),
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
        if let Claim::Bearer(bearer) = claim {
            return self.bearer(bearer, now);
        }
        let holder = self.holder(&claimed)?;
        claim.verify(signed, holder.credential())?;
        match &holder {
            Holder::Permanent(credential) if credential.status() == KeyStatus::Inactive => {
                return Err(IdentityFault::InactiveKey);
            }
            Holder::Permanent(_) if claimed.security_token.is_some() => {
                return Err(IdentityFault::TokenWithPermanentKey);
            }
            Holder::Session(opened) if opened.session.expires <= now => {
                return Err(SecurityTokenFault::Expired.into());
            }
            Holder::Permanent(_) | Holder::Session(_) => {}
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
        let (proof, session_policy) = match &holder {
            Holder::Permanent(credential) => (Proof::AccessKey(credential.id().clone()), None),
            Holder::Session(opened) => (Proof::Session(Arc::clone(&opened.session)), opened.policy.clone()),
        };
        let principal = holder.credential().principal().clone();
        let caller = Caller { principal, proof, scheme: claim.scheme() };
        Ok(Authenticated { caller, signed_at: Some(signed_at), session_policy })
    }

    /// A key of the key ring, or one that the gateway issued: then its token says all there is to know.
    fn holder(&self, claimed: &Claimed<'_>) -> Result<Holder<'_>, IdentityFault> {
        let id = claimed.access_key_id;
        if let Some(credential) = self.keys.find(id) {
            return Ok(Holder::Permanent(credential));
        }
        match (claimed.security_token, self.issuer) {
            (Some(token), Some(issuer)) if Issuer::is_ours(token) => Ok(Holder::Session(issuer.open(id, token)?)),
            (None, Some(_)) if id.starts_with("STS.") => Err(IdentityFault::MissingSecurityToken),
            _ if id.starts_with("STS.") => Err(IdentityFault::ForeignToken),
            _ => Err(IdentityFault::UnknownKey),
        }
    }

    /// The channel, then the token. There is no nonce: until it expires a token can be sent again by whoever has it.
    fn bearer(&self, claim: &BearerClaim<'_>, now: Timestamp) -> Result<Authenticated, IdentityFault> {
        if self.issuers.is_empty() {
            return Err(IdentityFault::NoIssuers);
        }
        if self.channel == Channel::Open {
            return Err(IdentityFault::TokenInTheOpen);
        }
        let (token, issuer) = verify_token(self.issuers, claim.token(), now)?;
        let principal = issuer.principal(&token)?;
        let proof = Proof::Token { issuer: token.issuer, subject: token.subject.into() };
        let caller = Caller { principal, proof, scheme: Scheme::Bearer };
        Ok(Authenticated { caller, signed_at: None, session_policy: None })
    }
}

impl Holder<'_> {
    fn credential(&self) -> &Credential {
        match self {
            Self::Permanent(credential) => credential,
            Self::Session(opened) => &opened.credential,
        }
    }
}

impl std::fmt::Debug for Authenticator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("clock", &self.clock).finish_non_exhaustive()
    }
}
