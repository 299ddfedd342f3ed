//! Judging a call of STS: from its parameters to a session that may begin.

use std::sync::Arc;

use crate::audit::{Granted, Reached};
use crate::budget::{BudgetItem, Holder, Source};
use crate::catalog::{ASSUME_ROLE, ASSUME_ROLE_WITH_CALLER_IDENTITY, ASSUME_ROLE_WITH_OIDC, GET_CALLER_IDENTITY};
use crate::envelope::Format;
use crate::identity::{AnonymousClaim, Channel, Issuer, Signed, TokenError, TokenIssuer, VerifiedToken, verify_token};
use crate::pdp::{AssumeRoleError, Assumed, Assumption};
use crate::ram::{Caller, KnownBy, Origin, Parameters, Scheme, Session, SessionName};
use crate::wire::excerpt;
use ram_policy::{Context, Identity, PolicySet, Principal, Trustee};

use super::answer::{GrantAnswer, TokenInfo, caller_identity};
use super::error::StsError;
use super::issuing::{Granting, Issuing};
use super::wanted::{Wanted, add_claims, refuse_others, required, role_of};
use crate::gateway::call::{Exchange, Identified, Judged, OperationError, Rejection, Requested, long};
use crate::gateway::parts::{Gateway, context_of};

/// A call of STS while it is being judged.
pub(super) struct LogIn<'a> {
    pub(super) exchange: &'a mut Exchange,
}

/// Judges a call of STS.
///
/// # Errors
/// Why the call is rejected.
pub(crate) async fn log_in(
    exchange: &mut Exchange,
    issuing: &Issuing,
    signed: &Signed<'_>,
) -> Result<Judged, Rejection> {
    LogIn { exchange }.answer(issuing, signed).await
}

