//! From a call of STS to a session that may begin.

use std::sync::Arc;

use crate::audit::{Granted, Reached};
use crate::budget::{Holder, Item, Source};
use crate::catalog::{ASSUME_ROLE, ASSUME_ROLE_WITH_CALLER_IDENTITY, ASSUME_ROLE_WITH_OIDC, GET_CALLER_IDENTITY};
use crate::envelope::Format;
use crate::identity::{AnonymousClaim, Channel, Issuer, Signed, TokenFault, TokenIssuer, VerifiedToken, verify_token};
use crate::pdp::{Assumed, Assumption, Unassumed};
use crate::policy::{PolicySet, Trustee};
use crate::ram::{Caller, Context, Identity, Origin, Parameters, Principal, Proof, Scheme, Session, SessionName};
use crate::wire::excerpt;

use super::super::exchange::{Exchange, Judged, Known, Said};
use super::super::long;
use super::super::parts::{Gateway, context_of};
use super::super::stop::{OperationFault, Stop};
use super::answer::{GrantAnswer, TokenInfo, caller_identity};
use super::fault::StsFault;
use super::wanted::{Wanted, add_claims, refuse_others, required, role_of};
use super::{Granting, Issuing};

impl Exchange {
    /// Answers a call of STS. What comes back is for the caller's eyes alone, so the channel is looked at first.
    pub(in super::super) async fn log_in(&mut self, issuing: &Issuing, signed: &Signed<'_>) -> Result<Judged, Stop> {
        self.attempt().service = Some("Sts".to_owned());
        if signed.parameters.value("Format").is_none() {
            self.format = Format::Json;
        }
        if self.channel() == Channel::Open {
            return Err(StsFault::Open.into());
        }
        let named = AnonymousClaim::named(signed)?;
        match named.action.filter(|action| !action.is_empty()) {
            Some(ASSUME_ROLE_WITH_OIDC) => self.with_oidc(issuing, signed).await,
            Some(ASSUME_ROLE_WITH_CALLER_IDENTITY) => self.with_identity(issuing, signed).await,
            Some(ASSUME_ROLE | GET_CALLER_IDENTITY) => {
                let Known { caller, said, session, .. } = self.identify(signed).await?;
                if !self.gateway.parts.pdp.directory().knows(&caller.principal) {
                    let unknown = Unassumed::NoPrincipal(caller.principal.arn().to_owned());
                    return Err(StsFault::Assumption(unknown).into());
                }
                // Which of the two is what the signature says.
                match said.action {
                    Some(ASSUME_ROLE) => self.assume(issuing, signed.parameters, &caller, session).await,
                    Some(GET_CALLER_IDENTITY) => self.who(signed.parameters, &caller),
                    _ => Err(OperationFault::Unknown(excerpt(said.action.unwrap_or_default())).into()),
                }
            }
            Some(other) => Err(OperationFault::Unknown(excerpt(other)).into()),
            None => Err(OperationFault::Missing("Action").into()),
        }
    }

    /// With a token, and nothing else (`spec/wire-protocol.md` 4.1).
    async fn with_oidc(&mut self, issuing: &Issuing, signed: &Signed<'_>) -> Result<Judged, Stop> {
        let AnonymousClaim { action, version } = AnonymousClaim::read(signed)?;
        self.note_claim(Scheme::Bearer, None, Said { action, version });
        let parameters = signed.parameters;
        let own = ["RoleArn", "OIDCProviderArn", "OIDCToken"];
        let mut wanted = Wanted::read(parameters, &self.gateway.parts.catalog, &own)?;
        let (account, name) = role_of(parameters)?;
        let session = wanted.named()?;
        let provider = required(parameters, "OIDCProviderArn")?;
        let prefix = format!("acs:ram::{account}:oidc-provider/");
        let issuer_named = provider.strip_prefix(&prefix).ok_or(StsFault::Provider)?;
        let token = self.believed(required(parameters, "OIDCToken")?, issuer_named).await?;
        let origin = Origin::Token { issuer: token.issuer.clone(), subject: token.subject.as_str().into() };
        self.shown(&origin);
        wanted.narrow(parameters)?;
        let mut context = context_of(&self.attempt);
        add_token(&mut context, &token);
        let role = Principal::new(account, Identity::Role(name));
        let assumed = assumed(&self.gateway, &role, Trustee::Federated(provider), None, &context);
        let assumed = assumed.map_err(StsFault::Federation)?;
        // A token proves nobody of the directory: the role answers for the keys, and one source gets half of them.
        let source = Source::from(self.attempt.source);
        self.gateway.charge(&Holder::principal_at(source, assumed.principal().clone()), Item::Keys)?;
        let answer = GrantAnswer {
            operation: ASSUME_ROLE_WITH_OIDC,
            token: Some(TokenInfo::new(&token)),
            id: self.id_of(assumed.principal()),
        };
        self.granting(issuing, assumed, &wanted, (session, origin), answer)
    }

