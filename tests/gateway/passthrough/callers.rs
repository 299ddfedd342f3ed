//! Keys in pass-through: a key with a known secret is verified, a key that is known only by its id is judged as a
//! claim, and any other key is refused.

use ramgate::budget::BudgetLimits;
use ramgate::config::ResourceSource;
use ramgate::gateway::now;
use ramgate::identity::format_timestamp;
use serde_json::{Value, json};

use super::door::{bench, claimed, claimed_bob, listed, setup, terway};
use super::received::Received;
use crate::support::caller::{SHAPES, Shape};
use crate::support::crafted::replaced;
use crate::support::gateway::own_key;
use crate::support::policies::policies;
use crate::support::upstream::{Behaviour, json as answer_of, success};
use crate::support::{
    Bench, Caller, ENI, FakeUpstream, INSTANCE, PROD_INSTANCE, Refused, Setup, TestGateway, V3, ask_many, wait_for,
};

fn signature(event: &Value) -> &Value {
    &event["additionalEventData"]["gateway"]["signature"]
}

#[test]
fn a_claimed_key_is_judged_and_logged_as_not_verified() {
    let bench = bench();
    for shape in SHAPES {
        let label = format!("{shape:?}");
        let received = Received::of(&bench, &label, &claimed().attach(shape));
        received.verifies(&label, &claimed().credential());
        let events = bench.gateway.events();
        for event in &events[events.len() - 2..] {
            assert_eq!(signature(event)["verified"], false, "{event}");
            let gateway = &event["additionalEventData"]["gateway"];
            assert_eq!((&gateway["signing"], &gateway["verdict"]), (&json!("passthrough"), &json!("Allow")));
            let identity = &event["userIdentity"];
            assert_eq!((&identity["type"], &identity["userName"]), (&json!("assumed-role"), &json!("terway")));
            assert_eq!(identity["accessKeyId"], "LTAI************d000");
        }
        assert_eq!(events[events.len() - 2]["additionalEventData"]["gateway"]["stage"], "Decision");
    }
}

#[test]
fn a_key_with_a_known_secret_is_verified_and_logged_as_verified() {
    let bench = bench();
    for shape in SHAPES {
        Received::of(&bench, "verified", &terway().attach(shape));
        let event = bench.gateway.last_event();
        assert_eq!(signature(&event)["verified"], true, "{event}");
        assert_eq!(event["additionalEventData"]["gateway"]["signing"], "passthrough");
        let mut impostor = terway();
        "another secret".clone_into(&mut impostor.secret);
        let v3 = matches!(shape, Shape::V3Query | Shape::V3Form);
        let (code, refusal, because) = match v3 {
            true => ("SignatureDoesNotMatch", "signature-v3", "the V3 signature does not match"),
            false => ("IncompleteSignature", "signature-v1", "the V1 signature does not match"),
        };
        bench.refuses("wrong", &impostor.attach(shape), Refused::with(400, code, refusal, because));
    }
}

/// A caller that knows only the id of a key learns nothing about the key's holder.
#[test]
fn a_claimed_key_is_denied_by_its_policies_without_any_detail() {
    let bench = bench();
    let denied = Refused::with(403, "Forbidden.SubUser", "implicit-deny", "implicit deny");
    let answer = bench.refuses("claimed", &claimed_bob().attach(Shape::V3Query), denied);
    assert!(answer.json().get("AccessDeniedDetail").is_none(), "{answer:?}");
    assert_eq!(signature(&bench.gateway.last_event())["verified"], false);
    let answer = bench.refuses("verified", &listed(Caller::bob()).attach(Shape::V3Query), denied);
    assert!(answer.json().get("AccessDeniedDetail").is_some(), "{answer:?}");
    assert_eq!(signature(&bench.gateway.last_event())["verified"], true);

    let production = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", "eni-a"), ("InstanceId", PROD_INSTANCE)];
    let alice = listed(Caller::alice()).request(Shape::V1Query, &production);
    bench.refuses("alice", &alice, Refused::with(403, "Forbidden.SubUser", "explicit-deny", "protect-production#0"));
}