impl LogIn<'_> {
    /// Judges a call of STS. The answer is confidential, so the channel is checked first.
    async fn answer(&mut self, issuing: &Issuing, signed: &Signed<'_>) -> Result<Judged, Rejection> {
        self.exchange.attempt().service = Some("Sts".to_owned());
        if signed.parameters.value("Format").is_none() {
            self.exchange.call.format = Format::Json;
        }
        if self.exchange.channel() == Channel::Open {
            return Err(StsError::Open.into());
        }
        let named = AnonymousClaim::named(signed)?;
        match named.action.filter(|action| !action.is_empty()) {
            Some(ASSUME_ROLE_WITH_OIDC) => self.with_oidc(issuing, signed).await,
            Some(ASSUME_ROLE_WITH_CALLER_IDENTITY) => self.with_identity(issuing, signed).await,
            Some(ASSUME_ROLE | GET_CALLER_IDENTITY) => {
                let Identified { caller, requested, session, .. } = self.exchange.identify(signed).await?;
                if !self.exchange.call.gateway.parts.in_force.pdp.directory().knows(&caller.principal) {
                    let unknown = AssumeRoleError::NoPrincipal(caller.principal.arn().to_owned());
                    return Err(StsError::Assumption(unknown).into());
                }
                // Only the signed action decides between the two.
                match requested.action {
                    Some(ASSUME_ROLE) => self.assume(issuing, signed.parameters, &caller, session).await,
                    Some(GET_CALLER_IDENTITY) => self.who(signed.parameters, &caller),
                    _ => Err(OperationError::Unknown(excerpt(requested.action.unwrap_or_default())).into()),
                }
            }
            Some(other) => Err(OperationError::Unknown(excerpt(other)).into()),
            None => Err(OperationError::Missing("Action").into()),
        }
    }

    /// `AssumeRoleWithOIDC`: the token is the only credential (`docs/spec/wire-protocol.md` 4.1).
    async fn with_oidc(&mut self, issuing: &Issuing, signed: &Signed<'_>) -> Result<Judged, Rejection> {
        let AnonymousClaim { action, version } = AnonymousClaim::read(signed)?;
        self.exchange.note_claim(Scheme::Bearer, None, Requested { action, version });
        let parameters = signed.parameters;
        let own = ["RoleArn", "OIDCProviderArn", "OIDCToken"];
        let mut wanted = Wanted::read(parameters, &self.exchange.call.gateway.parts.judge.catalog, &own)?;
        let (account, name) = role_of(parameters)?;
        let session = wanted.named()?;
        let provider = required(parameters, "OIDCProviderArn")?;
        let prefix = format!("acs:ram::{account}:oidc-provider/");
        let issuer_named = provider.strip_prefix(&prefix).ok_or(StsError::Provider)?;
        let token = self.verified(required(parameters, "OIDCToken")?, issuer_named).await?;
        let origin = Origin::Token { issuer: token.issuer.clone(), subject: token.subject.as_str().into() };
        self.shown(&origin);
        wanted.narrow(parameters)?;
        let mut context = context_of(&self.exchange.call.attempt);
        add_token(&mut context, &token);
        let role = Principal::new(account, Identity::Role(name));
        let assumed = assumed(&self.exchange.call.gateway, &role, Trustee::Federated(provider), None, &context);
        let assumed = assumed.map_err(StsError::Federation)?;
        // A token does not identify a principal of the directory, so the keys are charged to the role. One source can
        // use at most half of the role's budget.
        let source = Source::from(self.exchange.call.attempt.source);
        self.exchange
            .call
            .gateway
            .charge(&Holder::principal_at(source, assumed.principal().clone()), BudgetItem::Keys)?;
        let answer = GrantAnswer {
            operation: ASSUME_ROLE_WITH_OIDC,
            token: Some(TokenInfo::new(&token)),
            id: self.id_of(assumed.principal()),
        };
        self.granting(issuing, assumed, &wanted, (session, origin), answer)
    }

    /// `AssumeRole`: the caller is a principal that authenticated by a signature, a bearer token or a certificate.
    async fn assume(
        &mut self,
        issuing: &Issuing,
        parameters: &Parameters,
        caller: &Caller,
        policy: Option<Arc<PolicySet>>,
    ) -> Result<Judged, Rejection> {
        let own = ["RoleArn", "ExternalId", "SourceIdentity"];
        let mut wanted = Wanted::read(parameters, &self.exchange.call.gateway.parts.judge.catalog, &own)?;
        wanted.narrow(parameters)?;
        let (account, name) = role_of(parameters)?;
        let session = wanted.named()?;
        let mut context = context_of(&self.exchange.call.attempt);
        add_claims(&mut context, parameters);
        let role = Principal::new(account, Identity::Role(name));
        let assumed = self.assumed_by(role, &caller.principal, policy, context).await?;
        let assumed = assumed.map_err(StsError::Assumption)?;
        self.exchange.call.gateway.charge(&self.exchange.call.attempt.holder(), BudgetItem::Keys)?;
        let arn = caller.principal.arn().into();
        let origin = match &caller.proof {
            KnownBy::AccessKey(id) | KnownBy::ClaimedKey(id) => Origin::AccessKey { id: id.clone(), arn },
            KnownBy::Session(of) => Origin::AccessKey { id: of.key.clone(), arn },
            KnownBy::Token { issuer, subject } => Origin::Token { issuer: issuer.clone(), subject: subject.clone() },
            KnownBy::Certificate => Origin::Certificate(arn),
        };
        let answer = GrantAnswer { operation: ASSUME_ROLE, token: None, id: self.id_of(assumed.principal()) };
        self.granting(issuing, assumed, &wanted, (session, origin), answer)
    }

    /// `GetCallerIdentity`.
    fn who(&mut self, parameters: &Parameters, caller: &Caller) -> Result<Judged, Rejection> {
        refuse_others(parameters, &self.exchange.call.gateway.parts.judge.catalog, &["RegionId"])?;
        let id = self.exchange.call.attempt.caller_id.clone();
        Ok(Judged::Tell(caller_identity(caller, id.as_deref())))
    }

    /// Whether a principal may assume the role. The principal's own policies are evaluated too, away from the threads
    /// that serve connections if that may take long.
    pub(super) async fn assumed_by(
        &self,
        role: Principal,
        principal: &Principal,
        session: Option<Arc<PolicySet>>,
        context: Context,
    ) -> Result<Result<Assumed, AssumeRoleError>, Rejection> {
        let principal = principal.clone();
        let is_long = self.exchange.call.gateway.parts.in_force.pdp.is_long_to_assume(&principal);
        let judge = move |gateway: &Gateway| {
            assumed(gateway, &role, Trustee::Principal(&principal), session.as_ref(), &context)
        };
        if is_long {
            long::apart(&self.exchange.call.gateway, self.exchange.call.deadline, judge).await
        } else {
            Ok(judge(&self.exchange.call.gateway))
        }
    }

    /// RAM's numeric id of a principal, if its account file gives one.
    pub(super) fn id_of(&self, principal: &Principal) -> Option<Box<str>> {
        self.exchange.call.gateway.parts.in_force.pdp.directory().entry(principal)?.id.clone()
    }

    /// Prepares a session. It begins when its key is issued, after it is in the log.
    pub(super) fn granting(
        &mut self,
        issuing: &Issuing,
        assumed: Assumed,
        wanted: &Wanted,
        (name, origin): (SessionName, Origin),
        answer: GrantAnswer,
    ) -> Result<Judged, Rejection> {
        let now = self.exchange.call.attempt.at;
        let expires = wanted.expires(now, assumed.longest())?;
        issuing.issuer.can_issue(now).map_err(StsError::NoKey)?;
        let (policy, narrowed_by) = wanted.policy.clone().map(|policy| (policy.text, policy.digest)).unzip();
        let session = Session { name, key: Issuer::new_access_key_id(), expires, origin, narrowed_by };
        let granted = Granted { assumed, session, policy };
        Ok(Judged::Grant(Box::new(Granting { granted, answer })))
    }

    /// Verifies a token of the issuer that RAM knows as `provider`. If the token's key is not known, the issuer's keys
    /// are read again first.
    async fn verified(&mut self, token: &str, provider: &str) -> Result<VerifiedToken, Rejection> {
        let gateway = Arc::clone(&self.exchange.call.gateway);
        let (parts, now) = (&gateway.parts, self.exchange.call.attempt.at);
        let of_provider = |issuer: &&TokenIssuer| issuer.provider.as_deref() == Some(provider);
        let verify = || {
            let issuers = parts.in_force.issuers.iter().filter(of_provider);
            verify_token(issuers, token, now).map(|(token, _)| token)
        };
        if !parts.in_force.issuers.iter().any(|issuer| of_provider(&issuer)) {
            return Err(StsError::Provider.into());
        }
        let verified = match verify() {
            Err(TokenError::UnknownKey(issuer) | TokenError::NoKeys(issuer)) => {
                self.exchange.refresh_keys_of(&issuer).await?;
                verify()
            }
            verified => verified,
        };
        Ok(verified.map_err(StsError::from)?)
    }

    /// Records that the caller has authenticated, even if it is not a principal of the directory.
    pub(super) fn shown(&mut self, origin: &Origin) {
        let attempt = self.exchange.attempt();
        attempt.shown = Some(origin.clone());
        attempt.reached = Reached::Authenticated;
    }
}

