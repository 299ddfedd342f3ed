//! The decision as it stands in a line, in RAM's own words for a diagnosis (`spec/ram-policy.md` 7.3).

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::policy::{Decision, MatchedPolicy, Verdict};
use crate::ram::Request;

use super::bounded::bounded;

/// Written once, for the decision's line and the outcome's.
pub(super) fn written_decision(request: &Request, decision: &Decision) -> Box<RawValue> {
    to_raw_value(&WrittenDecision::new(request, decision)).expect("text and numbers make JSON")
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenDecision<'a> {
    auth_action: &'a str,
    explicit_deny: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_permission_policy_type: Option<&'static str>,
    auth_conditions: Vec<Condition<'a>>,
    resources: Vec<Resource<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition<'a> {
    condition_key: &'a str,
    condition_values: Vec<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resource<'a> {
    auth_resource: &'a str,
    verdict: Verdict,
    matched_policies: Vec<MatchedPolicy<'a>>,
}

impl<'a> WrittenDecision<'a> {
    fn new(request: &'a Request, decision: &'a Decision) -> Self {
        let conditions = request.context.iter().map(|(key, values)| Condition {
            condition_key: key.as_str(),
            condition_values: values.iter().map(|value| bounded(value)).collect(),
        });
        let resources = decision.judgements().map(|judgement| Resource {
            auth_resource: judgement.resource().as_str(),
            verdict: judgement.verdict(),
            matched_policies: judgement.matched_policies(),
        });
        Self {
            auth_action: request.action.as_str(),
            explicit_deny: decision.verdict() == Verdict::ExplicitDeny,
            no_permission_policy_type: decision.policy_type(),
            auth_conditions: conditions.collect(),
            resources: resources.collect(),
        }
    }
}
