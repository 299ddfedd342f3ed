//! From a request to a caller, in the order in which faults are found (design 7).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::budget::{self, Budgets, Item};
use crate::policy::PolicySet;
use crate::ram::{Caller, Proof, Scheme};

use super::bearer::BearerClaim;
use super::claim::Claim;
use super::claimed::Claimed;
use super::clock::{Clock, ClockFault};
use super::fault::IdentityFault;
use super::issuer::{Issuer, Opened, SecurityTokenFault};
use super::jwt::{TokenIssuer, verify_token};
use super::keyring::{Credential, KeyRing, KeyStatus, KnownKey};
use super::replay::{NonceMemory, SignedNonce};
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
    /// Without it, nonces have no budget.
    pub budget: Option<NonceBudget<'a>>,
}

/// What bounds the nonces of one principal, whatever its keys and sessions.
#[derive(Clone, Copy, Debug)]
pub struct NonceBudget<'a> {
    pub budgets: &'a Budgets,
    /// The moment, by a monotonic clock.
    pub elapsed: Duration,
}

/// Whether others can read what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// TLS, or this machine.
    Protected,
    Open,
}

/// A caller whose credential was verified, or whose key is known and verified elsewhere: its proof says which.
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
    /// Known by its id alone.
    Claimed(&'a KnownKey),
    Session(Arc<Opened>),
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
        let holder = self.holder(&claimed)?;
        match &holder {
            Holder::Permanent(credential) => claim.verify(signed, credential)?,
            Holder::Session(opened) => claim.verify(signed, &opened.credential)?,
            Holder::Claimed(_) => claim.check_body(signed)?,
        }
        holder.check(&claimed, now)?;
        let signed_at = self.check_signing(&claimed, now)?;
        let (principal, proof, session_policy) = match holder {
            Holder::Claimed(known) => {
                let proof = Proof::ClaimedKey(known.id.clone());
                let caller = Caller { principal: known.principal.clone(), proof, scheme: claim.scheme() };
                return Ok(Authenticated { caller, signed_at: Some(signed_at), session_policy: None });
            }
            Holder::Permanent(credential) => {
                (credential.principal().clone(), Proof::AccessKey(credential.id().clone()), None)
            }
            Holder::Session(opened) => {
                let proof = Proof::Session(Arc::clone(&opened.session));
                (opened.principal.clone(), proof, opened.policy.clone())
            }
        };
        let payer = budget::Holder::principal(principal.clone());
        let caller = Caller { principal, proof, scheme: claim.scheme() };
        if let Some(NonceBudget { budgets, elapsed }) = self.budget
            && let Err(throttled) = budgets.check(&payer, Item::Nonces, elapsed)
        {
            return Err(IdentityFault::Throttled { caller: Box::new(caller), throttled });
        }
        let Claimed { access_key_id, nonce, .. } = claimed;
        self.nonces.remember(SignedNonce { holder: &caller.principal, access_key_id, nonce, signed_at }, now)?;
        // Charged only now: a call that an attacker replays must not use up the principal's budget.
        if let Some(NonceBudget { budgets, elapsed }) = self.budget {
            budgets.spend(&payer, Item::Nonces, 1, elapsed);
        }
        Ok(Authenticated { caller, signed_at: Some(signed_at), session_policy })
    }

    /// A key of the key ring, or one that the gateway issued: then its token says all there is to know.
    fn holder(&self, claimed: &Claimed<'_>) -> Result<Holder<'_>, IdentityFault> {
        let id = claimed.access_key_id;
        if let Some(credential) = self.keys.find(id) {
            return Ok(Holder::Permanent(credential));
        }
        if let Some(known) = self.keys.find_without_secret(id) {
            return Ok(Holder::Claimed(known));
        }
        match (claimed.security_token, self.issuer) {
            (Some(token), Some(issuer)) if Issuer::is_ours(token) => Ok(Holder::Session(issuer.open(id, token)?)),
            (None, Some(_)) if id.starts_with("STS.") => Err(IdentityFault::MissingSecurityToken),
            _ if id.starts_with("STS.") => Err(IdentityFault::ForeignToken),
            _ => Err(IdentityFault::UnknownKey),
        }
    }

    /// When a call was signed, and that its nonce may be one.
    fn check_signing(&self, claimed: &Claimed<'_>, now: Timestamp) -> Result<Timestamp, IdentityFault> {
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
        let (token, issuer) = verify_token(self.issuers, claim.token(), now)?;
        let principal = issuer.principal(&token)?;
        let proof = Proof::Token { issuer: token.issuer, subject: token.subject.into() };
        let caller = Caller { principal, proof, scheme: Scheme::Bearer };
        Ok(Authenticated { caller, signed_at: None, session_policy: None })
    }
}

impl Holder<'_> {
    /// Key state, and the token that goes with it.
    fn check(&self, claimed: &Claimed<'_>, now: Timestamp) -> Result<(), IdentityFault> {
        let status = match self {
            Self::Session(opened) if opened.session.expires <= now => return Err(SecurityTokenFault::Expired.into()),
            Self::Session(_) => return Ok(()),
            Self::Permanent(credential) => credential.status(),
            Self::Claimed(known) => known.status,
        };
        match status {
            KeyStatus::Inactive => Err(IdentityFault::InactiveKey),
            KeyStatus::Active if claimed.security_token.is_some() => Err(IdentityFault::TokenWithPermanentKey),
            KeyStatus::Active => Ok(()),
        }
    }
}

impl std::fmt::Debug for Authenticator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("clock", &self.clock).finish_non_exhaustive()
    }
}
