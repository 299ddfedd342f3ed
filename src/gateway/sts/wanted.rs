//! What a call asks for, read from its parameters and checked as far as that goes without judging.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::catalog::Catalog;
use crate::ram::{Parameters, SessionName};
use ram_policy::{AccountId, Context, ContextKey, Document, Identity, LONGEST_SESSION_POLICY, PrincipalName, Source};

use super::fault::StsError;

/// The shortest session, and the one that is had without asking, in seconds.
const SHORTEST: u64 = 900;
const USUAL: u64 = 3600;

/// The session that is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) name: Option<SessionName>,
    seconds: Option<u64>,
    /// None until [`Wanted::narrow`] has read it.
    pub(super) policy: Option<SessionPolicy>,
}

/// A session policy that passed the grammar, as it was sent.
#[derive(Clone, Debug)]
pub(super) struct SessionPolicy {
    pub(super) text: String,
    pub(super) digest: Arc<str>,
}

/// Parameters of every operation that begins a session.
const OF_SESSIONS: [&str; 4] = ["RoleSessionName", "DurationSeconds", "Policy", "RegionId"];

impl Wanted {
    /// Reads all but the session policy.
    ///
    /// # Errors
    /// A parameter that is none of the operation's, `own` and those of every session; one that is malformed.
    pub(super) fn read(parameters: &Parameters, catalog: &Catalog, own: &[&str]) -> Result<Self, StsError> {
        refuse_others(parameters, catalog, &[own, &OF_SESSIONS].concat())?;
        let name = parameters.value("RoleSessionName").map(str::parse).transpose();
        let seconds = parameters.value("DurationSeconds").map(read_seconds).transpose();
        Ok(Self { name: name.map_err(|_| StsError::SessionName)?, seconds: seconds?, policy: None })
    }

    /// Reads the session policy, which takes a whole parser: only for a caller who has shown who it is.
    ///
    /// # Errors
    /// A policy that is too long, or that the grammar refuses.
    pub(super) fn narrow(&mut self, parameters: &Parameters) -> Result<(), StsError> {
        self.policy = parameters.value("Policy").map(check_policy).transpose()?;
        Ok(())
    }

    /// A session that lasts so long, in seconds, and is not narrowed.
    pub(super) fn of_length(seconds: Option<u64>) -> Self {
        Self { seconds, ..Self::default() }
    }

    /// The name that whoever asks must give.
    pub(super) fn named(&self) -> Result<SessionName, StsError> {
        self.name.clone().ok_or(StsError::Missing("RoleSessionName"))
    }

    /// When the session ends.
    pub(super) fn expires(&self, now: Timestamp, longest: Duration) -> Result<Timestamp, StsError> {
        let longest = longest.as_secs();
        let seconds = self.seconds.unwrap_or(USUAL.min(longest));
        if !(SHORTEST..=longest).contains(&seconds) {
            return Err(StsError::Duration(longest));
        }
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let length = i64::try_from(seconds).map(SignedDuration::from_secs).unwrap_or_default();
        now.saturating_add(length).map_err(|_| StsError::Duration(longest))
    }
}

/// An allow-list: what is not understood is not done.
pub(super) fn refuse_others(parameters: &Parameters, catalog: &Catalog, known: &[&str]) -> Result<(), StsError> {
    let understood =
        |name: &str| known.contains(&name) || catalog.is_protocol_parameter(name) || catalog.is_ignored(name);
    match parameters.iter().find(|given| !understood(given.name)) {
        Some(unknown) => Err(StsError::Unknown(unknown.name.to_owned())),
        None => Ok(()),
    }
}

/// The account and the name in a role's ARN.
pub(super) fn role_of(parameters: &Parameters) -> Result<(AccountId, Arc<str>), StsError> {
    let arn = required(parameters, "RoleArn")?;
    if !arn.starts_with("acs:ram::") {
        return Err(StsError::RoleArn);
    }
    match arn.parse() {
        Ok(PrincipalName { account: Some(account), identity: Identity::Role(name) }) => Ok((account, name)),
        _ => Err(StsError::RoleArn),
    }
}

pub(super) fn required<'a>(parameters: &'a Parameters, name: &'static str) -> Result<&'a str, StsError> {
    parameters.value(name).filter(|value| !value.is_empty()).ok_or(StsError::Missing(name))
}

/// What callers say of themselves for a trust policy to test (`docs/spec/ram-policy.md` 4.5).
pub(super) fn add_claims(context: &mut Context, parameters: &Parameters) {
    for (parameter, key) in [("ExternalId", "sts:ExternalId"), ("SourceIdentity", "sts:SourceIdentity")] {
        if let (Some(value), Ok(key)) = (parameters.value(parameter), key.parse::<ContextKey>()) {
            context.add_text(key, value);
        }
    }
}

fn read_seconds(text: &str) -> Result<u64, StsError> {
    let digits = (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(StsError::Duration(USUAL))
}

fn check_policy(text: &str) -> Result<SessionPolicy, StsError> {
    let length = text.chars().count();
    if length > LONGEST_SESSION_POLICY {
        return Err(StsError::PolicySize(length, LONGEST_SESSION_POLICY));
    }
    match Document::parse("session", &Source::new("Policy", text)) {
        Ok(document) => Ok(SessionPolicy { text: text.to_owned(), digest: document.digest().to_string().into() }),
        Err(diagnostics) => {
            let first = diagnostics.into_iter().next();
            Err(StsError::PolicySyntax(first.map(|diagnostic| diagnostic.title).unwrap_or_default()))
        }
    }
}
