//! Trust policies: who may assume a role (`docs/spec/ram-policy.md` 1.1, 6.7).
//!
//! The grammar is that of other RAM policies, with `Principal` instead of `Resource`. Statements select actions and
//! test conditions as in every policy.

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
use crate::language::effect::{Effect, Mismatch};
use crate::language::error::{Refusal, Title};
use crate::language::pattern::{ArnPattern, Heads};
use crate::language::statement::{Conditions, Resources, Statement};
use crate::name::account::AccountId;
use crate::name::action::Action;
use crate::name::principal::{Identity, Principal};

const HELP_STATEMENT: &str =
    "a statement of a trust policy has Effect, Action, Principal, and optionally Condition and Sid";
const HELP_PRINCIPAL: &str = "write `\"Principal\": { \"RAM\": […] }` with ARNs of an account's root, users or roles, \
                              or \"Federated\" with ARNs of providers, or \"Service\" with names of services";

/// The trust policy of a role: it decides who may assume the role.
///
/// A RAM principal also needs an identity policy that allows `sts:AssumeRole` on the role, which is judged by
/// [`evaluate`](crate::evaluate).
///
/// ```
/// use ram_policy::{Context, Principal, Source, TrustPolicy, Trustee, UnknownKeys, Verdict};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = r#"{ "Version": "1", "Statement": [
///     { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "RAM": "acs:ram::1234567890123456:root" } } ]
/// }"#;
/// let policy = TrustPolicy::parse("deployer", &Source::new("deployer.json", text)).expect("a valid policy");
///
/// let alice = Principal::new("1234567890123456".parse()?, "user/alice".parse()?);
/// let action = "sts:AssumeRole".parse()?;
/// let decision = policy.judge(Trustee::Principal(&alice), &action, &Context::default(), UnknownKeys::none());
/// assert_eq!(decision.verdict, Verdict::Allow);
/// assert_eq!(decision.reason, "allow by `deployer#0`");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    name: Box<str>,
    statements: Box<[TrustStatement]>,
    digest: Digest,
}

#[derive(Clone, Debug)]
struct TrustStatement {
    /// Its resource is `*`, which stands for the role that has the policy.
    statement: Statement,
    trusted: Box<[Trusted]>,
}

/// One entry of a Principal element.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trusted {
    /// `acs:ram::UID:root`: every identity of the account whose own policies allow it to assume the role.
    Account(AccountId),
    Principal(Principal),
    /// The ARN of an OIDC or SAML identity provider.
    Provider(Box<str>),
    Service(Box<str>),
}

