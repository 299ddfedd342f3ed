//! Further products behind the same gateway, selected by host and judged by their own actions.

use crate::support::bench::forwarded;
use crate::support::caller::{SHAPES, Shape};
use crate::support::policies::policies;
use crate::support::{Bench, Caller, ENI, FakeUpstream, Refused, Setup};
use ramgate::config::{OtherOperations, ProductSettings};

const VPC: &str = "vpc.ramgate.internal";
const REGION: (&str, &str) = ("RegionId", "cn-hangzhou");
const VSWITCH: (&str, &str) = ("VSwitchId", "vsw-bp1demo");

/// The role has the grants of Terway's documentation, abbreviated; bob has ECS only; alice is denied VPC.
const ACCOUNT_FILE: &str = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"terway\"]\n\
    [users.bob]\npolicies = [\"ecs\"]\n[users.alice]\npolicies = [\"terway\", \"no-vpc\"]\n";
const TERWAY: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Resource": "*",
    "Action": ["ecs:*NetworkInterface*", "ecs:DescribeInstance*", "ecs:*Ip*Addresses", "vpc:DescribeVSwitches"]}]}"#;
const ECS: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}]}"#;
const NO_VPC: &str = r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Action": "vpc:*", "Resource": "*"}]}"#;

/// The calls of Terway (`docs/spec/ecs-eni.md` A.2), each to the host that its client is configured with.
#[test]
fn every_call_of_terway_works_through_one_gateway() {
    let (vpc, bench) = bench(OtherOperations::Evaluate);
    let (eni, instance) = (("NetworkInterfaceId", ENI), ("InstanceId", crate::support::INSTANCE));
    let calls: [(&str, &[(&str, &str)]); 14] = [
        ("CreateNetworkInterface", &[REGION, VSWITCH, ("SecurityGroupIds.1", "sg-bp1demo")]),
        ("AttachNetworkInterface", &[REGION, eni, instance]),
        ("DetachNetworkInterface", &[REGION, eni, instance]),
        ("DeleteNetworkInterface", &[REGION, eni]),
        ("DescribeNetworkInterfaces", &[REGION, ("NetworkInterfaceId.1", ENI)]),
        ("DescribeNetworkInterfaceAttribute", &[REGION, eni]),
        ("ModifyNetworkInterfaceAttribute", &[REGION, eni, ("SecurityGroupId.1", "sg-bp1demo")]),
        ("AssignPrivateIpAddresses", &[REGION, eni, ("SecondaryPrivateIpAddressCount", "1")]),
        ("UnassignPrivateIpAddresses", &[REGION, eni, ("PrivateIpAddress.1", "10.0.0.9")]),
        ("AssignIpv6Addresses", &[REGION, eni, ("Ipv6AddressCount", "1")]),
        ("UnassignIpv6Addresses", &[REGION, eni, ("Ipv6Address.1", "2001:db8::1")]),
        ("DescribeInstances", &[REGION]),
        ("DescribeInstanceAttribute", &[REGION, instance]),
        ("DescribeInstanceTypes", &[REGION]),
    ];
    for (at, (operation, given)) in calls.into_iter().enumerate() {
        let answer = bench.gateway.ask(&Caller::terway().calling(operation).request(Shape::V1Query, given));
        assert_eq!(answer.status, 200, "{operation}: {answer:?} {}", bench.gateway.last_event());
        assert_eq!((bench.upstream.requests().len(), vpc.requests().len()), (at + 1, 0), "{operation}");
    }
    let answer = bench.gateway.ask(&vswitches(Caller::terway(), Shape::V1Query));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((bench.upstream.requests().len(), vpc.requests().len()), (calls.len(), 1));
}

