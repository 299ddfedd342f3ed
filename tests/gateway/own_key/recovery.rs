//! The gateway notices without traffic that its key is accepted again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::setting::{ALL, Ecs, FIXED, Gateway, eventually, is_unavailable};
use crate::support::FakeUpstream;
use crate::support::caller::Shape;
use crate::support::metadata::{FIRST, Gives, Metadata, ROLE, SECOND};
use crate::support::upstream::{Behaviour, json, success};

const REFUSED: &str = r#"{"Code":"InvalidAccessKeyId.NotFound","Message":"Specified access key is not found."}"#;

#[test]
fn ecs_is_probed_only_while_a_key_is_refused() {
    let ecs = Ecs::start();
    let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
    assert_eq!(gateway.attach(Shape::V3Query).status, 200);
    ecs.refuses(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
    is_unavailable(&gateway.attach(Shape::V3Query), "not accept", "refused");
    let before = ecs.server.requests().len();
    eventually("ECS is probed", || ecs.server.requests().len() > before);
    let probe = ecs.server.requests().pop().unwrap();
    for part in
        ["x-acs-action: DescribeNetworkInterfaces\r\n", "RegionId=cn-hangzhou", "Credential=LTAI5tGatewayItself0,"]
    {
        assert!(probe.contains(part), "no `{part}`: {probe}");
    }
    assert!(gateway.ready().1.starts_with("degraded: "), "the key is still refused");

    // The key is valid again but may not list ENIs, which ECS says only of a key that it has authenticated.
    ecs.refuses(403, "Forbidden.RAM", "User not authorized.");
    eventually("the recovery is noticed", || gateway.ready() == (200, "ready\n".to_owned()));
    gateway.logs_once("INFO", "accepts the gateway's own key again");
    gateway.logs_once("ERROR", "the upstream refuses");
    let asked = ecs.server.requests().len();
    std::thread::sleep(Duration::from_secs(17));
    assert_eq!(ecs.server.requests().len(), asked, "no probe is sent while the key is accepted");
}

#[test]
fn a_key_of_a_role_that_was_revoked_is_replaced_before_it_expires() {
    let hours = Duration::from_secs(6 * 3600);
    let metadata = Metadata::start(Gives::Key(FIRST.lasting(hours)));
    let ecs = FakeUpstream::answering(|head| {
        let revoked = head.contains(&format!("Credential={},", FIRST.id));
        let echo = REFUSED.replace("found.", &format!("found. server StringToSign is [{}]", FIRST.token));
        Behaviour::Answer(if revoked { json(404, &echo, "") } else { success() })
    });
    let keys = format!("instance_role = \"{ROLE}\"\nmetadata_url = \"{}\"", metadata.server.url());
    let gateway = Gateway::start(&ecs.url(), &keys, "", ALL);
    is_unavailable(&gateway.attach(Shape::V3Query), "not accept", "revoked");
    metadata.give(Gives::Key(SECOND.lasting(hours)));
    eventually("the new key is in use and accepted", || gateway.ready() == (200, "ready\n".to_owned()));
    assert_eq!(gateway.attach(Shape::V3Query).status, 200);
    let log = std::fs::read_to_string(gateway.path().join("audit.jsonl")).unwrap();
    assert!(log.contains("Specified access key is not found."), "{log}");
    for text in [log, gateway.server.stderr()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// A product may lack the operation of the probe. Whether the key is valid is then probed at ECS, which knows the same
/// keys.
#[test]
fn a_product_that_lacks_the_probes_operation_recovers_without_traffic() {
    let ecs = Ecs::start();
    let refuses = Arc::new(AtomicBool::new(true));
    let refusing = Arc::clone(&refuses);
    let product = FakeUpstream::answering(move |head| {
        Behaviour::Answer(if head.contains("x-acs-action: DescribeRegions\r\n") {
            json(404, r#"{"Code":"InvalidAction.NotFound","Message":"Specified api is not found."}"#, "")
        } else if refusing.load(Ordering::Relaxed) {
            json(404, REFUSED, "")
        } else {
            success()
        })
    });
    let more = format!(
        "[[product]]\nname = \"nlb\"\nhosts = [\"nlb.ramgate.internal\"]\nurl = \"{}\"\nversion = \"2022-04-30\"\n\
         other = \"evaluate\"",
        product.url()
    );
    let gateway = Gateway::start(&ecs.server.url(), FIXED, &more, ALL);
    let mut caller = super::setting::caller().calling("ListLoadBalancers");
    (caller.host, caller.version) = ("nlb.ramgate.internal".to_owned(), "2022-04-30".to_owned());
    let call =
        || crate::support::ask(gateway.address(), &caller.request(Shape::V3Query, &[("RegionId", "cn-hangzhou")]));
    ecs.refuses(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
    is_unavailable(&call(), "not accept", "refused");
    let probes = || product.requests().iter().filter(|head| head.contains("DescribeRegions")).count();
    eventually("the product is probed twice", || probes() >= 2);
    assert!(gateway.ready().1.starts_with("degraded: "), "ECS refuses the key too");
    refuses.store(false, Ordering::Relaxed);
    ecs.answers(success());
    eventually("the recovery is noticed", || gateway.ready() == (200, "ready\n".to_owned()));
    assert_eq!(call().status, 200);
}