    /// With a signature, a bearer token or a certificate of somebody known here.
    async fn assume(
        &mut self,
        issuing: &Issuing,
        parameters: &Parameters,
        caller: &Caller,
        policy: Option<Arc<PolicySet>>,
    ) -> Result<Judged, Stop> {
        let own = ["RoleArn", "ExternalId", "SourceIdentity"];
        let mut wanted = Wanted::read(parameters, &self.gateway.parts.catalog, &own)?;
        wanted.narrow(parameters)?;
        let (account, name) = role_of(parameters)?;
        let session = wanted.named()?;
        let mut context = context_of(&self.attempt);
        add_claims(&mut context, parameters);
        let role = Principal::new(account, Identity::Role(name));
        let assumed = self.assumed_by(role, &caller.principal, policy, context).await?;
        let assumed = assumed.map_err(StsFault::Assumption)?;
        self.gateway.charge(&self.attempt.holder(), Item::Keys)?;
        let arn = caller.principal.arn().into();
        let origin = match &caller.proof {
            Proof::AccessKey(id) | Proof::ClaimedKey(id) => Origin::AccessKey { id: id.clone(), arn },
            Proof::Session(of) => Origin::AccessKey { id: of.key.clone(), arn },
            Proof::Token { issuer, subject } => Origin::Token { issuer: issuer.clone(), subject: subject.clone() },
            Proof::Certificate => Origin::Certificate(arn),
        };
        let answer = GrantAnswer { operation: ASSUME_ROLE, token: None, id: self.id_of(assumed.principal()) };
        self.granting(issuing, assumed, &wanted, (session, origin), answer)
    }

    fn who(&mut self, parameters: &Parameters, caller: &Caller) -> Result<Judged, Stop> {
        refuse_others(parameters, &self.gateway.parts.catalog, &["RegionId"])?;
        let id = self.attempt.caller_id.clone();
        Ok(Judged::Tell(caller_identity(caller, id.as_deref())))
    }

    /// Whether a principal may assume the role. Its own policies are asked too: beside the threads that serve
    /// connections where that can take long.
    pub(super) async fn assumed_by(
        &self,
        role: Principal,
        principal: &Principal,
        session: Option<Arc<PolicySet>>,
        context: Context,
    ) -> Result<Result<Assumed, Unassumed>, Stop> {
        let principal = principal.clone();
        let is_long = self.gateway.parts.pdp.is_long_to_assume(&principal);
        let judge = move |gateway: &Gateway| {
            assumed(gateway, &role, Trustee::Principal(&principal), session.as_ref(), &context)
        };
        if is_long { long::apart(&self.gateway, self.deadline, judge).await } else { Ok(judge(&self.gateway)) }
    }

    pub(super) fn id_of(&self, principal: &Principal) -> Option<Box<str>> {
        self.gateway.parts.pdp.directory().standing(principal)?.id.clone()
    }

    /// The session, made up and not yet begun.
    pub(super) fn granting(
        &mut self,
        issuing: &Issuing,
        assumed: Assumed,
        wanted: &Wanted,
        (name, origin): (SessionName, Origin),
        answer: GrantAnswer,
    ) -> Result<Judged, Stop> {
        let now = self.attempt.at;
        let expires = wanted.expires(now, assumed.longest())?;
        issuing.issuer.can_issue(now).map_err(StsFault::NoKey)?;
        let (policy, narrowed_by) = wanted.policy.clone().map(|policy| (policy.text, policy.digest)).unzip();
        let session = Session { name, key: Issuer::new_access_key_id(), expires, origin, narrowed_by };
        let granted = Granted { assumed, session, policy };
        Ok(Judged::Grant(Box::new(Granting { granted, answer })))
    }

    /// A token of the issuer that is this provider to RAM.
    async fn believed(&mut self, token: &str, provider: &str) -> Result<VerifiedToken, Stop> {
        let gateway = Arc::clone(&self.gateway);
        let (parts, now) = (&gateway.parts, self.attempt.at);
        let of_provider = |issuer: &&TokenIssuer| issuer.provider.as_deref() == Some(provider);
        let verify = || {
            let issuers = parts.issuers.iter().filter(of_provider);
            verify_token(issuers, token, now).map(|(token, _)| token)
        };
        if !parts.issuers.iter().any(|issuer| of_provider(&issuer)) {
            return Err(StsFault::Provider.into());
        }
        let verified = match verify() {
            Err(TokenFault::UnknownKey(issuer) | TokenFault::NoKeys(issuer)) => {
                self.refresh_keys_of(&issuer).await?;
                verify()
            }
            verified => verified,
        };
        Ok(verified.map_err(StsFault::from)?)
    }

    /// Somebody showed who they are; that they are nobody of the directory's is no matter.
    pub(super) fn shown(&mut self, origin: &Origin) {
        let attempt = self.attempt();
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

/// Whether the role may be assumed.
fn assumed(
    gateway: &Gateway,
    role: &Principal,
    trustee: Trustee<'_>,
    session: Option<&Arc<PolicySet>>,
    context: &Context,
) -> Result<Assumed, Unassumed> {
    if !matches!(role.identity(), Identity::Role(_)) {
        return Err(Unassumed::NoRole(role.arn().to_owned()));
    }
    gateway.parts.pdp.assume(&Assumption { role: as_spelled(gateway, role), trustee, session, context })
}

/// The role as the directory spells it, where it has it: names of roles differ in more than case.
pub(super) fn as_spelled<'a>(gateway: &'a Gateway, role: &'a Principal) -> &'a Principal {
    let Identity::Role(name) = role.identity() else { return role };
    gateway.parts.pdp.directory().role(role.account(), name).map_or(role, |(known, _)| known)
}