#[test]
fn a_call_of_another_product_is_rebuilt_for_that_product() {
    let (vpc, bench) = bench(OtherOperations::Evaluate);
    for shape in SHAPES {
        let answer = bench.gateway.ask(&vswitches(Caller::terway(), shape));
        assert_eq!(answer.status, 200, "{shape:?}: {answer:?}");
        let request = vpc.requests().pop().unwrap();
        let sent: Vec<_> = forwarded(&request).into_iter().collect();
        let expected = [("Format", "JSON"), REGION, VSWITCH].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(sent, expected, "{shape:?}");
        for line in [
            format!("host: {}", vpc.address),
            "x-acs-action: DescribeVSwitches".to_owned(),
            "x-acs-version: 2016-04-28".to_owned(),
        ] {
            assert!(request.contains(&format!("{line}\r\n")), "no `{line}`: {request}");
        }
        assert!(request.contains("Credential=LTAI5tGatewayItself0,") && !request.contains(VPC), "{request}");
        let events = bench.gateway.events();
        for event in &events[events.len() - 2..] {
            assert_eq!((&event["serviceName"], &event["eventName"]), (&"Vpc".into(), &"DescribeVSwitches".into()));
            assert_eq!((&event["apiVersion"], &event["eventSource"]), (&"2016-04-28".into(), &VPC.into()));
            assert_eq!(event["resourceType"], "ACS::VPC::All Resources");
            assert_eq!(event["additionalEventData"]["gateway"]["decision"]["AuthAction"], "vpc:DescribeVSwitches");
        }
        let outcome = &events[events.len() - 1]["additionalEventData"]["gateway"]["upstream"]["endpoint"];
        assert_eq!(*outcome, vpc.address.to_string());
    }
    assert_eq!(bench.upstream.requests(), [""; 0], "no call reaches ECS");
}

#[test]
fn a_call_of_another_product_is_judged_by_its_own_action() {
    let (vpc, bench) = bench(OtherOperations::Evaluate);
    let implicit = Refused::with(403, "Forbidden.SubUser", "implicit-deny", "implicit deny on *");
    bench.refuses("ECS alone", &vswitches(Caller::bob(), Shape::V3Query), implicit);
    let explicit = Refused::with(403, "Forbidden.SubUser", "explicit-deny", "denied by no-vpc#0");
    bench.refuses("denied", &vswitches(Caller::alice(), Shape::V3Query), explicit);
    let mut other = of_vpc(Caller::terway());
    other.action = "DeleteVSwitch".to_owned();
    bench.refuses("another", &other.request(Shape::V3Query, &[REGION, VSWITCH]), implicit);
    // At VPC's host, an operation named like one of ECS belongs to VPC, and grants for ECS do not apply.
    other.action = "AttachNetworkInterface".to_owned();
    bench.refuses("a namesake", &other.attach(Shape::V3Query), implicit);
    assert_eq!(bench.gateway.last_event()["serviceName"], "Vpc");
    assert_eq!(vpc.requests(), [""; 0]);
}

#[test]
fn the_setting_to_forward_without_judging_applies_to_one_product_only() {
    let (vpc, bench) = bench(OtherOperations::Forward);
    for caller in [Caller::bob(), Caller::alice()] {
        assert_eq!(bench.gateway.ask(&vswitches(caller, Shape::V3Query)).status, 200);
    }
    assert_eq!(vpc.requests().len(), 2);
    let events = bench.gateway.events();
    let reason = events[0]["additionalEventData"]["gateway"]["reason"].as_str().unwrap();
    assert!(reason.contains("no policy was evaluated"), "{reason}");
    let refused = Refused::with(403, "Forbidden.NotSupportRAM", "unknown-operation", "DescribeRegions");
    let regions = Caller::bob().calling("DescribeRegions").request(Shape::V3Query, &[REGION]);
    bench.refuses("ECS as before", &regions, refused);
}

