//! What only our lines say: `additionalEventData.gateway`.

use std::fmt;

use jiff::Timestamp;

use super::decision::Decision;

/// Ours about one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    pub stage: Stage,
    /// No line follows for this attempt.
    pub last: bool,
    /// `enforce` or `observe`
    pub mode: Option<String>,
    /// `passthrough` where the call went on with its own signature.
    pub signing: Option<String>,
    pub verdict: Verdict,
    /// Why, in our words: more than the caller was told.
    pub reason: Option<String>,
    /// Which refusal it was, where policies did not decide.
    pub refusal: Option<String>,
    pub signature: Signature,
    /// Names the caller's key without showing it: the same in all lines of one log.
    pub access_key_tag: Option<String>,
    pub session: Option<Session>,
    pub decision: Option<Decision>,
    /// The digest of all policies that were in force.
    pub policy_revision: Option<String>,
    /// Parameters that were sent and are not written.
    pub left_out: Vec<String>,
    /// What the line leaves out because of its length.
    pub cut: Option<Cut>,
    /// Attempts that were counted and not written one by one.
    pub counted: Option<CountedAttempts>,
    pub upstream: Option<Upstream>,
    /// What the caller got.
    pub http_status: Option<u16>,
    /// The socket's other end, where it is not the source.
    pub peer: Option<String>,
    pub chain: Option<String>,
    pub replica: Option<String>,
}

/// Which line about an attempt this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Written before anything is done.
    Decision,
    /// What became of a forwarded call.
    Outcome,
    /// About many attempts, or about the log itself.
    Summary,
    /// Of a later version of this program.
    Other(String),
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
    /// Malformed, unauthenticated, unknown.
    Refused,
    /// Of the gateway itself.
    Error,
    /// Of a later version of this program.
    Other(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// `V1`, `V3`, `bearer`, …, `none`
    pub scheme: Option<String>,
    pub verified: bool,
    /// Of a token that was believed.
    pub issuer: Option<String>,
    pub subject: Option<String>,
}

/// The session that called, or that began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    pub name: Option<String>,
    pub access_key_id: Option<String>,
    pub expires: Option<String>,
    /// The token, key, certificate or address that was shown for it.
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub shown_by: Option<String>,
    pub address: Option<String>,
    /// The digest of its policy.
    pub narrowed_by: Option<String>,
    /// Its policy, in the line in which it begins.
    pub policy: Option<String>,
}

/// How many things a line leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    pub parameters: u64,
    pub resources: u64,
    pub statements: u64,
    pub conditions: u64,
}

/// What a line of stage `Summary` says of attempts that have no line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedAttempts {
    /// Whose they were: `principal`, `key`, `source`, `account`, `others`
    pub of: String,
    pub source: Option<String>,
    pub attempts: u64,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// Not all of them, where `other_operations` says so.
    pub operations: Vec<String>,
    pub other_operations: bool,
    pub resources: u64,
    pub more_resources: bool,
}

impl Cut {
    /// Whether what was judged cannot be told from the line.
    pub fn is_of_the_question(self) -> bool {
        self.resources > 0 || self.conditions > 0
    }
}

/// What came back for a forwarded call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    pub endpoint: Option<String>,
    pub request_id: Option<String>,
    pub status: Option<u16>,
    pub latency_ms: Option<u64>,
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

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
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
