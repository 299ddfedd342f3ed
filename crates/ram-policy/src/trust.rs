//! Trust policies: who may assume a role (`docs/spec/ram-policy.md` 1.1, 6.7).
//!
//! The grammar is that of every RAM policy, with `Principal` in the place of `Resource`; statements select actions and
//! test conditions as they do everywhere.

use std::fmt;
use std::sync::Arc;

use crate::context::table::Context;
use crate::context::unknown_keys::UnknownKeys;
use crate::diagnostic::{Diagnostic, Source};
use crate::document::json;
use crate::document::policy_document::Digest;
use crate::document::reader::{Place, Reader, Text, member};
use crate::explain::words::Words;
use crate::judge::verdict::Verdict;
use crate::language::attributes::Attributes;
use crate::language::condition::Condition;
use crate::language::effect::Effect;
use crate::language::error::{Refusal, Title};
use crate::language::mismatch::Mismatch;
use crate::language::pattern::{ArnPattern, Heads};
use crate::language::statement::{Conditions, Resources, Statement};
use crate::name::account::AccountId;
use crate::name::action::Action;
use crate::name::principal::{Identity, Principal};

const HELP_STATEMENT: &str =
    "a statement of a trust policy has Effect, Action, Principal, and perhaps Condition and Sid";
const HELP_PRINCIPAL: &str = "write `\"Principal\": { \"RAM\": […] }` with ARNs of an account's root, users or roles, \
                              or \"Federated\" with ARNs of providers, or \"Service\" with names of services";

/// Who may assume a role.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    name: Box<str>,
    statements: Box<[TrustStatement]>,
    digest: Digest,
}

#[derive(Clone, Debug)]
struct TrustStatement {
    /// Its resource is the role, whichever has the policy.
    statement: Statement,
    trusted: Box<[Trusted]>,
}

/// One entry of a Principal element.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trusted {
    /// `acs:ram::UID:root`: every identity of the account that its own policies allow to.
    Account(AccountId),
    Principal(Principal),
    /// The ARN of a provider of tokens or assertions.
    Provider(Box<str>),
    Service(Box<str>),
}