/// The caller that wants to assume a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trustee<'a> {
    /// A RAM principal.
    Principal(&'a Principal),
    /// A subject of an identity provider, by the ARN of the provider: `acs:ram::UID:oidc-provider/NAME`. The subject
    /// itself is in the context, under keys such as `oidc:sub`.
    Federated(&'a str),
    /// A cloud service, by its name: `ecs.aliyuncs.com`.
    Service(&'a str),
}

/// The decision of a trust policy on one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDecision {
    /// The verdict.
    pub verdict: Verdict,
    /// The indexes of the statements that decided. Empty for an implicit deny.
    pub deciding: Vec<usize>,
    /// The reason, in one line.
    pub reason: String,
}

impl TrustPolicy {
    /// Reads a trust policy. `name` is the name by which [`TrustDecision::reason`] refers to the policy.
    ///
    /// # Errors
    /// One diagnostic for each error that RAM would report when the policy is saved, and for each duplicate key; in the
    /// order of the text.
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

    /// The name, as it was passed to [`TrustPolicy::parse`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest of the text that the policy was read from.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Checks that some RAM principal could assume the role.
    ///
    /// # Errors
    /// No Allow names an account, a user or a role. The error is the decision on every RAM principal.
    pub fn check_trusts_principals(&self) -> Result<(), TrustDecision> {
        let is_principal = |trusted: &Trusted| matches!(trusted, Trusted::Account(_) | Trusted::Principal(_));
        let allows = |it: &&TrustStatement| it.statement.effect() == Effect::Allow;
        if self.statements.iter().filter(allows).any(|it| it.trusted.iter().any(is_principal)) {
            return Ok(());
        }
        let reason = format!("no statement of `{}` trusts an account, a user or a role", self.name);
        Err(TrustDecision { verdict: Verdict::ImplicitDeny, deciding: Vec::new(), reason })
    }

    /// Decides whether a caller may assume the role.
    ///
    /// A Deny that applies decides before an Allow, and without either the verdict is an implicit deny. A caller that
    /// would be allowed is refused if a Deny depends on one of the `unknown` keys, because it cannot be ruled out.
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
        let miss = |it: &TrustStatement| it.miss(trustee, action, &attributes);
        let of_effect = |effect| self.statements.iter().filter(move |it| it.statement.effect() == effect);
        let applying = |effect| -> Vec<usize> {
            of_effect(effect).filter(|it| miss(it).is_none()).map(|it| it.statement.index()).collect()
        };
        let possible_deny = || {
            let mut misses = of_effect(Effect::Deny).filter_map(|it| Some((it, miss(it)??)));
            let (it, mismatch) = misses.find(|(_, mismatch)| mismatch.is_unknown())?;
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
        let nearest = of_effect(Effect::Allow).filter_map(|it| Some((it, miss(it)?))).max_by_key(|(_, miss)| *miss);
        let reason = match nearest {
            Some((it, Some(mismatch))) => {
                let why = Words { mismatch, statement: &it.statement };
                format!("`{}#{}` trusts {trustee} but does not apply: {why}", self.name, it.statement.index())
            }
            _ => format!("the trust policy `{}` does not name {trustee}", self.name),
        };
        TrustDecision { verdict: Verdict::ImplicitDeny, deciding: Vec::new(), reason }
    }

    /// Every condition with its statement, for warnings about the keys that the policy depends on.
    pub fn conditions(&self) -> impl Iterator<Item = (&Statement, &Condition)> {
        let statements = self.statements.iter().map(|it| &it.statement);
        statements.flat_map(|statement| statement.conditions().iter().map(move |condition| (statement, condition)))
    }

    /// The indexes of the Allow statements that trust every subject of an identity provider, because they have no
    /// condition on `oidc:sub`.
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
    /// `None` if the statement applies; `Some(None)` if it does not name the caller; otherwise why it does not apply.
    fn miss(&self, trustee: Trustee<'_>, action: &Action, attributes: &Attributes<'_>) -> Option<Option<Mismatch>> {
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
            self.refuse_place(principal, Title::InvalidPolicyElement, "names no principal", HELP_PRINCIPAL);
        }
        for (kind, under) in members {
            let parse: fn(&str) -> Option<Trusted> = match kind.text {
                "RAM" => ram,
                "Federated" => provider,
                "Service" => service,
                _ => {
                    let why = "is not a valid principal type";
                    let refusal = Refusal::new(Title::InvalidPolicyElement, kind.text, why, HELP_PRINCIPAL);
                    self.refuse(kind.span.clone(), &kind.pointer, &refusal);
                    continue;
                }
            };
            let texts = self.texts(&under, Title::InvalidPolicyElement, HELP_PRINCIPAL).unwrap_or_default();
            let named = |text: &Text<'_>| {
                let why = "is not a valid principal of this type";
                parse(text.text)
                    .ok_or_else(|| Refusal::new(Title::InvalidPolicyElement, text.text, why, HELP_PRINCIPAL))
            };
            trusted.extend(texts.iter().filter_map(|text| self.accept(text, named(text))));
        }
        trusted
    }
}

/// Reads `acs:ram::UID:root`, `…:user/NAME` or `…:role/NAME`. Patterns are refused: a trust policy must name
/// principals.
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

/// Whether a text is a valid name of an identity provider: 1 to 128 letters, digits, `.`, `-` or `_`.
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