#[test]
fn the_host_selects_the_product() {
    let (vpc, bench) = bench(OtherOperations::Evaluate);
    let version = |because| Refused::with(400, "InvalidParameter", "version", because);
    let mut wrong = of_vpc(Caller::terway());
    wrong.version = "2014-05-26".to_owned();
    let request = wrong.request(Shape::V1Query, &[REGION]);
    bench.refuses("ECS's version", &request, version("knows VPC version `2016-04-28`"));
    let mut elsewhere = of_vpc(Caller::terway());
    elsewhere.host = "gateway.test".to_owned();
    let request = elsewhere.request(Shape::V1Query, &[REGION]);
    bench.refuses("ECS's host", &request, version("knows ECS version `2014-05-26`"));
    let host = |because| Refused::with(400, "InvalidParameter", "host", because);
    for (name, because) in [
        ("vpc.cn-hangzhou.aliyuncs.com", "is not an ECS endpoint"),
        ("vpc-vpc.cn-beijing.aliyuncs.com", "the region `cn-beijing`, but the call names the region `cn-hangzhou`"),
    ] {
        let mut caller = of_vpc(Caller::terway());
        caller.host = name.to_owned();
        bench.refuses(name, &caller.request(Shape::V3Query, &[REGION, VSWITCH]), host(because));
    }
    for name in ["VPC.ramgate.internal:8620", "vpc.ramgate.internal.", "vpc-vpc.cn-hangzhou.aliyuncs.com"] {
        let before = vpc.requests().len();
        let mut caller = of_vpc(Caller::terway());
        caller.host = name.to_owned();
        let answer = bench.gateway.ask(&caller.request(Shape::V3Query, &[REGION, VSWITCH]));
        assert_eq!((answer.status, vpc.requests().len()), (200, before + 1), "{name}: {answer:?}");
    }
}

#[test]
fn the_host_names_for_ecs_stay_limited() {
    let (_vpc, bench) = with(OtherOperations::Evaluate, |setup| setup.settings.hosts = vec!["gateway.test".to_owned()]);
    bench.forwards_attach("ECS", &Caller::terway().attach(Shape::V3Query));
    assert_eq!(bench.gateway.ask(&vswitches(Caller::terway(), Shape::V3Query)).status, 200);
    let mut stranger = Caller::terway();
    stranger.host = "other.test".to_owned();
    let refused = Refused::with(400, "InvalidParameter", "host", "is not one this gateway answers for");
    bench.refuses("another name", &stranger.attach(Shape::V3Query), refused);
}

#[test]
fn calls_of_another_product_need_a_region_and_may_not_name_another_owner() {
    let (_vpc, bench) = bench(OtherOperations::Evaluate);
    let caller = of_vpc(Caller::terway());
    let missing = Refused::with(400, "MissingParameter", "missing-parameter", "\"RegionId\"");
    bench.refuses("no region", &caller.request(Shape::V3Query, &[VSWITCH]), missing);
    assert_eq!(bench.gateway.last_event()["serviceName"], "Vpc");
    let owner = Refused::with(400, "UnsupportedParameter", "unknown-parameter", "names an account other than");
    bench.refuses("an owner", &caller.request(Shape::V3Query, &[REGION, ("OwnerId", "2")]), owner);
}

fn vswitches(caller: Caller, shape: Shape) -> Vec<u8> {
    of_vpc(caller).request(shape, &[REGION, VSWITCH])
}

fn of_vpc(mut caller: Caller) -> Caller {
    caller.host = VPC.to_owned();
    caller.action = "DescribeVSwitches".to_owned();
    caller.version = "2016-04-28".to_owned();
    caller
}

fn bench(other: OtherOperations) -> (FakeUpstream, Bench) {
    with(other, |_| ())
}

/// A gateway for ECS and VPC, each with an upstream of its own.
fn with(other: OtherOperations, change: impl Fn(&mut Setup)) -> (FakeUpstream, Bench) {
    let vpc = FakeUpstream::start();
    let documents = [("terway", TERWAY), ("ecs", ECS), ("no-vpc", NO_VPC)];
    let mut setup = Setup { policies: policies(ACCOUNT_FILE, &documents), ..Setup::default() };
    let hosts =
        vec![VPC.to_owned(), "vpc-vpc.cn-hangzhou.aliyuncs.com".into(), "vpc-vpc.cn-beijing.aliyuncs.com".into()];
    let (name, version) = ("vpc".to_owned(), "2016-04-28".to_owned());
    setup.settings.products = vec![ProductSettings { name, hosts, version, url: vpc.url(), other }];
    change(&mut setup);
    (vpc, Bench::with(setup))
}
