//! The flags that select attempts.

use std::net::IpAddr;

use clap::Args;
use ipnet::IpNet;

use crate::audit::read::{Attempt, Event, MatchedStatement, Verdict};
use crate::cli::recording::Window;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct FilterArgs {
    #[command(flatten)]
    window: Window,
    /// `user/alice`, `role/terway`, `role/terway:SESSION` or `root`, optionally with the prefix `ACCOUNT:`, or an ARN
    #[arg(long)]
    principal: Option<String>,
    /// The ENI of the call
    #[arg(long, value_name = "ID")]
    eni: Option<String>,
    /// The instance of the call
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    #[arg(long, value_enum)]
    verdict: Option<WantedVerdict>,
    /// The error code that the caller got; `Forbidden.*` for all codes with this prefix
    #[arg(long)]
    code: Option<String>,
    /// The caller's address, or a network such as `10.0.0.0/8`
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    source: Option<IpNet>,
    /// A statement that decided, as `POLICY#N` counted from 0, or `POLICY` for all of its statements
    #[arg(long, value_name = "POLICY#N")]
    statement: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum WantedVerdict {
    Allow,
    /// Explicit or implicit deny
    Deny,
    ExplicitDeny,
    ImplicitDeny,
    /// Ended before a decision: malformed, unauthenticated, or an unknown operation
    Refused,
    Error,
}

impl FilterArgs {
    pub(super) fn takes(&self, attempt: &Attempt) -> bool {
        let event = attempt.event();
        self.window.contains(event.time)
            && self.principal.as_deref().is_none_or(|wanted| is_principal(event, wanted))
            && self.eni.as_deref().is_none_or(|id| is_about(event, "NetworkInterfaceId", id))
            && self.instance.as_deref().is_none_or(|id| is_about(event, "InstanceId", id))
            && self.verdict.is_none_or(|wanted| attempt.verdict().is_some_and(|verdict| wanted.is(verdict)))
            && self.code.as_deref().is_none_or(|code| has_code(attempt, code))
            && self.source.is_none_or(|net| event.address().is_some_and(|address| net.contains(&address)))
            && self.statement.as_deref().is_none_or(|statement| decided(event, statement))
    }
}

impl WantedVerdict {
    fn is(self, verdict: &Verdict) -> bool {
        match self {
            Self::Allow => *verdict == Verdict::Allow,
            Self::Deny => matches!(verdict, Verdict::ExplicitDeny | Verdict::ImplicitDeny),
            Self::ExplicitDeny => *verdict == Verdict::ExplicitDeny,
            Self::ImplicitDeny => *verdict == Verdict::ImplicitDeny,
            Self::Refused => *verdict == Verdict::Refused,
            Self::Error => *verdict == Verdict::Error,
        }
    }
}

/// Whether a principal has this name or ARN. Case is ignored, because two role names never differ only in case.
fn is_principal(event: &Event, wanted: &str) -> bool {
    let Some(arn) = event.user.arn() else { return false };
    let account = event.user.account.as_deref().unwrap_or_default();
    let relative = arn.rsplit_once(':').map_or(arn.as_str(), |(_, relative)| relative);
    let same = |name: &str| name.eq_ignore_ascii_case(wanted);
    let session = event.user.session().map(|(_, session)| session);
    let is = |name: &str| same(name) || session.is_some_and(|session| same(&format!("{name}:{session}")));
    is(relative) || is(&format!("{account}:{relative}")) || is(&arn)
}

fn is_about(event: &Event, parameter: &str, id: &str) -> bool {
    event.parameter(parameter) == Some(id) || event.resources().iter().any(|resource| resource.name == id)
}

fn has_code(attempt: &Attempt, wanted: &str) -> bool {
    let Some(error) = attempt.answer().error() else { return false };
    match wanted.strip_suffix('*') {
        Some(start) => error.code.starts_with(start),
        None => error.code == wanted,
    }
}

fn decided(event: &Event, wanted: &str) -> bool {
    let decision = event.gateway().and_then(|gateway| gateway.decision.as_ref());
    let is_wanted = |statement: &MatchedStatement| statement.policy == wanted || statement.place() == wanted;
    decision.is_some_and(|decision| {
        decision.matched().any(is_wanted) || decision.possible_denies().any(|deny| is_wanted(&deny.statement))
    })
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| "write an address, or a network such as `10.0.0.0/8`".to_owned())
}