/// Attributes are looked up with the gateway's own key. The call is passed on with its caller's signature.
#[test]
fn attributes_are_looked_up_with_the_gateways_key() {
    let account =
        "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"tagged\"]\n[users.alice]\n[users.bob]\n";
    let tagged = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*",
        "Condition": {"StringEquals": {"acs:ResourceTag/team": "network"}}}]}"#;
    let mut setup = setup();
    setup.settings.resources.source = ResourceSource::Upstream;
    setup.policies = policies(account, &[("tagged", tagged)]);
    let upstream = FakeUpstream::answering(|request| {
        let id = r#""RequestId":"X","TotalCount":1,"PageNumber":1,"PageSize":100"#;
        let tags = r#""Tags":{"Tag":[{"TagKey":"team","TagValue":"network"}]}"#;
        let set = |name: &str, kind: &str, key: &str, value: &str| {
            format!(r#"{{{id},"{name}":{{"{kind}":[{{"{key}":"{value}",{tags}}}]}}}}"#)
        };
        let body = match request {
            _ if request.contains("DescribeNetworkInterfaces") => {
                set("NetworkInterfaceSets", "NetworkInterfaceSet", "NetworkInterfaceId", ENI)
            }
            _ if request.contains("DescribeInstances") => set("Instances", "Instance", "InstanceId", INSTANCE),
            _ => return Behaviour::Answer(success()),
        };
        Behaviour::Answer(answer_of(200, &body, ""))
    });
    let gateway = TestGateway::start(Setup { upstream: Some(upstream.url()), ..setup });
    let answer = gateway.ask(&claimed().attach(Shape::V3Query));
    assert_eq!(answer.status, 200, "{answer:?} {}", gateway.last_event());
    let requests = upstream.requests();
    let [own @ .., call] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(own.len(), 2, "{requests:?}");
    for request in own {
        assert!(request.starts_with("POST /?") && request.contains("Credential=LTAI5tGatewayItself0,"), "{request}");
        Received::read(request).verifies("own", &own_key());
    }
    Received::read(call).verifies("the caller's", &claimed().credential());
}

/// A false claim is passed on to ECS, which knows the secret and refuses it.
#[test]
fn a_false_claim_fails_at_ecs() {
    let refusal = answer_of(400, "{\"Code\":\"SignatureDoesNotMatch\",\"Message\":\"no\",\"RequestId\":\"X\"}", "");
    let upstream = FakeUpstream::behaving(Behaviour::Answer(refusal));
    let gateway = TestGateway::start(Setup { upstream: Some(upstream.url()), ..setup() });
    let mut liar = claimed();
    "not the secret".clone_into(&mut liar.secret);
    let answer = gateway.ask(&liar.attach(Shape::V3Query));
    assert_eq!((answer.status, answer.code().as_str()), (400, "SignatureDoesNotMatch"));
    let outcome = gateway.last_event();
    assert_eq!(
        (&outcome["errorCode"], &signature(&outcome)["verified"]),
        (&json!("SignatureDoesNotMatch"), &json!(false))
    );
}

#[test]
fn unknown_foreign_and_inactive_keys_are_refused() {
    let bench = bench();
    let unknown = Refused::with(400, "InvalidAccessKeyId.NotFound", "unknown-key", "does not exist");
    let foreign = Refused::with(
        400,
        "InvalidSecurityToken.MismatchWithAccessKey",
        "foreign-token",
        "this gateway did not issue the temporary key",
    );
    let inactive = Refused::with(403, "Abs.InvalidAccount.NotFound", "inactive-key", "the key is inactive");
    let mut with_token = claimed();
    with_token.token = Some("a token".to_owned());
    let token = Refused::with(400, "InvalidSecurityToken.MismatchWithAccessKey", "token-mismatch", "permanent key");
    let mut session = listed(Caller::new("STS.NUgYrLnoC37mZZCNnAbez", "secret"));
    session.token = Some("a token".to_owned());
    for shape in [Shape::V1Query, Shape::V1Split, Shape::V3Query] {
        let stranger = listed(Caller::new("LTAI5tNobodyKnowsMe0", "some secret"));
        bench.refuses("unknown", &stranger.attach(shape), unknown);
        bench.refuses("sts", &session.attach(shape), foreign);
        bench.refuses("inactive", &listed(Caller::new("LTAI5tTestClaimedOff", "s")).attach(shape), inactive);
        bench.refuses("token", &with_token.attach(shape), token);
    }
}

/// Claims do not use up the nonces of a key. ECS, which has the secret, checks them.
#[test]
fn only_nonces_of_verified_calls_are_remembered() {
    let bench = bench();
    let request = claimed().attach(Shape::V3Query);
    for _ in 0..2 {
        Received::of(&bench, "claimed", &request);
    }
    let request = terway().attach(Shape::V3Query);
    Received::of(&bench, "verified", &request);
    bench.refuses("again", &request, Refused::with(400, "SignatureNonceUsed", "nonce-used", "nonce"));
}

