//! The session that a call asks for, read from its parameters. Only what does not depend on policies is checked here.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::catalog::Catalog;
use crate::ram::{Parameters, SessionName};
use ram_policy::{AccountId, Context, ContextKey, Document, Identity, LONGEST_SESSION_POLICY, PrincipalName, Source};

use super::error::StsError;

/// The shortest session, in seconds.
const SHORTEST: u64 = 900;
/// The duration of a session if the call does not ask for one, in seconds.
const USUAL: u64 = 3600;

/// The session that a call asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) name: Option<SessionName>,
    seconds: Option<u64>,
    /// `None` until [`Wanted::narrow`] has read it.
    pub(super) policy: Option<SessionPolicy>,
}

/// A session policy that follows the grammar, in the form in which it was sent.
#[derive(Clone, Debug)]
pub(super) struct SessionPolicy {
    pub(super) text: String,
    pub(super) digest: Arc<str>,
}

/// The parameters of every operation that begins a session.
const OF_SESSIONS: [&str; 4] = ["RoleSessionName", "DurationSeconds", "Policy", "RegionId"];

impl Wanted {
    /// Reads everything except the session policy. `own` are the operation's parameters besides those of every session.
    ///
    /// # Errors
    /// A parameter does not belong to the operation, or is malformed.
    pub(super) fn read(parameters: &Parameters, catalog: &Catalog, own: &[&str]) -> Result<Self, StsError> {
        refuse_others(parameters, catalog, &[own, &OF_SESSIONS].concat())?;
        let name = parameters.value("RoleSessionName").map(str::parse).transpose();
        let seconds = parameters.value("DurationSeconds").map(read_seconds).transpose();
        Ok(Self { name: name.map_err(|_| StsError::SessionName)?, seconds: seconds?, policy: None })
    }

    /// Reads the session policy. Parsing it is expensive, so this must be called only for an authenticated caller.
    ///
    /// # Errors
    /// The policy is too long, or does not follow the grammar.
    pub(super) fn narrow(&mut self, parameters: &Parameters) -> Result<(), StsError> {
        self.policy = parameters.value("Policy").map(check_policy).transpose()?;
        Ok(())
    }

    /// A session without a name or a session policy. `seconds` is its duration.
    pub(super) fn of_length(seconds: Option<u64>) -> Self {
        Self { seconds, ..Self::default() }
    }

    /// The session's name, for an operation that requires one.
    ///
    /// # Errors
    /// The call does not give a name.
    pub(super) fn named(&self) -> Result<SessionName, StsError> {
        self.name.clone().ok_or(StsError::Missing("RoleSessionName"))
    }

    /// When the session ends.
    ///
    /// # Errors
    /// The call asks for a session that is too short, or longer than `longest`.
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

/// Checks the parameters against an allow-list, because an unknown parameter could change what the call means.
///
/// # Errors
/// A parameter is not listed in `known`, and is neither part of the protocol nor ignored.
pub(super) fn refuse_others(parameters: &Parameters, catalog: &Catalog, known: &[&str]) -> Result<(), StsError> {
    let understood =
        |name: &str| known.contains(&name) || catalog.is_protocol_parameter(name) || catalog.is_ignored(name);
    match parameters.iter().find(|given| !understood(given.name)) {
        Some(unknown) => Err(StsError::Unknown(unknown.name.to_owned())),
        None => Ok(()),
    }
}

/// The account and the role name in the parameter `RoleArn`.
///
/// # Errors
/// The parameter is missing, or is not the ARN of a role.
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

/// The value of a parameter that must not be missing or empty.
pub(super) fn required<'a>(parameters: &'a Parameters, name: &'static str) -> Result<&'a str, StsError> {
    parameters.value(name).filter(|value| !value.is_empty()).ok_or(StsError::Missing(name))
}

/// Adds the condition keys that callers may set freely, for trust policies to test (`docs/spec/ram-policy.md` 4.5).
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
