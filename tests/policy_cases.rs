//! The worked cases of `spec/ram-policy.md` 10, against the judging core.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use ramgate::policy::{AttachedTo, Attachment, Document, Layers, Verdict, evaluate};
use ramgate::ram::{Context, Identity, Principal, Request};
use ramgate::source::Source;
use serde_json::Value;

const CASES: &str = include_str!("fixtures/cases/ram-decisions.cases.json");

/// How many cases need identity policies at account scope only, and how many need more.
const RUN: usize = 87;
const SKIPPED: usize = 23;

#[test]
fn every_case_that_is_built_gets_the_expected_verdict() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    let (run, skipped): (Vec<_>, Vec<_>) = cases.iter().partition(|case| is_built(case));
    let failures: Vec<String> = run.iter().filter_map(|case| failure(case)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!((run.len(), skipped.len()), (RUN, SKIPPED));
}

fn is_built(case: &Value) -> bool {
    let identity = |policy: &Value| policy["kind"] == "identity" && policy["scope"] == "account";
    case["request"].get("resource_context").is_none() && array(&case["policies"]).iter().all(identity)
}

fn failure(case: &Value) -> Option<String> {
    let (found, explanation) = match attachments(case) {
        Err(refused) => ("PolicyRejected".to_owned(), refused),
        Ok(attachments) => {
            let request = request(&case["request"]);
            let decision = evaluate(&Arc::new(Layers::identity(attachments)), &request);
            let layer = case.get("layer").map_or(decision.policy_type(), Value::as_str);
            assert_eq!(decision.policy_type(), layer, "{}", case["name"]);
            (decision.verdict().as_str().to_owned(), decision.details(&request).to_string())
        }
    };
    (found != text(&case["expect"]))
        .then(|| format!("{}: {found}, not {}\n{explanation}", case["name"], case["expect"]))
}

/// What is attached to the case's principal; attachments to others are noise on purpose, but must load.
fn attachments(case: &Value) -> Result<Vec<Attachment>, String> {
    let mut attachments = Vec::new();
    for (index, policy) in array(&case["policies"]).iter().enumerate() {
        let source = Source::new(format!("{}.json", case["name"]), policy["document"].to_string());
        let document = Document::parse(&format!("policy-{index}"), source)
            .map_err(|complaints| complaints.iter().map(|complaint| format!("{complaint}\n")).collect::<String>())?;
        if let Some(to) = attached_to(text(&policy["attached_to"]), &case["request"]["principal"]) {
            attachments.push(Attachment { document: Arc::new(document), to });
        }
    }
    Ok(attachments)
}

fn attached_to(attached: &str, principal: &Value) -> Option<AttachedTo> {
    let name = principal["name"].as_str()?;
    let is_user = principal["type"] == "user";
    match attached.split_once(':').unwrap() {
        ("user", user) => (is_user && user == name).then_some(AttachedTo::User),
        ("role", role) => (!is_user && role == name).then_some(AttachedTo::Role),
        ("group", group) => {
            let member = is_user && array(&principal["groups"]).iter().any(|joined| joined == group);
            member.then(|| AttachedTo::Group(group.into()))
        }
        other => panic!("{other:?}"),
    }
}

fn request(request: &Value) -> Request {
    let principal = &request["principal"];
    let identity = match text(&principal["type"]) {
        "root" => Identity::Root,
        kind => format!("{kind}/{}", text(&principal["name"])).parse().unwrap(),
    };
    let mut context = Context::default();
    for (key, value) in request["context"].as_object().unwrap() {
        context.insert(key.parse().unwrap(), text(value));
    }
    Request {
        principal: Principal { account: text(&principal["account_id"]).parse().unwrap(), identity },
        action: text(&request["action"]).parse().unwrap(),
        resources: array(&request["resources"]).iter().map(|arn| text(arn).parse().unwrap()).collect(),
        context,
    }
}

#[test]
fn no_verdict_is_missing_from_the_cases() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    for verdict in [Verdict::Allow, Verdict::ImplicitDeny, Verdict::ExplicitDeny] {
        assert!(cases.iter().any(|case| is_built(case) && case["expect"] == verdict.as_str()), "{verdict}");
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
