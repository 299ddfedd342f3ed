//! Several regions, their endpoints, and the aliases that callers may send for them (`docs/spec/wire-protocol.md` 1.5).

use crate::support::caller::{SHAPES, Shape};
use crate::support::policies::policies;
use crate::support::{Bench, Caller, ENI, FakeUpstream, INSTANCE, Refused, Setup, TestGateway};
use ramgate::config::RegionAliases;

const ALIAS: &str = "ecs.gateway.internal:8620";
const ACCOUNT_FILE: &str = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"south\"]\n\
    [users.alice]\npolicies = [\"denied\"]\n[users.bob]\n";
const SOUTH: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": [
    "acs:ecs:cn-hangzhou:*:*", "acs:ecs:cn-shenzhen:*:*"]}]}"#;
const DENIED: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": "*", "Resource": "acs:ecs:cn-shenzhen:*:*"}]}"#;

#[test]
fn without_the_setting_an_endpoint_is_not_a_valid_region() {
    let mut setup = setup();
    setup.settings.upstream.region_aliases = RegionAliases::default();
    let bench = Bench::with(setup);
    for shape in SHAPES {
        let refused = Refused::with(400, "InvalidOperation.InvalidRegion", "malformed-region", "is not a region id");
        bench.refuses("an endpoint", &Caller::terway().request(shape, &in_region(ALIAS)), refused);
    }
}

#[test]
fn the_region_behind_an_alias_is_judged_logged_and_sent() {
    let bench = Bench::with(setup());
    let expected =
        [("RegionId", "cn-shenzhen"), ("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE), ("Format", "JSON")];
    for shape in SHAPES {
        let decision = bench.forwards("an alias", &Caller::terway().request(shape, &in_region(ALIAS)), &expected);
        for event in [decision, bench.gateway.last_event()] {
            assert_eq!(
                (&event["acsRegion"], &event["requestParameters"]["RegionId"]),
                (&"cn-shenzhen".into(), &"cn-shenzhen".into())
            );
            let judged = &event["additionalEventData"]["gateway"]["decision"]["Resources"][0]["AuthResource"];
            assert_eq!(*judged, format!("acs:ecs:cn-shenzhen:1234567890123456:eni/{ENI}"));
        }
        assert!(!bench.upstream.requests().pop().unwrap().contains("gateway.internal"));
    }
    bench.forwards_attach("a region", &Caller::terway().attach(Shape::V3Query));
}

#[test]
fn an_alias_permits_nothing_that_its_region_does_not() {
    let bench = Bench::with(setup());
    let denied = Refused::with(403, "Forbidden.SubUser", "explicit-deny", "acs:ecs:cn-shenzhen:");
    bench.refuses("denied there", &Caller::alice().request(Shape::V1Query, &in_region(ALIAS)), denied);
    let implicit = Refused::with(403, "Forbidden.SubUser", "implicit-deny", "acs:ecs:cn-shenzhen:");
    bench.refuses("not allowed there", &Caller::bob().request(Shape::V1Query, &in_region(ALIAS)), implicit);
    let refused = Refused::with(400, "InvalidOperation.InvalidRegion", "malformed-region", "is not a region id");
    for other in ["ECS.gateway.internal:8620", "ecs.gateway.internal", "ecs.gateway.internal:8620 "] {
        bench.refuses(other, &Caller::terway().request(Shape::V1Query, &in_region(other)), refused);
    }
    let elsewhere = Refused::with(400, "Forbidden.RegionId", "region-not-served", "`cn-beijing` is not served");
    bench.refuses("elsewhere", &Caller::terway().request(Shape::V1Query, &in_region("cn-beijing")), elsewhere);
}

#[test]
fn the_host_and_the_region_behind_an_alias_must_agree() {
    let bench = Bench::with(setup());
    let mut caller = Caller::terway();
    caller.host = "ecs-vpc.cn-hangzhou.aliyuncs.com".to_owned();
    let refused = Refused::with(
        400,
        "InvalidParameter",
        "host",
        "the region `cn-hangzhou`, but the call names the region `cn-shenzhen`",
    );
    bench.refuses("another", &caller.request(Shape::V3Query, &in_region(ALIAS)), refused);
    caller.host = "ecs-vpc.cn-shenzhen.aliyuncs.com".to_owned();
    assert_eq!(bench.gateway.ask(&caller.request(Shape::V3Query, &in_region(ALIAS))).status, 200);
}

/// `{region}` in the URL is a placeholder for the region of each call. Loopback has no host name per region, so the
/// placeholder follows the address here, and shows up in the target and in the signed host.
#[test]
fn each_region_has_its_own_endpoint() {
    let upstream = FakeUpstream::start();
    let mut setup = setup();
    setup.upstream = Some(format!("{}/ecs-vpc.{{region}}", upstream.url()));
    let gateway = TestGateway::start(setup);
    for (sent, region) in [("cn-hangzhou", "cn-hangzhou"), ("cn-shenzhen", "cn-shenzhen"), (ALIAS, "cn-shenzhen")] {
        let answer = gateway.ask(&Caller::terway().request(Shape::V3Query, &in_region(sent)));
        assert_eq!(answer.status, 200, "{answer:?}");
        let request = upstream.requests().pop().unwrap();
        assert!(request.starts_with(&format!("POST /ecs-vpc.{region}/?")), "{request}");
        let endpoint = format!("{}/ecs-vpc.{region}", upstream.address);
        assert!(request.contains(&format!("host: {endpoint}\r\n")), "{request}");
        let outcome = gateway.last_event();
        assert_eq!(outcome["additionalEventData"]["gateway"]["upstream"]["endpoint"], endpoint);
    }
    assert_eq!(upstream.requests().len(), 3);
}

fn in_region(region: &str) -> [(&str, &str); 3] {
    [("RegionId", region), ("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE)]
}

fn setup() -> Setup {
    let mut setup =
        Setup { policies: policies(ACCOUNT_FILE, &[("south", SOUTH), ("denied", DENIED)]), ..Setup::default() };
    let upstream = &mut setup.settings.upstream;
    upstream.regions = ["cn-hangzhou", "cn-shenzhen"].map(|region| region.parse().unwrap()).to_vec();
    upstream.region_aliases = RegionAliases::new([(ALIAS.to_owned(), upstream.regions[1].clone())]);
    setup
}
