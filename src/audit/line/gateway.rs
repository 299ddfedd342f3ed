//! `additionalEventData.gateway`: the fields that only this program's lines have.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::catalog::RejectionReason;

use super::decision::Decision;
use super::text::{moment, text};

/// The gateway's decision about one attempt, or a report of the log about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway<'a, D = Decision<'a>> {
    pub stage: Stage,
    /// Whether this is the last line about the attempt.
    #[serde(rename = "final", default)]
    pub last: bool,
    /// `enforce` or `observe`.
    #[serde(default, deserialize_with = "text")]
    pub mode: Option<Cow<'a, str>>,
    /// `passthrough` if the call was forwarded with its own signature.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub signing: Option<Cow<'a, str>>,
    pub verdict: Verdict,
    /// Why, in this program's words; the answer to the caller may say less.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// The kind of refusal. Absent for a permitted call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalName>,
    #[serde(default)]
    pub signature: Signature<'a>,
    /// Identifies the caller's key without revealing it. The tag of a key is the same in all lines of one log.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub access_key_tag: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<D>,
    /// The digest of all policies in force.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub policy_revision: Option<Cow<'a, str>>,
    /// Names of parameters that were sent and whose values are never written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Cow<'a, str>>,
    /// What the line omits because it would be too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// Attempts that have no lines of their own, in a line of stage `Summary`.
    #[serde(rename = "summary", skip_serializing_if = "Option::is_none")]
    pub counted: Option<CountedAttempts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream<'a>>,
    /// The status that the caller got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The other end of the connection, if it is not the source.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub peer: Option<Cow<'a, str>>,
    // Chain and replica must come last: a verifier finds them from the end of the line.
    #[serde(default, deserialize_with = "text")]
    pub chain: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "text")]
    pub replica: Option<Cow<'a, str>>,
}

/// Which line about an attempt this is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Stage {
    /// Written before the call is forwarded or answered.
    Decision,
    /// The result of a forwarded call.
    Outcome,
    /// About many attempts, or about the log itself.
    Summary,
    /// A stage of a later version of this program.
    Other(String),
}

/// The verdict about an attempt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "String")]
pub enum Verdict {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
    /// Refused without a verdict of the policies: malformed, unauthenticated, over a budget, for example.
    Refused,
    /// The gateway itself failed.
    Error,
    /// A verdict of a later version of this program.
    Other(String),
}

/// The kind of refusal, as the catalogue names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RefusalName {
    Known(RejectionReason),
    /// A refusal of a later version of this program.
    Other(String),
}

/// How the call was signed, and whether the signature was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signature<'a> {
    /// `V1`, `V3`, `bearer`, …, `none`.
    #[serde(deserialize_with = "text")]
    pub scheme: Option<Cow<'a, str>>,
    pub verified: bool,
    /// The issuer of an accepted token.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub subject: Option<Cow<'a, str>>,
}

/// The session that called, or that began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Session<'a> {
    #[serde(deserialize_with = "text")]
    pub name: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "text")]
    pub access_key_id: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "text")]
    pub expires: Option<Cow<'a, str>>,
    /// The issuer of the token that the session was issued for.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub subject: Option<Cow<'a, str>>,
    /// The ARN of the principal whose key or certificate the session was issued for.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub shown_by: Option<Cow<'a, str>>,
    /// The address that the session was issued to.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub address: Option<Cow<'a, str>>,
    /// The digest of the session policy.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub narrowed_by: Option<Cow<'a, str>>,
    /// The session policy itself. Only in the line about the session's beginning.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub policy: Option<Cow<'a, str>>,
}

/// Counts of the things that a line omits because it would be too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cut {
    #[serde(skip_serializing_if = "is_zero")]
    pub parameters: u64,
    /// Judged resources. Never omitted for a permitted call.
    #[serde(skip_serializing_if = "is_zero")]
    pub resources: u64,
    /// Deciding statements. A lower bound, because not all are looked up if there are very many.
    #[serde(skip_serializing_if = "is_zero")]
    pub statements: u64,
    /// Condition keys of the request and its resources. Never omitted for a permitted call.
    #[serde(skip_serializing_if = "is_zero")]
    pub conditions: u64,
}

/// The attempts without a line of their own that a line of stage `Summary` counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CountedAttempts<'a> {
    /// The kind of holder that made them: `principal`, `key`, `source`, `account`, or all `others`.
    pub of: Cow<'a, str>,
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    pub attempts: u64,
    #[serde(serialize_with = "moment::write", deserialize_with = "moment::read")]
    pub first: Option<Timestamp>,
    #[serde(serialize_with = "moment::write", deserialize_with = "moment::read")]
    pub last: Option<Timestamp>,
    /// The names of operations. The list is incomplete if `other_operations` is set.
    pub operations: Vec<Cow<'a, str>>,
    pub other_operations: bool,
    /// How many distinct resources were judged. There were more if `more_resources` is set.
    pub resources: u64,
    pub more_resources: bool,
}

/// The upstream's answer to a forwarded call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Upstream<'a> {
    #[serde(deserialize_with = "text")]
    pub endpoint: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Cow<'a, str>>,
    pub status: Option<u16>,
    pub latency_ms: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Cut {
    /// Whether anything was omitted.
    pub(in super::super) fn is_any(self) -> bool {
        self != Self::default()
    }

    /// Whether resources or conditions are missing, so that the attempt cannot be judged again.
    pub fn is_of_the_question(self) -> bool {
        self.resources > 0 || self.conditions > 0
    }

    pub(in super::super) const fn and(self, other: Self) -> Self {
        Self {
            parameters: self.parameters + other.parameters,
            resources: self.resources + other.resources,
            statements: self.statements + other.statements,
            conditions: self.conditions + other.conditions,
        }
    }
}

impl Verdict {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Allow => "Allow",
            Self::ExplicitDeny => "ExplicitDeny",
            Self::ImplicitDeny => "ImplicitDeny",
            Self::Refused => "Refused",
            Self::Error => "Error",
            Self::Other(word) => word,
        }
    }
}

impl Stage {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Decision => "Decision",
            Self::Outcome => "Outcome",
            Self::Summary => "Summary",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for Verdict {
    fn from(word: String) -> Self {
        match word.as_str() {
            "Allow" => Self::Allow,
            "ExplicitDeny" => Self::ExplicitDeny,
            "ImplicitDeny" => Self::ImplicitDeny,
            "Refused" => Self::Refused,
            "Error" => Self::Error,
            _ => Self::Other(word),
        }
    }
}

impl From<ram_policy::Verdict> for Verdict {
    fn from(verdict: ram_policy::Verdict) -> Self {
        match verdict {
            ram_policy::Verdict::Allow => Self::Allow,
            ram_policy::Verdict::ImplicitDeny => Self::ImplicitDeny,
            ram_policy::Verdict::ExplicitDeny => Self::ExplicitDeny,
        }
    }
}

impl From<String> for Stage {
    fn from(word: String) -> Self {
        match word.as_str() {
            "Decision" => Self::Decision,
            "Outcome" => Self::Outcome,
            "Summary" => Self::Summary,
            _ => Self::Other(word),
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}
