//! A case file: decisions, each with the policies that it needs (`docs/spec/ram-policy.md` 10).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::pdp::{ActionRequest, Question};
use crate::text::Lines;
use ram_policy::{AccountId, Context, Diagnostic, Identity, Position, Principal, Source, Verdict};

/// The cases of one file.
#[derive(Debug)]
pub struct CaseFile {
    /// The name of the suite: the file's stem.
    pub suite: String,
    pub cases: Vec<Case>,
    pub(super) file: Arc<str>,
    /// Where each case begins in the file.
    pub(super) positions: Vec<Position>,
}

/// One decision: the policies and their holders, the request, and the expected result.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub policies: Vec<CasePolicy>,
    pub request: CaseRequest,
    pub expect: Expected,
    #[serde(default)]
    pub why: String,
    /// How sure the author is of the expectation. Read for validity only.
    #[serde(default)]
    pub confidence: String,
    /// The expected `PolicyType` of a denial.
    pub layer: Option<String>,
    /// Public evidence conflicts, so a different result is not a failure.
    #[serde(default)]
    pub disputed: bool,
    /// The other result that could be defended.
    pub alternative: Option<String>,
}

/// A document, and the holder that it is attached to.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CasePolicy {
    pub(super) kind: PolicyKind,
    /// `user:NAME`, `group:NAME` or `role:NAME`; identity policies only.
    pub(super) attached_to: Option<String>,
    /// `account`, or `resource-group:ID`; identity policies only.
    pub(super) scope: Option<String>,
    /// The level of the resource directory; control policies only.
    pub(super) level: Option<String>,
    pub(super) document: Box<RawValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PolicyKind {
    Identity,
    Session,
    Control,
}

/// The request of a case.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseRequest {
    pub(super) principal: CasePrincipal,
    action: String,
    resources: Vec<String>,
    #[serde(default)]
    context: BTreeMap<String, Values>,
    #[serde(default)]
    resource_context: BTreeMap<String, BTreeMap<String, Values>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CasePrincipal {
    #[serde(rename = "type")]
    kind: String,
    account_id: String,
    name: Option<String>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) service_linked: bool,
    #[serde(default, rename = "session")]
    _session: Option<String>,
}

/// One value, or several.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

/// The expected result of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub enum Expected {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
    /// At least one document must fail to load.
    PolicyRejected,
}

impl CaseFile {
    /// Reads the text of a case file.
    ///
    /// # Errors
    /// The text is not a list of cases, or the list is empty.
    pub fn read(suite: &str, source: &Source) -> Result<Self, Diagnostic> {
        let cases: Vec<Case> = serde_json::from_str(source.text()).map_err(|error| {
            let position = Position { line: error.line().max(1), column: error.column().max(1) };
            let at = source.offset(position);
            let message = error.to_string();
            let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
            source.error(at..at, message.to_owned(), "see docs/configuration.md for the form of a case file")
        })?;
        if cases.is_empty() {
            return Err(source.error_without_place("the file contains no case", "add one, or remove the file"));
        }
        let lines = Lines::of(source);
        let begins: Vec<&RawValue> = serde_json::from_str(source.text()).unwrap_or_default();
        let offset = |raw: &RawValue| raw.get().as_ptr() as usize - source.text().as_ptr() as usize;
        let positions = begins.into_iter().map(|raw| lines.position(offset(raw))).collect();
        Ok(Self { suite: suite.to_owned(), cases, file: source.name().into(), positions })
    }
}

impl CaseRequest {
    /// Whether the request states attributes of resources.
    pub fn states_resources(&self) -> bool {
        !self.resource_context.is_empty()
    }

    /// The principal as `user/NAME`.
    pub(super) fn written_principal(&self) -> String {
        let CasePrincipal { kind, name, .. } = &self.principal;
        match (kind.as_str(), name) {
            ("root", _) => "root".to_owned(),
            (kind, name) => format!("{kind}/{}", name.as_deref().unwrap_or_default()),
        }
    }

    /// The principal of the request.
    ///
    /// # Errors
    /// The principal is invalid; the text is for people.
    pub fn principal(&self) -> Result<Principal, String> {
        let account: AccountId = self.principal.account_id.parse().map_err(|error| format!("{error}"))?;
        let identity: Identity = self.written_principal().parse().map_err(|error| format!("{error}"))?;
        Ok(Principal::new(account, identity))
    }

    /// The question to the decision point. `known` supplies attributes of resources that the request does not state.
    ///
    /// # Errors
    /// The request is invalid; the text is for people.
    pub fn question(&self, known: impl Fn(&ActionRequest) -> Vec<Context>) -> Result<Question<ActionRequest>, String> {
        let resources = self.resources.iter().map(|arn| arn.parse().map_err(|error| format!("{error}")));
        let subject = ActionRequest {
            action: self.action.parse().map_err(|error| format!("{error}"))?,
            resources: resources.collect::<Result<_, _>>()?,
        };
        let mut resource_attributes = known(&subject);
        resource_attributes.resize_with(subject.resources.len(), Context::default);
        for (arn, stated) in &self.resource_context {
            let at = subject.resources.iter().position(|resource| resource.as_str() == arn);
            let at = at.ok_or_else(|| format!("`resource_context` names `{arn}`, which is not among the resources"))?;
            resource_attributes[at] = attributes(stated)?;
        }
        let question = Question::new(self.principal()?, subject, attributes(&self.context)?);
        Ok(question.with_attributes(resource_attributes))
    }
}

fn attributes(given: &BTreeMap<String, Values>) -> Result<Context, String> {
    let mut attributes = Context::default();
    for (key, values) in given {
        let key: ram_policy::ContextKey = key.parse().map_err(|error| format!("{error}"))?;
        match values {
            Values::One(value) => attributes.add_text(key, value),
            Values::Several(values) => values.iter().for_each(|value| attributes.add_text(key.clone(), value)),
        }
    }
    Ok(attributes)
}

impl Expected {
    pub(super) fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Self::Allow,
            Verdict::ImplicitDeny => Self::ImplicitDeny,
            Verdict::ExplicitDeny => Self::ExplicitDeny,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::ImplicitDeny => "implicit deny",
            Self::ExplicitDeny => "explicit deny",
            Self::PolicyRejected => "policy rejected",
        })
    }
}