fn add_token(context: &mut Context, token: &VerifiedToken) {
    let mut add = |key: &str, value: &str| {
        if let Ok(key) = key.parse() {
            context.add_text(key, value);
        }
    };
    add("oidc:iss", &token.issuer);
    add("oidc:sub", &token.subject);
    for audience in &token.audiences {
        add("oidc:aud", audience);
    }
}

/// Decides whether the role may be assumed.
fn assumed(
    gateway: &Gateway,
    role: &Principal,
    trustee: Trustee<'_>,
    session: Option<&Arc<PolicySet>>,
    context: &Context,
) -> Result<Assumed, AssumeRoleError> {
    if !matches!(role.identity(), Identity::Role(_)) {
        return Err(AssumeRoleError::NoRole(role.arn().to_owned()));
    }
    gateway.parts.in_force.pdp.assume(&Assumption { role: as_spelled(gateway, role), trustee, session, context })
}

/// The role in the directory's spelling, if the directory has it: role names that differ only in case are the same
/// role.
pub(super) fn as_spelled<'a>(gateway: &'a Gateway, role: &'a Principal) -> &'a Principal {
    let Identity::Role(name) = role.identity() else { return role };
    gateway.parts.in_force.pdp.directory().role(role.account(), name).map_or(role, |(known, _)| known)
}
