//! Resources that need no Allow: `Request::deny_only`.

use std::sync::Arc;

use ram_policy::{AttachedTo, Grounds, LayerKind, Layers, Verdict, depends_on_attributes, evaluate};

use super::call::{Call, document, identity};

const ENI: &str = "acs:ecs:cn-hangzhou:1:eni/eni-1";
const VSWITCH: &str = "acs:vpc:cn-hangzhou:1:vswitch/vsw-1";

/// Layers that allow the action only on network interfaces, and deny it on the resources of a second statement.
fn layers(deny: &str) -> Arc<Layers> {
    let text = format!(
        r#"{{"Version": "1", "Statement": [
            {{"Effect": "Allow", "Action": "ecs:*", "Resource": "acs:ecs:*:*:eni/*"}}, {{"Effect": "Deny", {deny}}}]}}"#
    );
    identity(vec![(AttachedTo::User, vec![document("p", &text)])])
}

fn call(deny_only: &[&str]) -> Call {
    let mut call = Call::new("user/alice", &[ENI]);
    call.deny_only = deny_only.iter().map(|arn| arn.parse().unwrap()).collect();
    call
}

fn summary(layers: &Arc<Layers>, call: &Call) -> String {
    let request = call.request();
    let decision = evaluate(layers, &request);
    let summary = decision.proof(&request).summary().to_string();
    if decision.verdict() != Verdict::Allow {
        assert_eq!(decision.reason(&request).to_string(), summary);
    }
    summary
}

#[test]
fn a_deny_on_it_denies_and_no_allow_is_needed() {
    let layers = layers(r#""Action": "ecs:*", "Resource": "acs:vpc:*:*:vswitch/vsw-9""#);
    assert_eq!(summary(&layers, &call(&[])), "allow: p#0 (p.json:2)");
    assert_eq!(summary(&layers, &call(&[VSWITCH])), "allow: p#0 (p.json:2)");
    let denied = "acs:vpc:cn-hangzhou:1:vswitch/vsw-9";
    let expected = format!("explicit deny on {denied}: denied by p#1 (p.json:2)");
    assert_eq!(summary(&layers, &call(&[VSWITCH, denied])), expected);
    // A resource of another account does not deny the call by itself: only the principal's policies count.
    assert!(summary(&layers, &call(&["acs:vpc:cn-hangzhou:2:vswitch/vsw-9"])).starts_with("explicit deny"));
    assert!(summary(&layers, &call(&["acs:vpc:cn-hangzhou:2:vswitch/vsw-1"])).starts_with("allow"));
}

#[test]
fn a_deny_that_cannot_be_ruled_out_denies() {
    let tagged = r#""Action": "ecs:*", "Resource": "acs:vpc:*:*:*",
                    "Condition": {"StringEquals": {"acs:ResourceTag/env": "prod"}}"#;
    let (layers, mut call) = (layers(tagged), call(&[VSWITCH]));
    let request = call.request();
    let decision = evaluate(&layers, &request);
    // `Call::new` supplies attributes only for `resources`.
    assert_eq!(decision.judgements()[1].grounds, Grounds::Unknown(LayerKind::AccountIdentity));
    assert_eq!(decision.verdict(), Verdict::ImplicitDeny);
    assert_eq!(decision.possible_deny(&request, 1).unwrap().key(), Some("acs:ResourceTag/env"));
    assert!(depends_on_attributes(&layers, &request));
    assert!(summary(&layers, &call).contains(&format!("on {VSWITCH}: a Deny cannot be ruled out: p#1 ")));
    call.attributes.push(ram_policy::Context::default());
    assert_eq!(evaluate(&layers, &call.request()).verdict(), Verdict::Allow);
}

#[test]
fn the_details_and_the_data_say_that_no_allow_is_needed() {
    let layers = layers(r#""Action": "ecs:*", "Resource": "acs:vpc:*:*:vswitch/vsw-9""#);
    let (eni_allowed, call) = ("acs:ecs:cn-hangzhou:1:eni/eni-2", call(&["acs:ecs:cn-hangzhou:1:eni/eni-2"]));
    let request = call.request();
    let decision = evaluate(&layers, &request);
    let proof = decision.proof(&request);
    let expected = format!(
        "allow on {eni_allowed}: no Allow is needed for it, and no Deny applies to it
  AccountLevelIdentityBasedPolicy: allow
    Allow p#0 (p.json:2): applies, but does not decide
    Deny p#1 (p.json:2): service does not match
"
    );
    assert!(proof.details().to_string().ends_with(&expected), "{}", proof.details());
    let report = serde_json::to_value(proof.report()).unwrap();
    assert_eq!(report["Resources"][1]["Grounds"], "NotDenied");
    assert_eq!(decision.deciding(&request, 1).len(), 0);
}

#[test]
fn without_a_resource_there_is_nothing_to_allow() {
    let mut call = call(&[VSWITCH]);
    call.resources.clear();
    let layers = layers(r#""Action": "ecs:*", "Resource": "acs:vpc:*:*:vswitch/vsw-9""#);
    assert_eq!(evaluate(&layers, &call.request()).verdict(), Verdict::ImplicitDeny);
}
