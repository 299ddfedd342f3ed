//! Keys of the real STS, exchanged for keys of the gateway's own.
//!
//! The caller signs a `GetCallerIdentity` and sends the values that the request consists of. The gateway builds the
//! request anew, sends it to the configured address of STS, and learns who signed it. Rebuilding is safer than
//! validating: a key id, a token, a time and a signature are the only values of the caller in the request.

use std::sync::Arc;

use crate::budget::{BudgetItem, Holder, Source};
use crate::catalog::ASSUME_ROLE_WITH_CALLER_IDENTITY;
use crate::gateway::call::{Judged, Rejection, Requested};
use crate::gateway::clock;
use crate::gateway::parts::context_of;
use crate::identity::{
    AnonymousClaim, Clock, IdentityError, LONGEST_LIFE, NonceError, Signed, SignedIdentity, SignedNonce,
};
use crate::ram::{Origin, Parameters, Scheme};
use ram_policy::{Identity, Principal};

use super::answer::GrantAnswer;
use super::error::StsError;
use super::issuing::Issuing;
use super::log_in::{LogIn, as_spelled};
use super::wanted::{Wanted, add_claims, required, role_of};

impl LogIn<'_> {
    /// `AssumeRoleWithCallerIdentity`: STS identifies the caller.
    pub(super) async fn with_identity(&mut self, issuing: &Issuing, signed: &Signed<'_>) -> Result<Judged, Rejection> {
        let AnonymousClaim { action, version } = AnonymousClaim::read(signed)?;
        let parameters = signed.parameters;
        let own = ["RoleArn", "CallerIdentity", "ExternalId", "SourceIdentity"];
        let mut wanted = Wanted::read(parameters, &self.exchange.call.gateway.parts.judge.catalog, &own)?;
        let exchange = issuing.exchange.as_ref().ok_or(StsError::NoExchange)?;
        let identity =
            SignedIdentity::read(required(parameters, "CallerIdentity")?).map_err(StsError::CallerIdentity)?;
        self.exchange.note_claim(Scheme::V3, Some(identity.access_key_id().as_str()), Requested { action, version });
        let now = self.exchange.call.attempt.at;
        let signed_at = Clock { skew: self.exchange.call.gateway.parts.callers.identity.clock_skew }
            .check(identity.date(), now)
            .map_err(|_| Rejection::Identity(IdentityError::Clock))?;
        if exchange.was_confirmed(&identity) {
            return Err(Rejection::Identity(NonceError::Used.into()));
        }
        let role = self.wanted_role(issuing, parameters, &wanted)?;
        let key = identity.access_key_id();
        let budgets = Arc::clone(&self.exchange.call.gateway.parts.callers.budgets);
        // STS is not asked about a key whose owner has used up its budget. A claimed key is not verified yet, so only
        // the source is charged here.
        if let Some(owner) = exchange.owner_of(key) {
            budgets.check(&owner, BudgetItem::Exchanges, clock::steady())?;
            budgets.check(&owner, BudgetItem::Nonces, clock::steady())?;
        }
        let source = Holder::source(Source::from(self.exchange.call.attempt.source));
        budgets.check(&source, BudgetItem::Nonces, clock::steady())?;
        self.exchange.call.gateway.charge(&source, BudgetItem::Exchanges)?;
        self.exchange.wait_unauthenticated()?;
        let entrant = exchange.enter(&source)?;
        let (principal, session) = exchange.ask(&identity, &entrant).await?;
        drop(entrant);
        let origin = Origin::CallerIdentity(principal.arn().into());
        self.shown(&origin);
        let owner = match self.exchange.call.gateway.parts.in_force.pdp.directory().has_account(principal.account()) {
            true => Holder::principal(principal.clone()),
            false => Holder::account(principal.account().clone()),
        };
        exchange.remember(key, &owner);
        self.exchange.attempt().charged_to = Some(owner.clone());
        self.exchange.call.gateway.charge(&owner, BudgetItem::Exchanges)?;
        budgets.check(&owner, BudgetItem::Nonces, clock::steady())?;
        // Only after STS has answered, so that unauthenticated callers cannot fill the memory.
        let access_key_id = identity.access_key_id().as_str();
        let used = SignedNonce { holder: &principal, access_key_id, nonce: identity.signature(), signed_at };
        let remembered = self.exchange.call.gateway.parts.callers.nonces.remember(used, now);
        // If the memory is full, the identity was not used up and may be sent again later.
        if matches!(remembered, Ok(()) | Err(NonceError::Used)) {
            exchange.note_confirmed(&identity);
        }
        remembered.map_err(|error: NonceError| Rejection::Identity(error.into()))?;
        // Only a new nonce is charged: sending an identity again does not use up the budget.
        for holder in [&source, &owner] {
            budgets.spend(holder, BudgetItem::Nonces, 1, clock::steady());
        }
        wanted.narrow(parameters)?;
        let pdp = &self.exchange.call.gateway.parts.in_force.pdp;
        let assumed = if let Some(role) = role {
            let mut context = context_of(&self.exchange.call.attempt);
            add_claims(&mut context, parameters);
            self.assumed_by(role, &principal, None, context).await?
        } else {
            let known = match principal.identity() {
                Identity::Role(name) => pdp.directory().role(principal.account(), name).map(|(known, _)| known),
                Identity::User(_) | Identity::Root => None,
            };
            pdp.assume_self(known.unwrap_or(&principal))
        };
        let assumed = assumed.map_err(StsError::Assumption)?;
        self.exchange.call.gateway.charge(&owner, BudgetItem::Keys)?;
        let name = wanted.name.clone().unwrap_or(session);
        let answer = GrantAnswer {
            operation: ASSUME_ROLE_WITH_CALLER_IDENTITY,
            token: None,
            id: self.id_of(assumed.principal()),
        };
        self.granting(issuing, assumed, &wanted, (name, origin), answer)
    }

    /// The role that the call asks for, if any.
    ///
    /// # Errors
    /// The call would be rejected no matter who signed it. STS is not asked then, because a question takes up a slot
    /// here and a part of the rate limit of the gateway's address at STS.
    fn wanted_role(
        &self,
        issuing: &Issuing,
        parameters: &Parameters,
        wanted: &Wanted,
    ) -> Result<Option<Principal>, StsError> {
        let now = self.exchange.call.attempt.at;
        issuing.issuer.can_issue(now).map_err(StsError::NoKey)?;
        if parameters.value("RoleArn").is_none() {
            wanted.expires(now, LONGEST_LIFE)?;
            return Ok(None);
        }
        let (account, name) = role_of(parameters)?;
        let role = Principal::new(account, Identity::Role(name));
        let longest = self
            .exchange
            .call
            .gateway
            .parts
            .in_force
            .pdp
            .assumable(as_spelled(&self.exchange.call.gateway, &role))
            .map_err(StsError::Assumption)?;
        wanted.expires(now, longest)?;
        Ok(Some(role))
    }
}
