//! A refused key with several accounts, further products, look-ups of attributes, and pass-through.

use std::collections::HashMap;

use ram_policy::{AccountId, Principal};
use ramgate::config::{OtherOperations, ProductSettings, ResourceSource, Signing};
use ramgate::gateway::UpstreamKeys;
use ramgate::identity::{Credential, KeyStatus, Secret};

use super::setting::{ALL, Ecs, FIXED, Gateway, is_unavailable};
use crate::support::caller::Shape;
use crate::support::upstream::{Behaviour, json, success};
use crate::support::{Caller, FakeUpstream, Setup, TestGateway, policies};

const REFUSED: &str = r#"{"Code":"InvalidAccessKeyId.NotFound","Message":"Specified access key is not found."}"#;
const TAGGED: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*",
    "Condition": {"StringEquals": {"acs:ResourceTag/team": "network"}}}]}"#;

#[test]
fn a_refused_key_of_one_account_does_not_affect_another() {
    const SECOND: &str = "2222222222222222";
    let upstream = FakeUpstream::answering(|head| {
        let refused = head.contains("Credential=LTAI5tOwnOfTheSecond,");
        Behaviour::Answer(if refused { json(404, REFUSED, "") } else { success() })
    });
    let key = |(account, id): (&str, &str)| {
        let account: AccountId = account.parse().unwrap();
        let principal = Principal::new(account.clone(), "root".parse().unwrap());
        (account, Credential::new(id.parse().unwrap(), &Secret::new("own"), principal, KeyStatus::Active).into())
    };
    let keys = [(crate::support::ACCOUNT, "LTAI5tOwnOfTheFirst0"), (SECOND, "LTAI5tOwnOfTheSecond")];
    let keys: HashMap<_, _> = keys.into_iter().map(key).collect();
    let other = Caller::new("LTAI5tAppOfSecond000", "two");
    let directory = format!("account = \"{SECOND}\"\n[users.app]\npolicies = [\"own\"]\n");
    let gateway = TestGateway::start(Setup {
        upstream: Some(upstream.url()),
        more_policies: vec![policies(&directory, &[("own", ALL)])],
        keyring: format!(
            "[[access_key]]\nid = \"{}\"\nsecret = \"two\"\nprincipal = \"{SECOND}:user/app\"\n",
            other.id
        ),
        upstream_keys: Some(UpstreamKeys::OfAccount(keys)),
        ..Setup::default()
    });
    for _ in 0..2 {
        is_unavailable(&gateway.ask(&other.attach(Shape::V3Query)), "not accept", "the second account");
        assert_eq!(gateway.ask(&Caller::terway().attach(Shape::V3Query)).status, 200, "the first account");
    }
}

