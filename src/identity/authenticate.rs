//! Authenticates a call, checking everything in the order in which errors must be reported.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::budget::{self, BudgetItem, Budgets};
use crate::ram::{Caller, KnownBy, Scheme};
use ram_policy::PolicySet;

use super::bearer::BearerClaim;
use super::claim::Claim;
use super::clock::{Clock, ClockError};
use super::error::IdentityError;
use super::issuer::{Issuer, OpenedToken, SecurityTokenError};
use super::jwt::{TokenIssuer, verify_token};
use super::keyring::{Credential, KeyRing, KeyStatus, KnownKey};
use super::replay::{NonceMemory, SignedNonce};
use super::signed::{ClaimFields, Signed};

/// Everything that is needed to check a credential.
#[derive(Clone, Copy)]
pub struct Authenticator<'a> {
    /// The keys that callers sign with, apart from temporary ones.
    pub keys: &'a KeyRing,
    /// The issuers whose bearer tokens are accepted. If empty, every bearer token is refused.
    pub issuers: &'a [TokenIssuer],
    /// The issuer of temporary keys, if the gateway issues any.
    pub issuer: Option<&'a Issuer>,
    /// How the call arrived. Bearer tokens are refused on an open channel.
    pub channel: Channel,
    /// The window in which the date of a signed call must be.
    pub clock: Clock,
    /// The nonces of verified calls, so that a call is accepted once.
    pub nonces: &'a dyn NonceMemory,
    /// The budget for nonces, or `None` for no limit.
    pub budget: Option<NonceBudget<'a>>,
}

/// Bounds the nonces of each principal, over all its keys and sessions.
#[derive(Clone, Copy, Debug)]
pub struct NonceBudget<'a> {
    /// The budgets of all callers, of which the principal's is charged.
    pub(crate) budgets: &'a Budgets,
    /// The current monotonic time.
    pub(crate) elapsed: Duration,
}

/// Whether an eavesdropper can read the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// TLS or the loopback interface, on both sides of a trusted proxy if there is one.
    Protected,
    /// Clear text over a network, on at least one side.
    Open,
}

/// A caller whose credential was verified, or whose key is known and will be verified by the upstream; `caller.proof`
/// says which.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The principal to judge, and how it is known.
    pub caller: Caller,
    /// When the call was signed, by the caller's clock. `None` for a bearer token, which does not sign the call.
    pub signed_at: Option<Timestamp>,
    /// The session policy of the caller's role session, if the session has one.
    pub session_policy: Option<Arc<PolicySet>>,
}

