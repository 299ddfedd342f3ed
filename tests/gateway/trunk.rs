//! The trunk ENI of an attach: refused, or judged as one more ENI (`docs/spec/wire-protocol.md` 8, row 11).

use crate::support::caller::{SHAPES, Shape};
use crate::support::policies::policies;
use crate::support::{Bench, Caller, ENI, INSTANCE, Refused, Setup};
use ramgate::config::{OperationSettings, TrunkEni};

const TRUNK: &str = "eni-bp1demotrunk00000001";
/// The literal that Terway sends on an instance whose trunk ENI has no id of its own.
const DENSE: &str = "DenseModeTrunkEniId";

/// The role may attach to any trunk ENI, alice to none; bob is denied this one.
const ACCOUNT_FILE: &str = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"enis\"]\n\
    [users.alice]\npolicies = [\"pods\"]\n[users.bob]\npolicies = [\"enis\", \"not-this\"]\n";
const ENIS: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*NetworkInterface",
    "Resource": ["acs:ecs:*:*:eni/*", "acs:ecs:*:*:instance/*"]}]}"#;
const PODS: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*NetworkInterface",
    "Resource": ["acs:ecs:*:*:eni/eni-bp1demopod*", "acs:ecs:*:*:instance/*"]}]}"#;
const NOT_THIS: &str = r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Action": "*",
    "Resource": ["acs:ecs:*:*:eni/eni-bp1demotrunk00000001", "acs:ecs:*:*:eni/DenseModeTrunkEniId"]}]}"#;

#[test]
fn a_trunk_eni_is_refused_by_default() {
    let bench = bench(TrunkEni::default());
    for operation in ["AttachNetworkInterface", "DetachNetworkInterface"] {
        for trunk in [TRUNK, DENSE, ""] {
            let request = Caller::terway().calling(operation).request(Shape::V1Query, &with(trunk));
            let because = "`TrunkNetworkInstanceId` is unavailable";
            let refused = Refused::with(400, "UnsupportedParameter", "unavailable-parameter", because);
            bench.refuses(trunk, &request, refused);
        }
    }
}

#[test]
fn a_trunk_eni_is_judged_as_a_third_resource() {
    let bench = bench(TrunkEni::Judge);
    for operation in ["AttachNetworkInterface", "DetachNetworkInterface"] {
        for trunk in [TRUNK, DENSE] {
            for shape in SHAPES {
                let request = Caller::terway().calling(operation).request(shape, &with(trunk));
                let sent: Vec<_> = with(trunk).into_iter().chain([("Format", "JSON")]).collect();
                let decision = bench.forwards(trunk, &request, &sent);
                let judged = &decision["additionalEventData"]["gateway"]["decision"]["Resources"];
                let judged: Vec<_> =
                    judged.as_array().unwrap().iter().map(|it| it["AuthResource"].as_str().unwrap()).collect();
                let arn = |id: &str| format!("acs:ecs:cn-hangzhou:1234567890123456:{id}");
                let eni = |id: &str| arn(&format!("eni/{id}"));
                assert_eq!(judged, [eni(ENI), arn(&format!("instance/{INSTANCE}")), eni(trunk)], "{operation}");
                assert_eq!(decision["resourceName"], format!("{ENI};{INSTANCE};{trunk}"));
            }
        }
    }
}

#[test]
fn a_call_is_refused_if_its_trunk_eni_is_not_allowed() {
    let bench = bench(TrunkEni::Judge);
    for trunk in [TRUNK, DENSE] {
        let on = |verdict| match (verdict, trunk) {
            ("implicit-deny", TRUNK) => "implicit deny on acs:ecs:cn-hangzhou:1234567890123456:eni/eni-bp1demotrunk",
            ("implicit-deny", _) => "implicit deny on acs:ecs:cn-hangzhou:1234567890123456:eni/DenseMode",
            (_, TRUNK) => "explicit deny on acs:ecs:cn-hangzhou:1234567890123456:eni/eni-bp1demotrunk",
            _ => "explicit deny on acs:ecs:cn-hangzhou:1234567890123456:eni/DenseMode",
        };
        for (caller, verdict) in [(Caller::alice(), "implicit-deny"), (Caller::bob(), "explicit-deny")] {
            let denied = Refused::with(403, "Forbidden.SubUser", verdict, on(verdict));
            bench.refuses(trunk, &caller.request(Shape::V3Query, &with(trunk)), denied);
            bench.forwards_attach("without a trunk", &caller.attach(Shape::V3Query));
        }
    }
}

#[test]
fn a_malformed_trunk_eni_is_refused() {
    let bench = bench(TrunkEni::Judge);
    for bad in ["densemodetrunkeniid", "DenseModeTrunkEniId2", "ENI-A", "eni-*", "*", "eni-a/b", "i-a"] {
        let refused = Refused::with(400, "InvalidParameter", "malformed-parameter", "\"TrunkNetworkInstanceId\"");
        bench.refuses(bad, &Caller::terway().request(Shape::V1Query, &with(bad)), refused);
    }
    for name in ["NetworkInterfaceId", "InstanceId"] {
        let mut given = with(TRUNK);
        for pair in &mut given {
            if pair.0 == name {
                pair.1 = DENSE;
            }
        }
        let answer = bench.gateway.ask(&Caller::terway().request(Shape::V1Query, &given));
        assert_eq!(answer.status, 400, "the literal is valid only for a trunk ENI: {answer:?}");
    }
}

fn with(trunk: &str) -> Vec<(&str, &str)> {
    vec![
        ("RegionId", "cn-hangzhou"),
        ("NetworkInterfaceId", ENI),
        ("InstanceId", INSTANCE),
        ("TrunkNetworkInstanceId", trunk),
    ]
}

fn bench(trunk: TrunkEni) -> Bench {
    let documents = [("enis", ENIS), ("pods", PODS), ("not-this", NOT_THIS)];
    let mut setup = Setup { policies: policies(ACCOUNT_FILE, &documents), ..Setup::default() };
    setup.settings.operations = OperationSettings { trunk, ..OperationSettings::default() };
    Bench::with(setup)
}