/// Who asks to assume a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trustee<'a> {
    Principal(&'a Principal),
    /// By the ARN of the provider that vouches for them: `acs:ram::UID:oidc-provider/NAME`.
    Federated(&'a str),
    /// `ecs.aliyuncs.com`.
    Service(&'a str),
}

/// What a trust policy says of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDecision {
    pub verdict: Verdict,
    /// The statements that decided, by their index.
    pub deciding: Vec<usize>,
    /// Why, in words.
    pub reason: String,
}

impl TrustPolicy {
    /// # Errors
    /// Everything that RAM would refuse, in the order of the text.
    pub fn parse(name: &str, source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let tree = json::parse(source).map_err(|diagnostic| vec![diagnostic])?;
        let mut reader = Reader::new(source);
        let statements = reader.statements(&tree, Reader::trust_statement);
        let mut diagnostics = reader.finish();
        diagnostics.extend(json::repeated_keys(source, &tree));
        diagnostics.sort_by_key(|diagnostic| diagnostic.span.as_ref().map(|span| span.start));
        if !diagnostics.is_empty() {
            return Err(diagnostics);
        }
        Ok(Self { name: name.into(), statements: statements.into(), digest: Digest::of(source.text()) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether some principal could assume the role.
    ///
    /// # Errors
    /// The verdict on every principal, where no Allow names an account, a user or a role.
    pub fn check_trusts_principals(&self) -> Result<(), TrustDecision> {
        let is_principal = |trusted: &Trusted| matches!(trusted, Trusted::Account(_) | Trusted::Principal(_));
        let allows = |it: &&TrustStatement| it.statement.effect() == Effect::Allow;
        if self.statements.iter().filter(allows).any(|it| it.trusted.iter().any(is_principal)) {
            return Ok(());
        }
        let reason = format!("no statement of `{}` trusts an account, a user or a role", self.name);
        Err(TrustDecision { verdict: Verdict::ImplicitDeny, deciding: Vec::new(), reason })
    }

    /// Whether somebody may assume the role: an explicit deny, else an allow, else neither. A Deny that turns on one of
    /// the `unknown` keys cannot be ruled out, so what would be allowed is refused.
    pub fn judge(
        &self,
        trustee: Trustee<'_>,
        action: &Action,
        context: &Context,
        unknown: &UnknownKeys,
    ) -> TrustDecision {
        let principal = match trustee {
            Trustee::Principal(principal) => Some(principal),
            Trustee::Federated(_) | Trustee::Service(_) => None,
        };
        let attributes = Attributes::of_call(principal, context, unknown);
        let fault = |it: &TrustStatement| it.mismatch(trustee, action, &attributes);
        let of_effect = |effect| self.statements.iter().filter(move |it| it.statement.effect() == effect);
        let applying = |effect| -> Vec<usize> {
            of_effect(effect).filter(|it| fault(it).is_none()).map(|it| it.statement.index()).collect()
        };
        let possible_deny = || {
            let faults = of_effect(Effect::Deny).filter_map(|it| Some((it, fault(it)??)));
            let (it, mismatch) = faults.into_iter().find(|(_, mismatch)| mismatch.is_unknown())?;
            let why = Words { mismatch, statement: &it.statement };
            Some(format!("a Deny cannot be ruled out: `{}#{}` {why}", self.name, it.statement.index()))
        };
        for (effect, verdict) in [(Effect::Deny, Verdict::ExplicitDeny), (Effect::Allow, Verdict::Allow)] {
            let deciding = applying(effect);
            let Some(first) = deciding.first() else { continue };
            if verdict == Verdict::Allow
                && let Some(reason) = possible_deny()
            {
                return TrustDecision { verdict: Verdict::ImplicitDeny, deciding: Vec::new(), reason };
            }
            let reason = format!("{verdict} by `{}#{first}`", self.name);
            return TrustDecision { verdict, deciding, reason };
        }
        let nearest = of_effect(Effect::Allow).filter_map(|it| Some((it, fault(it)?))).max_by_key(|(_, fault)| *fault);
        let reason = match nearest {
            Some((it, Some(mismatch))) => {
                let why = Words { mismatch, statement: &it.statement };
                format!("`{}#{}` trusts {trustee}, and does not apply: {why}", self.name, it.statement.index())
            }
            _ => format!("the trust policy `{}` does not name {trustee}", self.name),
        };
        TrustDecision { verdict: Verdict::ImplicitDeny, deciding: Vec::new(), reason }
    }

    /// Every condition, with its statement: for warnings about what the policy turns on.
    pub fn conditions(&self) -> impl Iterator<Item = (&Statement, &Condition)> {
        let statements = self.statements.iter().map(|it| &it.statement);
        statements.flat_map(|statement| statement.conditions().iter().map(move |condition| (statement, condition)))
    }

    /// Statements that let everybody in for whom a provider vouches, whoever that is: by their index.
    pub fn unbounded(&self) -> impl Iterator<Item = usize> {
        let provider = |it: &&TrustStatement| {
            it.statement.effect() == Effect::Allow && it.trusted.iter().any(|it| matches!(it, Trusted::Provider(_)))
        };
        let bounded = |it: &TrustStatement| {
            it.statement.conditions().iter().any(|test| test.written_key().eq_ignore_ascii_case("oidc:sub"))
        };
        self.statements.iter().filter(provider).filter(move |it| !bounded(it)).map(|it| it.statement.index())
    }
}

impl TrustStatement {
    /// None when it applies; else why not, and nothing in particular where it names somebody else.
    fn mismatch(&self, trustee: Trustee<'_>, action: &Action, attributes: &Attributes<'_>) -> Option<Option<Mismatch>> {
        if !self.trusted.iter().any(|trusted| trusted.is(trustee)) {
            return Some(None);
        }
        self.statement.call_mismatch(action, attributes).map(Some)
    }
}

impl Trusted {
    fn is(&self, trustee: Trustee<'_>) -> bool {
        match (self, trustee) {
            (Self::Account(account), Trustee::Principal(principal)) => principal.account() == account,
            (Self::Principal(trusted), Trustee::Principal(principal)) => principal.arn() == trusted.arn(),
            (Self::Provider(trusted), Trustee::Federated(arn)) => **trusted == *arn,
            (Self::Service(trusted), Trustee::Service(name)) => **trusted == *name,
            _ => false,
        }
    }
}

impl Reader<'_> {
    fn trust_statement(&mut self, index: usize, place: &Place<'_>) -> Option<TrustStatement> {
        const ELEMENTS: [&str; 5] = ["Effect", "Action", "Principal", "Condition", "Sid"];
        let object = self.object(place, HELP_STATEMENT)?;
        self.refuse_others(object, &place.pointer, &ELEMENTS, HELP_STATEMENT);
        let effect = self.effect(object, place);
        let actions = self.actions(object, place);
        let conditions = self.conditions(object, place);
        let sid = member(object, place, "Sid").and_then(|sid| self.text(&sid)).map(|sid| sid.text.into());
        let Some(principal) = member(object, place, "Principal") else {
            self.missing(place, Title::InvalidPolicyElement, "Principal", HELP_PRINCIPAL);
            return None;
        };
        let trusted = self.trusted(&principal);
        let all = ArnPattern::parse("*", &mut Heads::new()).ok()?;
        let statement = Statement {
            effect: effect?,
            actions: Arc::new(actions?),
            resources: Arc::new(Resources([all].into())),
            conditions: (!conditions.is_empty()).then(|| Arc::new(Conditions(conditions.into()))),
            sid,
            index: u32::try_from(index).ok()?,
            line: self.line(place),
        };
        Some(TrustStatement { statement, trusted: trusted.into() })
    }

    fn trusted(&mut self, principal: &Place<'_>) -> Vec<Trusted> {
        let mut trusted = Vec::new();
        let members = self.members(principal, HELP_PRINCIPAL);
        if members.is_empty() && principal.value.as_object().is_some() {
            self.refuse_place(principal, Title::InvalidPolicyElement, "names nobody", HELP_PRINCIPAL);
        }
        for (kind, under) in members {
            let parse: fn(&str) -> Option<Trusted> = match kind.text {
                "RAM" => ram,
                "Federated" => provider,
                "Service" => service,
                _ => {
                    let why = "is no kind of principal";
                    let refusal = Refusal::new(Title::InvalidPolicyElement, kind.text, why, HELP_PRINCIPAL);
                    self.refuse(kind.span.clone(), &kind.pointer, &refusal);
                    continue;
                }
            };
            let texts = self.texts(&under, Title::InvalidPolicyElement, HELP_PRINCIPAL).unwrap_or_default();
            let named = |text: &Text<'_>| {
                let why = "is nobody that a trust policy can name so";
                parse(text.text)
                    .ok_or_else(|| Refusal::new(Title::InvalidPolicyElement, text.text, why, HELP_PRINCIPAL))
            };
            trusted.extend(texts.iter().filter_map(|text| self.accept(text, named(text))));
        }
        trusted
    }
}

/// `acs:ram::UID:root`, `…:user/NAME`, `…:role/NAME`. No pattern: whom a role trusts is named.
fn ram(text: &str) -> Option<Trusted> {
    let (account, identity) = text.strip_prefix("acs:ram::")?.split_once(':')?;
    let account = account.parse::<AccountId>().ok()?;
    Some(match identity.parse::<Identity>().ok()? {
        Identity::Root => Trusted::Account(account),
        identity => Trusted::Principal(Principal::new(account, identity)),
    })
}

fn provider(text: &str) -> Option<Trusted> {
    let (account, provider) = text.strip_prefix("acs:ram::")?.split_once(':')?;
    account.parse::<AccountId>().ok()?;
    let name = provider.strip_prefix("oidc-provider/").or_else(|| provider.strip_prefix("saml-provider/"))?;
    is_provider_name(name).then(|| Trusted::Provider(text.into()))
}

/// Whether a provider may be called so: 1 to 128 letters, digits, `.`, `-` or `_`.
pub fn is_provider_name(name: &str) -> bool {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=128).contains(&name.len()) && name.bytes().all(character)
}

fn service(text: &str) -> Option<Trusted> {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'@');
    (text.contains('.') && text.len() <= 128 && text.bytes().all(character)).then(|| Trusted::Service(text.into()))
}

impl fmt::Display for Trustee<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(principal) => write!(f, "`{}`", principal.arn()),
            Self::Federated(name) | Self::Service(name) => write!(f, "`{name}`"),
        }
    }
}