#[test]
fn a_product_that_refuses_the_key_is_degraded_alone() {
    let (ecs, vpc) = (Ecs::start(), Ecs::start());
    let product = format!(
        "[[product]]\nname = \"vpc\"\nhosts = [\"vpc.ramgate.internal\"]\nurl = \"{}\"\nversion = \"2016-04-28\"\n\
         other = \"evaluate\"",
        vpc.server.url()
    );
    let gateway = Gateway::start(&ecs.server.url(), FIXED, &product, ALL);
    let mut caller = super::setting::caller().calling("DescribeVSwitches");
    caller.host = "vpc.ramgate.internal".to_owned();
    caller.version = "2016-04-28".to_owned();
    let call =
        || crate::support::ask(gateway.address(), &caller.request(Shape::V3Query, &[("RegionId", "cn-hangzhou")]));
    assert_eq!(call().status, 200);
    vpc.refuses(403, "Forbidden.RAM", "User not authorized.");
    is_unavailable(&call(), "lacks a permission", "permission");
    gateway.logs_once("ERROR", "vpc:DescribeVSwitches");
    assert_eq!(gateway.ready().1, "ready\n");
    vpc.refuses(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.");
    is_unavailable(&call(), "not accept", "authentication");
    assert_eq!(gateway.attach(Shape::V3Query).status, 200, "ECS accepts the key");
    let (status, text) = gateway.ready();
    let expected = format!("degraded: {} refuses", vpc.server.address);
    assert!(status == 200 && text.starts_with(&expected), "{text}");
    vpc.answers(success());
    assert_eq!(call().status, 200);
    assert_eq!(gateway.ready().1, "ready\n");
}

#[test]
fn a_look_up_that_is_refused_for_the_gateways_key_is_reported_too() {
    let ecs = Ecs::start();
    let more = "[resources]\nsource = \"upstream\"\ncache = \"0s\"";
    let gateway = Gateway::start(&ecs.server.url(), FIXED, more, TAGGED);
    ecs.refuses(403, "Forbidden.RAM", "User not authorized.");
    for _ in 0..3 {
        is_unavailable(&gateway.attach(Shape::V3Query), "attributes of the resource", "permission");
    }
    assert_eq!(gateway.ready().1, "ready\n");
    for action in ["ecs:DescribeNetworkInterfaces", "ecs:DescribeInstances"] {
        gateway.logs_once("ERROR", action);
    }
    ecs.refuses(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
    is_unavailable(&gateway.attach(Shape::V3Query), "attributes of the resource", "authentication");
    assert!(gateway.ready().1.starts_with("degraded: "));
    gateway.logs_once("ERROR", "the upstream refuses the gateway's own key");
    let reason = gateway.outcome()["additionalEventData"]["gateway"]["reason"].to_string();
    assert!(reason.contains("InvalidAccessKeyId.NotFound"), "{reason}");
}

#[test]
fn an_error_about_the_callers_own_key_is_returned_to_the_caller() {
    for (status, code) in [(404, "InvalidAccessKeyId.NotFound"), (403, "Forbidden.RAM"), (400, "SignatureDoesNotMatch")]
    {
        let body = format!("{{\"Code\":\"{code}\",\"Message\":\"m\",\"AccessDeniedDetail\":{{\"AuthAction\":\"a\"}}}}");
        let upstream = FakeUpstream::behaving(Behaviour::Answer(json(status, &body, "")));
        let mut setup = Setup { upstream: Some(upstream.url()), ..Setup::default() };
        setup.settings.upstream.signing = Signing::PassThrough;
        setup.settings.hosts = vec![Caller::terway().host];
        let gateway = TestGateway::start(setup);
        let answer = gateway.ask(&Caller::terway().attach(Shape::V3Query));
        assert_eq!((answer.status, answer.body.as_str()), (status, body.as_str()), "{code}");
    }
}

#[test]
fn an_operation_that_is_forwarded_without_judging_gets_the_same_answers() {
    let ecs = Ecs::start();
    let product = ProductSettings {
        name: "vpc".to_owned(),
        hosts: vec!["vpc.ramgate.internal".to_owned()],
        url: ecs.server.url(),
        version: "2016-04-28".to_owned(),
        other: OtherOperations::Forward,
    };
    let mut setup = Setup { upstream: Some(ecs.server.url()), ..Setup::default() };
    setup.settings.operations.other = OtherOperations::Forward;
    setup.settings.resources.source = ResourceSource::File;
    setup.settings.products = vec![product];
    let gateway = TestGateway::start(setup);
    ecs.refuses(403, "Forbidden.RAM", "User not authorized.");
    let call = Caller::terway().calling("StopInstance").request(Shape::V1Query, &[("RegionId", "cn-hangzhou")]);
    is_unavailable(&gateway.ask(&call), "lacks a permission", "forward");
    let mut caller = Caller::terway().calling("DeleteVpc");
    caller.host = "vpc.ramgate.internal".to_owned();
    caller.version = "2016-04-28".to_owned();
    is_unavailable(&gateway.ask(&caller.request(Shape::V3Query, &[("RegionId", "cn-hangzhou")])), "lacks a", "product");
}
