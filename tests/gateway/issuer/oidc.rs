//! `AssumeRoleWithOIDC`: a key in exchange for a token, and the requests that get none.

use serde_json::{Value, json};

use super::issuing::{Issued, Issuing, ROLE, refused};
use crate::support::Shape;
use crate::support::caller::{FORM, SHAPES, encode, raw};
use crate::tokens::made::but;

#[test]
fn a_token_gets_a_key_with_which_every_client_can_attach() {
    let gateway = Issuing::start();
    let token = gateway.token();
    let answer = gateway.with_oidc(&gateway.form(&token));
    let body = answer.json();
    let key = Issued::of(&answer);
    assert!(key.id.starts_with("STS.") && key.id.len() == 28, "{key:?}");
    assert_eq!(body["AssumedRoleUser"]["Arn"], "acs:ram::1234567890123456:role/terway/terway-node-1");
    assert_eq!(body["AssumedRoleUser"]["AssumedRoleId"], "300000000000000001:terway-node-1");
    assert_eq!(body["OIDCTokenInfo"]["Issuer"], "https://issuer.example");
    assert_eq!(body["OIDCTokenInfo"]["Subject"], "system:serviceaccount:kube-system:terway");
    assert_eq!(body["OIDCTokenInfo"]["ClientIds"], "sts.aliyuncs.com");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for shape in SHAPES {
        let answer = gateway.attach(&key, shape);
        assert_eq!(answer.status, 200, "{shape:?} {answer:?}");
    }
    gateway.never_shows(&[&token, &key.secret, &key.token, &key.id]);
}

/// The Python client sends the token in the query. A client that is configured for V3 sends the action in a header.
#[test]
fn a_token_may_come_in_the_query_or_with_the_action_in_a_header() {
    let gateway = Issuing::start();
    let token = gateway.token();
    let form = gateway.form(&token);
    let common =
        [("Action", "AssumeRoleWithOIDC"), ("Version", "2015-04-01"), ("Format", "JSON"), ("SignatureNonce", "n")];
    let host = ("Host", "sts.aliyuncs.com");
    let query = encode(&[&common[..], &form].concat());
    let answer = gateway.ask(&raw("POST", &format!("/?{query}"), &[host], ""));
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = gateway.ask(&raw("GET", &format!("/?{query}"), &[host], ""));
    assert_eq!(answer.status, 200, "{answer:?}");
    let headers = [host, FORM, ("x-acs-action", "AssumeRoleWithOIDC"), ("x-acs-version", "2015-04-01")];
    let answer = gateway.ask(&raw("POST", "/", &headers, &encode(&form)));
    Issued::of(&answer);
    let answer = gateway.ask(&raw("POST", "/?Format=XML", &headers, &encode(&form)));
    assert!(answer.body.contains("<AssumeRoleWithOIDCResponse>") && answer.body.contains("<AccessKeySecret>"));
    gateway.never_shows(&[&token]);
}

#[test]
fn a_session_is_logged_as_the_role_with_the_tokens_subject() {
    let gateway = Issuing::start();
    let key = gateway.issued();
    let begun = gateway.last_event();
    assert_eq!(begun["serviceName"], "Sts");
    assert_eq!(begun["eventName"], "AssumeRoleWithOIDC");
    assert_eq!(begun["requestParameters"]["RoleArn"], ROLE);
    assert_eq!(begun["requestParameters"]["OIDCToken"], Value::Null);
    assert_eq!(begun["resourceName"], "terway");
    let ours = &begun["additionalEventData"]["gateway"];
    assert_eq!(ours["verdict"], "Allow");
    assert_eq!(ours["signature"]["issuer"], "https://issuer.example");
    assert_eq!(ours["session"]["name"], "terway-node-1");
    assert_eq!(ours["decision"]["Resources"][0]["MatchedPolicies"][0]["PolicyIdentifier"], "terway-trust");
    assert!(ours["policyRevision"].as_str().unwrap().starts_with("sha256:"));

    assert_eq!(gateway.attach(&key, Shape::V3Query).status, 200);
    let events = gateway.events();
    let [decision, outcome] = &events[events.len() - 2..] else { panic!() };
    for event in [decision, outcome] {
        let who = &event["userIdentity"];
        assert_eq!(who["type"], "assumed-role");
        assert_eq!(who["principalId"], "300000000000000001:terway-node-1");
        assert_eq!(who["userName"], "terway:terway-node-1");
        assert_eq!(who["accountId"], "1234567890123456");
        assert!(who["accessKeyId"].as_str().unwrap().starts_with("STS.****"), "{who}");
        let session = &event["additionalEventData"]["gateway"]["session"];
        assert_eq!(session["name"], "terway-node-1");
        assert_eq!(session["issuer"], "https://issuer.example");
        assert_eq!(session["subject"], "system:serviceaccount:kube-system:terway");
        assert_eq!(session["expires"], key.expiration);
        assert_eq!(event["additionalEventData"]["gateway"]["signature"]["verified"], true);
    }
}

