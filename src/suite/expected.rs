//! The expectation of a cell, and how the actual result differs from it.

use std::fmt;
use std::str::FromStr;

use crate::catalog::Answer;
use ram_policy::{Decision, LayerKind, Request, Verdict};

use super::environment::StatementName;

/// The word in `expect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpectedVerdict {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
    /// Either kind of denial.
    Deny,
    /// The call is refused for its parameters, before any policy is consulted.
    Refused,
}

/// Everything that a case asserts. A field that is `None` is not asserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) word: ExpectedVerdict,
    /// Exactly these statements, in any order; kept sorted.
    pub(super) decided_by: Option<Vec<StatementName>>,
    pub(super) layer: Option<LayerKind>,
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
}

/// The result of a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Actual<'a> {
    /// `denial` is the gateway's answer to a denial.
    Judged {
        decision: &'a Decision,
        request: &'a Request<'a>,
        denial: &'a Answer,
    },
    Refused(&'a Answer),
}

/// The expected and the actual result, as texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub expected: String,
    pub got: String,
}

impl Expected {
    /// The first difference: in the verdict, or else in the further assertions.
    pub(super) fn difference(&self, got: &Actual<'_>) -> Option<Difference> {
        let word = got.word();
        if !self.word.takes(word) {
            return Some(Difference { expected: self.word.to_string(), got: word.to_string() });
        }
        let differs = |expected: String, got: String| Some(Difference { expected, got });
        if let Some(wanted) = &self.decided_by {
            let found = got.decided_by();
            if *wanted != found {
                return differs(decided(word, wanted), decided(word, &found));
            }
        }
        if let Some(wanted) = self.layer {
            let found = got.layer();
            if Some(wanted) != found {
                let found = found.map_or("no layer", LayerKind::policy_type);
                return differs(format!("{word} by {}", wanted.policy_type()), format!("{word} by {found}"));
            }
        }
        let answer = got.answer();
        let (status, code) = (answer.map(|it| it.status), answer.map(|it| it.code.as_str()));
        let other_status = self.status.is_some_and(|wanted| status != Some(wanted));
        let other_code = self.code.as_deref().is_some_and(|wanted| code != Some(wanted));
        if !other_status && !other_code {
            return None;
        }
        let described = |status: Option<u16>, code: Option<&str>| {
            let parts = [status.map(|it| it.to_string()), code.map(str::to_owned)];
            format!("{word} with {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
        };
        differs(described(self.status, self.code.as_deref()), described(status, code))
    }
}

impl Actual<'_> {
    pub(super) fn word(&self) -> ExpectedVerdict {
        match self {
            Self::Refused(_) => ExpectedVerdict::Refused,
            Self::Judged { decision, .. } => decision.verdict().into(),
        }
    }

    /// The deciding statements, each once, of the ARNs whose verdict is that of the decision.
    pub(super) fn decided_by(&self) -> Vec<StatementName> {
        let Self::Judged { decision, request, .. } = self else { return Vec::new() };
        let verdict = decision.verdict();
        let judged = decision.judgements().iter().enumerate().filter(|(_, judged)| judged.verdict == verdict);
        let statements = judged.flat_map(|(at, _)| decision.deciding(request, at));
        let mut names: Vec<_> = statements.map(|(_, at)| StatementName::of(at)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The layer that denied.
    pub(super) fn layer(&self) -> Option<LayerKind> {
        let Self::Judged { decision, .. } = self else { return None };
        if decision.verdict() == Verdict::Allow {
            return None;
        }
        decision.decisive().map(|(_, judged)| judged.grounds.layer())
    }

    /// The gateway's own answer; `None` for a call that it forwards.
    pub(super) fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Refused(answer) => Some(answer),
            Self::Judged { decision, denial, .. } => (decision.verdict() != Verdict::Allow).then_some(denial),
        }
    }
}

impl ExpectedVerdict {
    const ALL: [Self; 5] = [Self::Allow, Self::ImplicitDeny, Self::ExplicitDeny, Self::Deny, Self::Refused];

    pub(super) fn takes(self, got: Self) -> bool {
        self == got || (self == Self::Deny && matches!(got, Self::ImplicitDeny | Self::ExplicitDeny))
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::ImplicitDeny => "implicit-deny",
            Self::ExplicitDeny => "explicit-deny",
            Self::Deny => "deny",
            Self::Refused => "refused",
        }
    }
}

impl From<Verdict> for ExpectedVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Self::Allow,
            Verdict::ImplicitDeny => Self::ImplicitDeny,
            Verdict::ExplicitDeny => Self::ExplicitDeny,
        }
    }
}

impl FromStr for ExpectedVerdict {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|word| word.as_str() == text).ok_or(())
    }
}

impl fmt::Display for ExpectedVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn decided(word: ExpectedVerdict, by: &[StatementName]) -> String {
    let names: Vec<_> = by.iter().map(ToString::to_string).collect();
    let by = if names.is_empty() { "no statement".to_owned() } else { names.join(", ") };
    format!("{word} decided by {by}")
}
