//! The host name that is passed on, and the list that it must be on; the gateway as an HTTP proxy for clients.

use ramgate::config::{OtherOperations, ProductSettings};

use super::door::{LISTED, bench, claimed, setup, terway};
use super::received::Received;
use crate::support::caller::Shape;
use crate::support::crafted::replaced;
use crate::support::policies::policies;
use crate::support::{Bench, Caller, ENI, FakeUpstream, INSTANCE, Refused, Setup, TestGateway, V3};

fn named(mut caller: Caller, host: &str) -> Caller {
    host.clone_into(&mut caller.host);
    caller
}

#[test]
fn a_signed_host_must_be_on_the_list() {
    let bench = bench();
    for name in [LISTED[0], LISTED[1], "ECS.gateway.test", "ecs.gateway.test:8443", "ecs.gateway.test."] {
        let caller = named(Caller::terway(), name);
        let received = Received::of(&bench, name, &caller.attach(Shape::V3Query));
        assert_eq!(received.header("host"), name, "as it was signed");
        received.verifies(name, &caller.credential());
    }
    let host = |because| Refused::with(400, "InvalidParameter", "host", because);
    for caller in [Caller::terway(), claimed()] {
        for name in ["gateway.test", "127.0.0.1:8620", "ecs.aliyuncs.com", "ecs.gateway.test.evil.example"] {
            let request = named(caller.clone(), name).attach(Shape::V3Query);
            bench.refuses(name, &request, host("it is not one of `hosts` in the gateway's configuration"));
        }
    }
    let elsewhere = named(Caller::terway(), "ecs.cn-beijing.aliyuncs.com").attach(Shape::V1Query);
    bench.refuses("a region", &elsewhere, host("the host names the region `cn-beijing`"));
    let product = named(Caller::terway(), "rds.aliyuncs.com").attach(Shape::V1Query);
    bench.refuses("a product", &product, host("is not an ECS endpoint"));
}

/// One real client does not sign the host.
#[test]
fn a_host_that_is_not_signed_is_not_passed_on() {
    let bench = bench();
    let call = V3::from(&Caller::terway(), "", "").uncovered("host");
    let query = "RegionId=cn-hangzhou&NetworkInterfaceId=eni-bp1demopod0000000001&InstanceId=i-bp1demoworker00000001";
    let received = Received::of(&bench, "uncovered", &call.raw(query).bytes());
    assert_eq!(received.header("host"), bench.upstream.address.to_string());
    received.verifies("uncovered", &terway().credential());
}

/// With `http_proxy=http://gateway`, the target is a whole URL, and the client signs the host name of ECS.
#[test]
fn the_gateway_serves_clients_that_use_it_as_an_http_proxy() {
    let bench = bench();
    for caller in [terway(), claimed()] {
        for shape in [Shape::V1Query, Shape::V1Get, Shape::V1Split, Shape::V3Query, Shape::V3Form] {
            let plain = caller.attach(shape);
            let url = format!(" http://{}/", LISTED[0]);
            let request = replaced(&plain, " /", url.as_bytes());
            let received = Received::of(&bench, "proxied", &request);
            assert_eq!(received.target, Received::read(std::str::from_utf8(&plain).unwrap()).target, "{shape:?}");
            received.verifies("proxied", &caller.credential());
        }
    }
    let other = replaced(&terway().attach(Shape::V3Query), " /?", b" http://ecs.gateway.test/?");
    let refused = Refused::framing("the target names `ecs.gateway.test` but the `Host` header");
    bench.refuses("another host", &other, refused);
    let tunnel = format!("CONNECT {0}:443 HTTP/1.1\r\nHost: {0}:443\r\nAccept: application/json\r\n\r\n", LISTED[0]);
    bench.refuses("a tunnel", tunnel.as_bytes(), Refused::framing("is not `/` with an optional query"));
}

/// The configuration determines the connection: the name in the upstream's certificate, and the region in its URL.
#[test]
fn the_connection_goes_to_the_configured_url_for_every_host_name() {
    let (upstream, roots) = FakeUpstream::tls();
    let secured = Setup { upstream: Some(upstream.url()), upstream_roots: Some(roots), ..setup() };
    let gateway = TestGateway::start(secured);
    assert_eq!(gateway.ask(&terway().attach(Shape::V3Query)).status, 200, "{}", gateway.last_event());
    assert_eq!(Received::read(&upstream.requests()[0]).header("host"), LISTED[0]);

    // Loopback has no host name per region, so the placeholder follows the address here.
    let upstream = FakeUpstream::start();
    let allow = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}]}"#;
    let account = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"all\"]\n[users.bob]\n[users.alice]\n";
    let url = format!("{}/ecs.{{region}}", upstream.url());
    let mut regions = Setup { upstream: Some(url), policies: policies(account, &[("all", allow)]), ..setup() };
    regions.settings.upstream.regions = ["cn-hangzhou", "cn-beijing"].map(|region| region.parse().unwrap()).to_vec();
    let gateway = TestGateway::start(regions);
    for region in ["cn-hangzhou", "cn-beijing"] {
        let given = [("RegionId", region), ("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE)];
        let answer = gateway.ask(&Caller::terway().request(Shape::V1Query, &given));
        assert_eq!(answer.status, 200, "{answer:?}");
        let received = Received::read(&upstream.requests().pop().unwrap());
        assert!(received.target.starts_with(&format!("/ecs.{region}/?")), "{received:?}");
        assert_eq!(received.header("host"), format!("{}/ecs.{region}", upstream.address));
    }
    let unserved = [("RegionId", "cn-shenzhen"), ("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE)];
    assert_eq!(gateway.ask(&claimed().request(Shape::V3Query, &unserved)).code(), "Forbidden.RegionId");
}

#[test]
fn calls_of_another_product_are_passed_on_to_its_endpoint() {
    let vpc = FakeUpstream::start();
    let account = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"vpc\"]\n[users.bob]\n[users.alice]\n";
    let allow = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "vpc:Describe*", "Resource": "*"}]}"#;
    let mut setup = setup();
    setup.policies = policies(account, &[("vpc", allow)]);
    let hosts = vec!["vpc.cn-hangzhou.aliyuncs.com".to_owned()];
    let (name, version) = ("vpc".to_owned(), "2016-04-28".to_owned());
    let other = OtherOperations::Evaluate;
    setup.settings.products = vec![ProductSettings { name, hosts, version, url: vpc.url(), other }];
    let bench = Bench::with(setup);
    for (at, caller) in [terway(), claimed()].into_iter().enumerate() {
        let mut caller = named(caller, "vpc.cn-hangzhou.aliyuncs.com").calling("DescribeVSwitches");
        "2016-04-28".clone_into(&mut caller.version);
        for (shape, count) in [(Shape::V1Query, 1), (Shape::V3Query, 2)] {
            let answer = bench.gateway.ask(&caller.request(shape, &[("RegionId", "cn-hangzhou"), ("VpcId", "vpc-a")]));
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(vpc.requests().len(), at * 2 + count);
            Received::read(vpc.requests().last().unwrap()).verifies("vpc", &caller.credential());
        }
        let deleting = caller.calling("DeleteVSwitch").request(Shape::V3Query, &[("RegionId", "cn-hangzhou")]);
        let denied = Refused::with(403, "Forbidden.SubUser", "implicit-deny", "implicit deny");
        bench.refuses("not allowed", &deleting, denied);
    }
    assert_eq!(bench.upstream.requests(), [""; 0], "no call reaches ECS");
}
