//! `AssumeRole` and `GetCallerIdentity` with keys of the key ring and of sessions.

use serde_json::json;

use super::issuing::{Issued, Issuing, OPERATOR, ROLE, alice, refused, sts};
use crate::support::caller::SHAPES;
use crate::support::{Answer, Caller, Shape};

fn assume(gateway: &Issuing, caller: Caller, shape: Shape, role: &str) -> Answer {
    gateway.ask(&sts(caller, "AssumeRole").request(shape, &[("RoleArn", role), ("RoleSessionName", "by-hand")]))
}

fn key(id: &str, secret: &str) -> Caller {
    Caller::new(id, secret)
}

#[test]
fn a_key_of_the_ring_assumes_a_role_in_every_shape() {
    let gateway = Issuing::start();
    for shape in SHAPES {
        let issued = Issued::of(&assume(&gateway, alice(), shape, ROLE));
        assert_eq!(gateway.attach(&issued, shape).status, 200, "{shape:?}");
        assert_eq!(gateway.attach(&issued, Shape::V3Query).status, 200, "{shape:?}");
    }
    let session = &gateway.last_event()["additionalEventData"]["gateway"]["session"];
    assert_eq!(session["shownBy"], "acs:ram::1234567890123456:user/alice");
}

/// Both the caller's own policies and the role's trust policy must allow it.
#[test]
fn a_role_is_assumed_when_both_sides_allow_it() {
    let gateway = Issuing::start();
    let denied = |answer: &Answer, kind: &str, why: &str| {
        refused(answer, 403, "NoPermission");
        assert_eq!(answer.message(), "You are not authorized to do this action. You should be authorized by RAM.");
        assert_eq!(answer.json()["AccessDeniedDetail"]["PolicyType"], kind, "{answer:?}");
        let event = gateway.last_event();
        let reason = event["additionalEventData"]["gateway"]["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(why), "{reason}");
    };
    // Trusted by the role, but without a policy of his own.
    let bob = || key("LTAI5tBob", "of-bob");
    denied(&assume(&gateway, bob(), Shape::V1Query, ROLE), "AccountLevelIdentityBasedPolicy", "own policies");
    // With a policy, but not trusted by the role.
    denied(
        &assume(&gateway, alice(), Shape::V1Query, "acs:ram::1234567890123456:role/closed"),
        "AssumeRolePolicy",
        "no trust policy",
    );
    denied(
        &assume(&gateway, alice(), Shape::V1Query, "acs:ram::1234567890123456:role/none"),
        "AssumeRolePolicy",
        "there is no role",
    );
    denied(&assume(&gateway, key("LTAI5tRoot", "of-root"), Shape::V1Query, ROLE), "AssumeRolePolicy", "root");
    // A role that trusts the account trusts every principal whose own policies allow the call.
    Issued::of(&assume(&gateway, alice(), Shape::V1Query, OPERATOR));
    denied(&assume(&gateway, bob(), Shape::V1Query, OPERATOR), "AccountLevelIdentityBasedPolicy", "own policies");
}

#[test]
fn the_role_limits_the_duration_of_a_session() {
    let gateway = Issuing::start();
    let ask = |role: &str, seconds: &str| {
        let parameters = [("RoleArn", role), ("RoleSessionName", "by-hand"), ("DurationSeconds", seconds)];
        gateway.ask(&sts(alice(), "AssumeRole").request(Shape::V1Query, &parameters))
    };
    assert_eq!(ask(OPERATOR, "43200").status, 200);
    refused(&ask(OPERATOR, "43201"), 400, "InvalidParameter.DurationSeconds");
    let answer = ask(ROLE, "3601");
    refused(&answer, 400, "InvalidParameter.DurationSeconds");
    assert_eq!(answer.message(), "The Min/Max value of DurationSeconds is 900/3600.");
}

#[test]
fn a_session_may_assume_another_role_unless_its_session_policy_forbids_it() {
    let gateway = Issuing::start();
    let first = gateway.issued();
    let second = Issued::of(&assume(&gateway, first.caller(), Shape::V3Query, OPERATOR));
    let who = gateway.ask(&sts(second.caller(), "GetCallerIdentity").request(Shape::V1Query, &[]));
    assert_eq!(who.json()["Arn"], "acs:ram::1234567890123456:assumed-role/operator/by-hand");
    assert_eq!(gateway.attach(&second, Shape::V1Query).status, 200);
    // A session that is narrowed to ECS may not assume a role.
    let policy = json!({ "Version": "1", "Statement": [{ "Effect": "Allow", "Action": "ecs:*", "Resource": "*" }] });
    let (token, policy) = (gateway.token(), policy.to_string());
    let mut form = gateway.form(&token);
    form.push(("Policy", &policy));
    let narrow = Issued::of(&gateway.with_oidc(&form));
    let answer = assume(&gateway, narrow.caller(), Shape::V3Query, OPERATOR);
    refused(&answer, 403, "NoPermission");
    assert_eq!(answer.json()["AccessDeniedDetail"]["PolicyType"], "SessionPolicy");
}

#[test]
fn every_caller_may_call_get_caller_identity() {
    let gateway = Issuing::start();
    let who = |caller: Caller| gateway.ask(&sts(caller, "GetCallerIdentity").request(Shape::V3Query, &[])).json();
    let alice = who(alice());
    assert_eq!(alice["AccountId"], "1234567890123456");
    assert_eq!(alice["Arn"], "acs:ram::1234567890123456:user/alice");
    assert_eq!((&alice["IdentityType"], &alice["UserId"]), (&json!("RAMUser"), &json!("200000000000000001")));
    assert_eq!(alice["PrincipalId"], "200000000000000001");
    let session = who(gateway.issued().caller());
    assert_eq!(session["Arn"], "acs:ram::1234567890123456:assumed-role/terway/terway-node-1");
    assert_eq!(
        (&session["IdentityType"], &session["RoleId"]),
        (&json!("AssumedRoleUser"), &json!("300000000000000001"))
    );
    assert_eq!(session["PrincipalId"], "300000000000000001:terway-node-1");
    let root = who(key("LTAI5tRoot", "of-root"));
    assert_eq!((&root["IdentityType"], &root["Arn"]), (&json!("Account"), &json!("acs:ram::1234567890123456:root")));
    let event = gateway.last_event();
    assert_eq!((&event["eventName"], &event["serviceName"]), (&json!("GetCallerIdentity"), &json!("Sts")));
    assert!(root["RequestId"].as_str().is_some_and(|id| id == event["requestId"]));
    let wrong = gateway.ask(&sts(key("LTAI5tBob", "guessed"), "GetCallerIdentity").request(Shape::V1Query, &[]));
    refused(&wrong, 400, "IncompleteSignature");
}

/// The signed query names one action, and an unsigned header names another.
#[test]
fn a_header_that_contradicts_the_signed_action_is_refused() {
    let gateway = Issuing::start();
    let signed = sts(alice(), "GetCallerIdentity").v1_query(ramgate::testing::wire::Method::Post, &[]);
    let host = ("Host", "gateway.test");
    let header = ("x-acs-action", "AssumeRole");
    let answer = gateway.ask(&crate::support::caller::raw("POST", &format!("/?{signed}"), &[host, header], ""));
    refused(&answer, 400, "InvalidParameter");
}

/// A provider issues tokens for many subjects, so a role that trusts it should name the subjects that it means.
#[test]
fn a_trust_policy_that_names_no_subject_gets_a_warning() {
    use std::fs;
    let folder = tempfile::tempdir().unwrap();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/issuer");
    for entry in fs::read_dir(fixtures).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let checked = crate::support::ramgate(folder.path(), &["check", "."]);
    assert_eq!((checked.status, checked.stderr.contains("warning")), (0, false), "{checked:?}");
    let path = folder.path().join("terway-trust.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"oidc:sub\": [", "\"oidc:other\": [", 1)).unwrap();
    let checked = crate::support::ramgate(folder.path(), &["check", "."]);
    assert_eq!(checked.status, 0, "{checked:?}");
    assert!(
        checked.stderr.contains("`terway-trust#0` trusts every subject that the provider issues tokens for"),
        "{checked:?}"
    );
}