/// A session may do what both the role's policies and the session policy allow.
#[test]
fn a_session_policy_narrows_and_never_widens() {
    let gateway = Issuing::start();
    let token = gateway.token();
    let with = |policy: &str| {
        let mut form = gateway.form(&token);
        form.push(("Policy", policy));
        gateway.with_oidc(&form)
    };
    let statement = |effect: &str, resource: &str| {
        json!({ "Version": "1", "Statement": [{ "Effect": effect, "Action": "ecs:*", "Resource": resource }] })
            .to_string()
    };
    let everything = Issued::of(&with(&statement("Allow", "*")));
    assert_eq!(gateway.attach(&everything, Shape::V1Query).status, 200);
    let nothing = Issued::of(&with(&statement("Deny", "*")));
    let answer = gateway.attach(&nothing, Shape::V1Query);
    refused(&answer, 403, "Forbidden.SubUser");
    let detail = &answer.json()["AccessDeniedDetail"];
    assert_eq!((&detail["PolicyType"], &detail["NoPermissionType"]), (&json!("SessionPolicy"), &json!("ExplicitDeny")));
    let elsewhere = Issued::of(&with(&statement("Allow", "acs:ecs:cn-beijing:*:*")));
    let answer = gateway.attach(&elsewhere, Shape::V3Query);
    refused(&answer, 403, "Forbidden.SubUser");
    assert_eq!(answer.json()["AccessDeniedDetail"]["PolicyType"], "SessionPolicy");

    let long = statement("Allow", &format!("acs:ecs:*:*:{}", "x".repeat(2048)));
    refused(&with(&long), 400, "InvalidParameter.PolicySize");
    for wrong in [
        "{}",
        "",
        "no",
        "{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"x\",\"Resource\":\"*\"}]}",
    ] {
        refused(&with(wrong), 400, "InvalidParameter.PolicyGrammar");
    }
    let longest = statement("Allow", "*");
    let padded = format!("{longest}{}", " ".repeat(2048 - longest.chars().count()));
    Issued::of(&with(&padded));
}

/// Policies of unauthenticated callers are not parsed: the answer is about the token and does not depend on the policy.
#[test]
fn a_session_policy_is_read_only_if_the_token_is_valid() {
    let gateway = Issuing::start();
    let good = "{\"Version\":\"1\",\"Statement\":[]}";
    let policies = [good.to_owned(), "[".repeat(2000), "x".repeat(5000)];
    let forged = crate::tokens::made::Key::ec("one").sign(&gateway.claims());
    for policy in &policies {
        for token in [forged.as_str(), "not.a.token"] {
            let mut form = gateway.form(token);
            form.push(("Policy", policy));
            refused(&gateway.with_oidc(&form), 400, "AuthenticationFail.OIDCToken.Invalid");
        }
    }
    let answers: Vec<String> = policies
        .iter()
        .map(|policy| {
            let mut form = gateway.form(&forged);
            form.push(("Policy", policy));
            gateway.with_oidc(&form).message()
        })
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let token = gateway.token();
    let mut form = gateway.form(&token);
    form.push(("Policy", &policies[1]));
    refused(&gateway.with_oidc(&form), 400, "InvalidParameter.PolicyGrammar");
}

