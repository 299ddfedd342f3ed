//! What holds for every set of policies and every request.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proptest::prelude::*;
use ramgate::policy::{AttachedTo, Attachment, Document, Finding, Layers, Verdict, evaluate};
use ramgate::ram::{Context, Request};
use ramgate::source::Source;
use serde_json::{Value, json};

fn statement(effects: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let action = prop::sample::select(&["*", "ecs:*", "ecs:Attach*", "ecs:Describe*", "*:attachnetworkinterface"][..]);
    let resource = prop::sample::select(
        &["*", "acs:ecs:*:*:eni/*", "acs:ecs:*:*:instance/*", "acs:*:*:*:*", "acs:ecs:*:*:eni/eni-1", "acs:ecs:*:2:*"]
            [..],
    );
    let condition = prop::sample::select(vec![
        json!({}),
        json!({"StringEquals": {"acs:X": "a"}}),
        json!({"StringNotEquals": {"acs:X": ["a", "b"]}}),
        json!({"NotIpAddress": {"acs:X": "10.0.0.0/8"}}),
        json!({"StringLike": {"acs:PrincipalARN": "*:user/a*"}}),
    ]);
    let element = prop::sample::select(&["Action", "NotAction"][..]);
    (prop::sample::select(effects), element, action, resource, condition).prop_map(
        |(effect, element, action, resource, condition)| {
            json!({"Effect": effect, element: action, "Resource": [resource], "Condition": condition})
        },
    )
}

fn policies() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(statement(&["Allow", "Allow", "Deny"]), 0..6)
}

fn request() -> impl Strategy<Value = Request> {
    let resource = prop::sample::select(
        &[
            "acs:ecs:r:1:eni/eni-1",
            "acs:ecs:r:1:eni/eni-2",
            "acs:ecs:r:1:instance/i-1",
            "acs:ecs:r:2:eni/eni-1",
            "acs:ecs:r:1:eni/*",
            "*",
        ][..],
    );
    let value = prop::option::of(prop::sample::select(&["a", "b", "c", "10.0.0.1"][..]));
    let identity = prop::sample::select(&["user/alice", "role/terway"][..]);
    (prop::collection::vec(resource, 1..3), value, identity).prop_map(|(resources, value, identity)| {
        let mut context = Context::default();
        if let Some(value) = value {
            context.insert("acs:X".parse().unwrap(), value);
        }
        Request {
            principal: format!("1:{identity}")
                .parse::<ramgate::ram::WrittenPrincipal>()
                .unwrap()
                .in_account(None)
                .unwrap(),
            action: "ecs:AttachNetworkInterface".parse().unwrap(),
            resources: resources.iter().map(|arn| arn.parse().unwrap()).collect(),
            context,
        }
    })
}

#[test]
fn a_decision_may_cross_threads_and_outlive_its_request() {
    fn check<T: Send + Sync + 'static>() {}
    check::<ramgate::policy::Decision>();
}

/// Each statement in a document of its own.
fn layers(statements: &[Value]) -> Arc<Layers> {
    let attach = |(index, statement): (usize, &Value)| {
        let text = json!({"Version": "1", "Statement": [statement]}).to_string();
        let document = Document::parse(&format!("p{index}"), Source::new("p.json", text)).unwrap();
        Attachment { document: Arc::new(document), to: AttachedTo::User }
    };
    Arc::new(Layers::identity(statements.iter().enumerate().map(attach).collect()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// A good document with a piece torn out and another put in, at any character.
    #[test]
    fn any_text_is_read_without_a_panic(
        statements in policies(), at in 0..200_usize, torn in 0..4_usize, piece in "[]\\[{}\",:0-9a-z\\\\\u{e9}\n]{0,4}",
    ) {
        let good: Vec<char> = json!({"Version": "1", "Statement": statements}).to_string().chars().collect();
        let at = at.min(good.len());
        let (head, tail) = (&good[..at], &good[(at + torn).min(good.len())..]);
        let text: String = head.iter().copied().chain(piece.chars()).chain(tail.iter().copied()).collect();
        if let Err(complaints) = Document::parse("p", Source::new("p.json", text)) {
            prop_assert!(!complaints.is_empty());
            for complaint in complaints {
                prop_assert!(complaint.is_error() && complaint.position().is_some(), "{complaint}");
            }
        }
    }

    #[test]
    fn without_policies_nothing_is_allowed(request in request()) {
        prop_assert_eq!(evaluate(&layers(&[]), &request).verdict(), Verdict::ImplicitDeny);
    }

    #[test]
    fn one_more_deny_never_opens(mut statements in policies(), deny in statement(&["Deny"]), request in request()) {
        let before = evaluate(&layers(&statements), &request).verdict();
        statements.push(deny);
        prop_assert!(evaluate(&layers(&statements), &request).verdict() >= before);
    }

    #[test]
    fn one_more_allow_never_closes(mut statements in policies(), allow in statement(&["Allow"]), request in request()) {
        let before = evaluate(&layers(&statements), &request).verdict();
        statements.push(allow);
        prop_assert!(evaluate(&layers(&statements), &request).verdict() <= before);
    }

    #[test]
    fn order_does_not_matter(mut statements in policies(), mut request in request(), by in 0..6_usize) {
        let before = evaluate(&layers(&statements), &request).verdict();
        let by = by % statements.len().max(1);
        statements.rotate_left(by);
        request.resources.reverse();
        prop_assert_eq!(evaluate(&layers(&statements), &request).verdict(), before);
    }

    #[test]
    fn the_proof_agrees_with_the_verdict(statements in policies(), request in request()) {
        let decision = evaluate(&layers(&statements), &request);
        for judgement in decision.judgements() {
            let foreign = judgement.resource().account() == Some("2");
            prop_assert_eq!(judgement.findings().count(), if foreign { 0 } else { statements.len() });
            let decides = judgement.findings().any(|(_, finding)| finding == Finding::Decides);
            prop_assert_eq!(decides, judgement.verdict() != Verdict::ImplicitDeny);
        }
        prop_assert!(!decision.summary().to_string().contains('\n'));
        prop_assert!(!decision.details(&request).to_string().is_empty());
    }
}