/// The owner of the key that a call names.
enum KeyOwner<'a> {
    Permanent(&'a Credential),
    /// A key known by its id only.
    Claimed(&'a KnownKey),
    Session(Arc<OpenedToken>),
}

impl Authenticator<'_> {
    /// Checks the key id, the signature, the key's state and token, the clock and the nonce. The nonce is remembered
    /// last and only if the signature was verified: otherwise an attacker could use up the nonces of a key whose id is
    /// public.
    ///
    /// # Errors
    /// The first problem in that order.
    pub fn authenticate(
        &self,
        claim: &Claim<'_>,
        signed: &Signed<'_>,
        now: Timestamp,
    ) -> Result<Authenticated, IdentityError> {
        let claimed = claim.fields();
        if let Claim::Bearer(bearer) = claim {
            return self.bearer(bearer, now);
        }
        let holder = self.holder(&claimed)?;
        match &holder {
            KeyOwner::Permanent(credential) => claim.verify(signed, credential)?,
            KeyOwner::Session(opened) => claim.verify(signed, &opened.credential)?,
            KeyOwner::Claimed(_) => claim.check_body(signed)?,
        }
        holder.check(&claimed, now)?;
        let signed_at = self.check_signing(&claimed, now)?;
        let (principal, proof, session_policy) = match holder {
            KeyOwner::Claimed(known) => {
                let proof = KnownBy::ClaimedKey(known.id.clone());
                let caller = Caller { principal: known.principal.clone(), proof, scheme: claim.scheme() };
                return Ok(Authenticated { caller, signed_at: Some(signed_at), session_policy: None });
            }
            KeyOwner::Permanent(credential) => {
                (credential.principal().clone(), KnownBy::AccessKey(credential.id().clone()), None)
            }
            KeyOwner::Session(opened) => {
                let proof = KnownBy::Session(Arc::clone(&opened.session));
                (opened.principal.clone(), proof, opened.policy.clone())
            }
        };
        let payer = budget::Holder::principal(principal.clone());
        let caller = Caller { principal, proof, scheme: claim.scheme() };
        if let Some(NonceBudget { budgets, elapsed }) = self.budget
            && let Err(error) = budgets.check(&payer, BudgetItem::Nonces, elapsed)
        {
            return Err(IdentityError::Throttled { caller: Box::new(caller), throttled: error });
        }
        let ClaimFields { access_key_id, nonce, .. } = claimed;
        self.nonces.remember(SignedNonce { holder: &caller.principal, access_key_id, nonce, signed_at }, now)?;
        // Charged only now, so that replayed calls do not use up the principal's budget.
        if let Some(NonceBudget { budgets, elapsed }) = self.budget {
            budgets.spend(&payer, BudgetItem::Nonces, 1, elapsed);
        }
        Ok(Authenticated { caller, signed_at: Some(signed_at), session_policy })
    }

    /// Finds a key in the key ring, or opens the token of a key that this gateway issued.
    fn holder(&self, claimed: &ClaimFields<'_>) -> Result<KeyOwner<'_>, IdentityError> {
        let id = claimed.access_key_id;
        if let Some(credential) = self.keys.find(id) {
            return Ok(KeyOwner::Permanent(credential));
        }
        if let Some(known) = self.keys.find_without_secret(id) {
            return Ok(KeyOwner::Claimed(known));
        }
        match (claimed.security_token, self.issuer) {
            (Some(token), Some(issuer)) if Issuer::is_ours(token) => Ok(KeyOwner::Session(issuer.open(id, token)?)),
            (None, Some(_)) if id.starts_with("STS.") => Err(IdentityError::MissingSecurityToken),
            _ if id.starts_with("STS.") => Err(IdentityError::ForeignToken),
            _ => Err(IdentityError::UnknownKey),
        }
    }

    /// Checks the timestamp and the form of the nonce, and returns the timestamp.
    fn check_signing(&self, claimed: &ClaimFields<'_>, now: Timestamp) -> Result<Timestamp, IdentityError> {
        let signed_at = self.clock.check(claimed.timestamp, now).map_err(|error| match error {
            ClockError::Malformed => IdentityError::MalformedTimestamp,
            ClockError::Outside => IdentityError::Clock,
        })?;
        let printable = claimed.nonce.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        if !printable || !(1..=256).contains(&claimed.nonce.len()) {
            return Err(IdentityError::MalformedNonce);
        }
        Ok(signed_at)
    }

    /// Checks the channel, then the token. There is no nonce: anyone who has a token can use it until it expires.
    fn bearer(&self, claim: &BearerClaim<'_>, now: Timestamp) -> Result<Authenticated, IdentityError> {
        if self.issuers.is_empty() {
            return Err(IdentityError::NoIssuers);
        }
        if self.channel == Channel::Open {
            return Err(IdentityError::TokenInTheOpen);
        }
        let (token, issuer) = verify_token(self.issuers, claim.token(), now)?;
        let principal = issuer.principal(&token)?;
        let proof = KnownBy::Token { issuer: token.issuer, subject: token.subject.into() };
        let caller = Caller { principal, proof, scheme: Scheme::Bearer };
        Ok(Authenticated { caller, signed_at: None, session_policy: None })
    }
}

impl KeyOwner<'_> {
    /// Checks the key's state and whether a token belongs with it.
    fn check(&self, claimed: &ClaimFields<'_>, now: Timestamp) -> Result<(), IdentityError> {
        let status = match self {
            Self::Session(opened) if opened.session.expires <= now => return Err(SecurityTokenError::Expired.into()),
            Self::Session(_) => return Ok(()),
            Self::Permanent(credential) => credential.status(),
            Self::Claimed(known) => known.status,
        };
        match status {
            KeyStatus::Inactive => Err(IdentityError::InactiveKey),
            KeyStatus::Active if claimed.security_token.is_some() => Err(IdentityError::TokenWithPermanentKey),
            KeyStatus::Active => Ok(()),
        }
    }
}

impl std::fmt::Debug for Authenticator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("clock", &self.clock).finish_non_exhaustive()
    }
}