#[test]
fn an_untrusted_subject_gets_no_key_and_the_answer_that_ram_gives() {
    let gateway = Issuing::start();
    for (subject, kind) in [
        ("system:serviceaccount:kube-system:other", "ImplicitDeny"),
        ("system:serviceaccount:default:terway", "ExplicitDeny"),
    ] {
        let token = gateway.token_of(subject);
        let answer = gateway.with_oidc(&gateway.form(&token));
        refused(&answer, 403, "AuthenticationFail.NoPermission");
        assert_eq!(answer.message(), "This operation is forbidden by permission system.");
        let detail = &answer.json()["AccessDeniedDetail"];
        assert_eq!(detail["PolicyType"], "AssumeRolePolicy");
        assert_eq!(detail["AuthAction"], "sts:AssumeRole");
        assert_eq!(detail["AuthPrincipalType"], "Federated");
        assert_eq!(detail["AuthPrincipalDisplayName"], subject);
        assert_eq!(detail["NoPermissionType"], kind);
        let event = gateway.last_event();
        assert_eq!(event["errorCode"], "AuthenticationFail.NoPermission");
        let ours = &event["additionalEventData"]["gateway"];
        assert_eq!(ours["signature"]["subject"], subject, "a verified token is logged, even if the call is refused");
        let reason = ours["reason"].as_str().unwrap();
        let expected = if kind == "ExplicitDeny" { "terway-trust#3" } else { "`oidc:sub` differs" };
        assert!(reason.contains(expected), "{reason}");
    }
    // Roles that do not exist, that trust no principal, or that trust others get the same answer.
    for role in ["absent", "closed", "operator"] {
        let (token, arn) = (gateway.token(), format!("acs:ram::1234567890123456:role/{role}"));
        let mut form = gateway.form(&token);
        form[0].1 = &arn;
        let answer = gateway.with_oidc(&form);
        refused(&answer, 403, "AuthenticationFail.NoPermission");
        assert!(!answer.body.contains("NotFound") && !answer.body.contains("NotExist"), "{answer:?}");
    }
}

#[test]
fn an_invalid_token_gets_the_answers_of_sts() {
    let gateway = Issuing::start();
    let good = gateway.claims();
    let now = super::issuing::now();
    let signed = |claims: &Value| gateway.tokens.sign(claims);
    let invalid = "AuthenticationFail.OIDCToken.Invalid";
    for (token, code) in [
        (signed(&but(&good, "exp", json!(now - 120))), "AuthenticationFail.OIDCToken.Expired"),
        (signed(&but(&good, "aud", json!("elsewhere"))), invalid),
        (signed(&but(&good, "iss", json!("https://other.example"))), invalid),
        (signed(&but(&good, "nbf", json!(now + 300))), invalid),
        (crate::tokens::made::Key::ec("one").sign(&good), invalid),
        ("not.a.token".to_owned(), invalid),
    ] {
        let answer = gateway.with_oidc(&gateway.form(&token));
        refused(&answer, 400, code);
        assert!(!answer.body.contains(&token), "{answer:?}");
    }
    assert_eq!(gateway.events().len(), 6, "each attempt is logged");
}

#[test]
fn each_invalid_parameter_has_its_own_answer() {
    let gateway = Issuing::start();
    let token = gateway.token();
    let with = |name: &str, value: Option<&str>| {
        let mut form: Vec<(&str, &str)> =
            gateway.form(&token).into_iter().filter(|(other, _)| *other != name).collect();
        form.extend(value.map(|value| (name, value)));
        gateway.with_oidc(&form)
    };
    for name in ["RoleArn", "OIDCProviderArn", "OIDCToken", "RoleSessionName"] {
        let answer = with(name, None);
        refused(&answer, 400, "MissingParameter");
        assert!(answer.message().contains(&format!("\"{name}\"")), "{answer:?}");
    }
    for arn in
        ["terway", "role/terway", "acs:ram::1234567890123456:user/alice", "acs:ram::x:role/terway", "acs:ram::1:role/"]
    {
        refused(&with("RoleArn", Some(arn)), 400, "InvalidParameter.RoleArn");
    }
    for name in ["a", "a b", "a/b", &"x".repeat(65)] {
        refused(&with("RoleSessionName", Some(name)), 400, "InvalidParameter.RoleSessionName");
    }
    for seconds in ["899", "3601", "0", "-1", "1h", "999999999999", ""] {
        let answer = with("DurationSeconds", Some(seconds));
        refused(&answer, 400, "InvalidParameter.DurationSeconds");
    }
    for provider in
        ["ack-rrsa-c1", "acs:ram::1234567890123456:oidc-provider/other", "acs:ram::1:oidc-provider/ack-rrsa-c1"]
    {
        refused(&with("OIDCProviderArn", Some(provider)), 403, "AuthenticationFail.NoPermission");
    }
    refused(&with("Unknown", Some("x")), 400, "UnsupportedParameter");
    refused(&with("oidctoken", Some("x")), 400, "UnsupportedParameter");
    assert_eq!(with("DurationSeconds", None).status, 200, "the default is an hour");
    assert_eq!(with("DurationSeconds", Some("900")).status, 200);
}