#[test]
fn checks_that_need_no_secret_apply_to_claims_too() {
    let bench = bench();
    for (seconds, code, refusal) in
        [(-3600, "InvalidTimeStamp.Expired", "clock"), (3600, "InvalidTimeStamp.Expired", "clock")]
    {
        let mut caller = claimed();
        caller.timestamp = Some(format_timestamp(now() + jiff::SignedDuration::from_secs(seconds)));
        bench.refuses("clock", &caller.attach(Shape::V3Query), Refused::with(400, code, refusal, "window"));
    }
    let body = "RegionId=cn-hangzhou&NetworkInterfaceId=eni-a&InstanceId=i-a";
    let changed = V3::from(&claimed(), "", body).body_after_signing(&body.replace("i-a", "i-b"));
    let digest = Refused::with(400, "SignatureDoesNotMatch", "signature-v3", "is not the digest of the body");
    bench.refuses("digest", &changed.bytes(), digest);
    let long = "n".repeat(257);
    let mut caller = claimed();
    caller.nonce = Some(long);
    bench.refuses(
        "nonce",
        &caller.attach(Shape::V1Query),
        Refused::with(400, "InvalidParameter", "nonce-malformed", "256"),
    );
}

/// Key ids are not secret, so refused attempts under them must not fill the log. Forwarded calls are always logged.
#[test]
fn claims_have_the_budget_of_unknown_callers() {
    let budgets = BudgetLimits { lines_of_all_sources: 2, ..BudgetLimits::default() };
    let bench = Bench::with(Setup { budgets, ..setup() });
    for _ in 0..6 {
        assert_eq!(bench.gateway.ask(&claimed_bob().attach(Shape::V3Query)).status, 403);
    }
    let escaped = replaced(&claimed().attach(Shape::V3Query), "RegionId=", b"Region%49d=");
    assert_eq!(bench.gateway.ask(&escaped).status, 400);
    let logged = bench.gateway.events().len();
    assert_eq!(logged, 2);
    Received::of(&bench, "claimed", &claimed().attach(Shape::V3Query));
    assert_eq!(bench.gateway.events().len(), logged + 2, "decision and outcome");
    for _ in 0..3 {
        assert_eq!(bench.gateway.ask(&listed(Caller::bob()).attach(Shape::V3Query)).status, 403);
    }
    assert_eq!(bench.gateway.events().len(), logged + 5, "all attempts of a verified caller are logged");
}

/// An attacker who reads a key id in a log can send one call with it again and again.
#[test]
fn a_claimed_call_that_is_sent_again_and_again_is_throttled() {
    let bench = bench();
    let call = claimed().attach(Shape::V3Query);
    let answers = ask_many(bench.gateway.address, &vec![call; 1500]);
    let (forwarded, throttled): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(forwarded.len(), bench.upstream.requests().len());
    assert!((1..=700).contains(&forwarded.len()), "{}", forwarded.len());
    for answer in throttled {
        assert_eq!((answer.status, answer.code().as_str()), (400, "Throttling"), "{answer:?}");
        let after: u64 = answer.header("x-acs-retry-after").unwrap().parse().unwrap();
        assert!((1..=60_000).contains(&after), "{after}");
    }
    // The chain adds about 100 bytes to an event.
    let log: usize = bench.gateway.events().iter().map(|event| event.to_string().len() + 100).sum();
    assert!(log <= 1_500_000, "{log}");
    // Calls with other keys from the same address are still forwarded, whether verified or claimed.
    for caller in [terway(), listed(Caller::new("LTAI5tTestClaimed002", "a third secret that ECS knows"))] {
        Received::of(&bench, "another key", &caller.attach(Shape::V3Query));
    }
    bench.gateway.shutdown.cancel();
    let counted = || {
        let summaries = bench.gateway.events().into_iter();
        let counts =
            summaries.filter_map(|event| event["additionalEventData"]["gateway"]["summary"]["attempts"].as_u64());
        counts.sum::<u64>()
    };
    // One of the throttled calls has a line, the others are counted.
    let left_out = 1500 - u64::try_from(forwarded.len()).unwrap() - 1;
    wait_for("the summary", || counted() > 0);
    assert_eq!(counted(), left_out);
}
