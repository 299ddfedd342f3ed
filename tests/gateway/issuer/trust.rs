//! Trust policies with conditions on keys that the gateway cannot know.

use std::fs;

use super::issuing::{Issued, Issuing, ROLE, alice, refused, sts};
use crate::support::{Answer, Shape};

/// The fixtures' gateway, with the trust policy of `role/terway` changed.
fn with_trust(change: impl Fn(&str) -> String) -> Issuing {
    Issuing::with_policies(|policies| {
        let path = policies.join("terway-trust.json");
        let text = fs::read_to_string(&path).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed);
        fs::write(path, changed).unwrap();
    })
}

fn both_ways(gateway: &Issuing) -> [Answer; 2] {
    let by_hand = [("RoleArn", ROLE), ("RoleSessionName", "by-hand")];
    let token = gateway.token();
    [
        gateway.ask(&sts(alice(), "AssumeRole").request(Shape::V3Query, &by_hand)),
        gateway.with_oidc(&gateway.form(&token)),
    ]
}

/// The reason in the last event why no key was issued.
fn reason(gateway: &Issuing) -> String {
    gateway.last_event()["additionalEventData"]["gateway"]["reason"].as_str().unwrap().to_owned()
}

#[test]
fn a_deny_of_a_trust_policy_on_an_unknown_key_refuses() {
    for operator in ["StringEquals", "StringNotEquals"] {
        let gateway = with_trust(|text| {
            let deny = format!(
                r#"{{
                    "Effect": "Deny", "Action": "sts:AssumeRole",
                    "Principal": {{
                        "RAM": "acs:ram::1234567890123456:root",
                        "Federated": "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"
                    }},
                    "Condition": {{ "{operator}": {{ "acs:SourceVpc": "vpc-1" }} }}
                }},"#
            );
            text.replacen("\"Statement\": [", &format!("\"Statement\": [{deny}"), 1)
        });
        for (answer, code) in both_ways(&gateway).iter().zip(["NoPermission", "AuthenticationFail.NoPermission"]) {
            refused(answer, 403, code);
            assert_eq!(answer.json()["AccessDeniedDetail"]["NoPermissionType"], "ImplicitDeny", "{answer:?}");
            let expected = "a Deny cannot be ruled out: `terway-trust#0` condition key `acs:SourceVpc`";
            assert!(reason(&gateway).contains(expected), "{operator}: {}", reason(&gateway));
        }
    }
}

#[test]
fn an_allow_of_a_trust_policy_on_an_unknown_key_does_not_apply() {
    for (operator, before, after) in [
        ("StringEquals", "\"IpAddress\": { \"acs:SourceIp\"", "\"StringEquals\": { \"acs:SourceVpc\""),
        ("StringNotEquals", "\"IpAddress\": { \"acs:SourceIp\"", "\"StringNotEquals\": { \"acs:SourceVpc\""),
    ] {
        let gateway = with_trust(|text| text.replacen(before, after, 1));
        let [by_hand, by_token] = both_ways(&gateway);
        refused(&by_hand, 403, "NoPermission");
        Issued::of(&by_token);
        let answer = gateway.ask(
            &sts(alice(), "AssumeRole").request(Shape::V1Query, &[("RoleArn", ROLE), ("RoleSessionName", "again")]),
        );
        refused(&answer, 403, "NoPermission");
        assert!(reason(&gateway).contains("`acs:SourceVpc`"), "{operator}: {}", reason(&gateway));
    }
}

/// The operator sees the warning before a pod is refused.
#[test]
fn check_and_serve_warn_about_a_trust_policy_on_an_unknown_key() {
    let gateway =
        with_trust(|text| text.replacen("acs:SourceIp", "acs:SourceVpc", 1).replacen("IpAddress", "StringLike", 1));
    let checked = crate::support::ramgate(gateway.folder.path(), &["check", "policies"]);
    assert_eq!(checked.status, 0, "{checked:?}");
    for output in [checked.stderr, gateway.server.stderr()] {
        let expected = "`acs:SourceVpc` is not known for `sts:AssumeRole`";
        assert!(output.contains(expected) && output.contains("terway-trust.json:22:"), "no `{expected}`: {output}");
    }
}