/// A second credential would go unverified.
#[test]
fn a_token_with_a_second_credential_is_refused() {
    let gateway = Issuing::start();
    let token = gateway.token();
    let form = encode(&gateway.form(&token));
    let query = "/?Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON";
    let host = ("Host", "sts.aliyuncs.com");
    for (more, headers) in [
        ("&AccessKeyId=LTAI5tAlice", vec![]),
        ("&Signature=x", vec![]),
        ("&SecurityToken=x", vec![]),
        ("&BearerToken=x&SignatureType=BEARERTOKEN", vec![]),
        ("", vec![("Authorization", "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=00")]),
        ("", vec![("Authorization", "Bearer x")]),
        ("", vec![("x-acs-security-token", "x")]),
        ("", vec![("x-acs-bearer-token", "x")]),
        ("", vec![("x-acs-action", "AssumeRole")]),
        ("", vec![("x-acs-version", "2014-05-26")]),
    ] {
        let lines = [&[host, FORM][..], &headers].concat();
        refused(&gateway.ask(&raw("POST", &format!("{query}{more}"), &lines, &form)), 400, "InvalidParameter");
    }
    // Old clients send these parameters even if they have no key.
    for more in ["&AccessKeyId=&Signature=", "&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&SignatureType="] {
        let answer = gateway.ask(&raw("POST", &format!("{query}{more}"), &[host, FORM], &form));
        assert_eq!(answer.status, 200, "{more} {answer:?}");
    }
}

/// A host name of STS accepts only calls of STS, and only at a gateway that issues keys.
#[test]
fn calls_of_sts_are_answered_by_a_gateway_that_issues_keys() {
    let gateway = Issuing::start();
    let token = gateway.token();
    let form = encode(&gateway.form(&token));
    let ask = |host: &str, action: &str, version: &str| {
        let query = format!("/?Action={action}&Version={version}&Format=JSON");
        gateway.ask(&raw("POST", &query, &[("Host", host), FORM], &form))
    };
    for host in ["sts.aliyuncs.com", "sts-vpc.cn-hangzhou.aliyuncs.com", "gateway.test", "ecs.cn-hangzhou.aliyuncs.com"]
    {
        assert_eq!(ask(host, "AssumeRoleWithOIDC", "2015-04-01").status, 200, "{host}");
    }
    refused(&ask("sts.aliyuncs.com", "AttachNetworkInterface", "2014-05-26"), 400, "InvalidParameter");
    refused(&ask("gateway.test", "AssumeRoleWithSAML", "2015-04-01"), 403, "Forbidden.NotSupportRAM");
    refused(&ask("gateway.test", "", "2015-04-01"), 400, "MissingParameter");
    assert_ne!(ask("gateway.test", "AssumeRoleWithOIDC", "2014-05-26").status, 200);
    let demo = crate::support::TestGateway::demo();
    let query = "/?Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON";
    let answer = demo.exchange(&raw("POST", query, &[("Host", "gateway.test"), FORM, ("Connection", "close")], &form));
    assert_eq!(answer.status, 400, "{answer:?}");
}

/// The answers of `docs/spec/wire-protocol.md` 5.4 to an incomplete temporary key.
#[test]
fn an_incomplete_temporary_key_gets_the_documented_answers() {
    let gateway = Issuing::start();
    let (one, other) = (gateway.issued(), gateway.issued());
    let with = |token: Option<&str>| crate::support::Caller { token: token.map(str::to_owned), ..one.caller() };
    let permanent = crate::support::Caller { token: Some(one.token.clone()), ..super::issuing::alice() };
    let broken = format!("{}x", &one.token[..one.token.len() - 1]);
    for (caller, code, text) in [
        (with(None), "MissingSecurityToken", "SecurityToken is mandatory for this action."),
        (with(Some(&broken)), "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed."),
        (
            with(Some(&other.token)),
            "InvalidSecurityToken.MismatchWithAccessKey",
            "Specified SecurityToken mismatch with the AccessKey.",
        ),
        (with(Some("CAIS-of-the-real-sts")), "InvalidSecurityToken.MismatchWithAccessKey", "--caller-identity"),
        (permanent, "InvalidSecurityToken.MismatchWithAccessKey", "permanent key"),
    ] {
        for shape in [Shape::V1Query, Shape::V3Query] {
            let answer = gateway.ask(&caller.attach(shape));
            refused(&answer, 400, code);
            assert!(answer.message().contains(text), "{answer:?}");
        }
    }
    let guessed = crate::support::Caller { secret: "guessed".to_owned(), ..one.caller() };
    refused(&gateway.ask(&guessed.attach(Shape::V1Query)), 400, "IncompleteSignature");
    refused(&gateway.ask(&guessed.attach(Shape::V3Query)), 400, "SignatureDoesNotMatch");
}
