//! Parameters: repeated, encoded, look-alike and unknown names, other accounts, and other operations.

use ramgate::catalog::Catalog;

use crate::support::bench::ATTACH;
use crate::support::caller::attach_parameters;
use crate::support::crafted::{replaced, with_lines};
use crate::support::{ACCOUNT, Bench, Caller, ENI, INSTANCE, PROD_INSTANCE, Refused, V1, V3};

#[test]
fn row_01_a_repeated_name_is_refused() {
    let bench = Bench::new();
    for (name, value) in attach_parameters() {
        // Another value, the same value, and an empty value.
        for second in [PROD_INSTANCE, value, ""] {
            let piece = format!("{name}={second}");
            let refused = Refused::two_readings("occurs twice, in the query and in the query");
            let answer = bench.refuses(&piece, &V1::attach().raw(&piece).bytes(), refused);
            assert!(answer.message().contains(name), "the message names the parameter: {answer:?}");
            bench.refuses(&piece, &V1::attach().get().raw(&piece).bytes(), refused);
            bench.refuses(&piece, &V3::attach().raw(&piece).bytes(), refused);
        }
    }
    let twice_in_the_form = V1::split().form(&format!("InstanceId={PROD_INSTANCE}"));
    bench.refuses("form", &twice_in_the_form.bytes(), Refused::two_readings("in the form body and in the form body"));
}

#[test]
fn row_02_a_name_in_query_and_form_is_refused() {
    let bench = Bench::new();
    let refused = Refused::two_readings("occurs twice, in the query and in the form body");
    for second in [PROD_INSTANCE, INSTANCE] {
        let piece = format!("InstanceId={second}");
        bench.refuses(second, &V1::attach().form(&piece).bytes(), refused);
        bench.refuses(second, &V1::split().raw(&piece).bytes(), refused);
        let query = format!("InstanceId={INSTANCE}&NetworkInterfaceId={ENI}&RegionId=cn-hangzhou");
        bench.refuses(second, &V3::from(&Caller::terway(), &query, &piece).bytes(), refused);
    }
    // For V3, the vendor does not document which place takes precedence, even if the names differ.
    let query = format!("InstanceId={INSTANCE}");
    let form = format!("NetworkInterfaceId={ENI}&RegionId=cn-hangzhou");
    let two_places = V3::from(&Caller::terway(), &query, &form);
    bench.refuses("V3 split", &two_places.bytes(), Refused::two_readings("send them in one place"));
}

#[test]
fn row_03_a_repeated_parameter_of_the_protocol_is_refused() {
    let bench = Bench::new();
    let repeated = [
        ("Action", "DescribeInstances"),
        ("Version", "2014-05-26"),
        ("AccessKeyId", "LTAI5tDemoAlice00000"),
        ("Signature", "AAAA"),
        ("SignatureNonce", "another"),
        ("Timestamp", "2014-05-26T00%3A00%3A00Z"),
    ];
    for (name, value) in repeated {
        for place in [V1::raw, V1::form] {
            let request = place(V1::attach(), &format!("{name}={value}")).bytes();
            bench.refuses(name, &request, Refused::two_readings("occurs twice"));
        }
    }
    let v3 = V3::attach();
    let second = v3.authorization().replace("Terway", "Alice2");
    let request = with_lines(&v3.bytes(), &format!("Authorization: {second}\r\n"));
    bench.refuses("Authorization", &request, Refused::framing("the header `Authorization` occurs twice"));
}

#[test]
fn row_06_names_are_compared_after_decoding() {
    let bench = Bench::new();
    let plain = format!("InstanceId={INSTANCE}");
    for encoded in ["Instance%49d", "%49%6e%73%74%61%6e%63%65%49%64"] {
        let single = V1::attach().without("InstanceId").raw(&format!("{encoded}={INSTANCE}"));
        bench.forwards_attach(encoded, &single.bytes());
        let single = replaced(&V3::attach().bytes(), &plain, format!("{encoded}={INSTANCE}").as_bytes());
        bench.forwards_attach(encoded, &single);

        let both = V1::attach().raw(&format!("{encoded}={PROD_INSTANCE}"));
        bench.refuses(encoded, &both.bytes(), Refused::two_readings("`InstanceId` occurs twice"));
        let both = V3::attach().raw(&format!("{encoded}={PROD_INSTANCE}"));
        bench.refuses(encoded, &both.bytes(), Refused::two_readings("`InstanceId` occurs twice"));
    }
    let both = V1::attach().raw("%53ignature=AAAA").bytes();
    bench.refuses("Signature", &both, Refused::two_readings("`Signature` occurs twice"));
}

#[test]
fn row_07_case_variants_of_known_names_are_refused() {
    let bench = Bench::new();
    for name in ["instanceid", "INSTANCEID", "networkInterfaceId", "regionid", "networkcardindex", "ownerid"] {
        let piece = format!("{name}={PROD_INSTANCE}");
        bench.refuses(name, &V1::attach().raw(&piece).bytes(), Refused::two_readings("resembles"));
        bench.refuses(name, &V3::attach().raw(&piece).bytes(), Refused::two_readings("resembles"));
    }
    for name in ["ACTION", "action", "version", "TimeStamp", "accesskeyid", "signature", "format", "securitytoken"] {
        let beside = V1::attach().raw(&format!("{name}=x")).bytes();
        bench.refuses(name, &beside, Refused::two_readings("resembles"));
    }
    let instead = V1::attach().without("InstanceId").raw(&format!("instanceid={INSTANCE}")).bytes();
    bench.refuses("instead of it", &instead, Refused::two_readings("resembles `InstanceId`"));
    let instead = V1::attach().without("Timestamp").raw("TimeStamp=2026-01-01T00%3A00%3A00Z").bytes();
    let missing = Refused::with(400, "MissingParameter", "missing-signature-part", "\"Timestamp\"");
    bench.refuses("instead of it", &instead, missing);
}

#[test]
fn row_08_unknown_parameters_are_refused() {
    let bench = Bench::new();
    let refused = Refused::with(400, "UnsupportedParameter", "unknown-parameter", "does not belong to this operation");
    for piece in ["Foo=1", "ClientToken=x", "DryRun=true", "DeviceIndex=1", "Tag.1.Key=a", "X-Forwarded-For=1.2.3.4"] {
        bench.refuses(piece, &V1::attach().raw(piece).bytes(), refused);
        bench.refuses(piece, &V1::split().form(piece).bytes(), refused);
        bench.refuses(piece, &V3::attach().raw(piece).bytes(), refused);
    }
    // Parameters that real clients send without effect are verified, left out, and logged as left out.
    for piece in ["on=AttachNetworkInterface", "WaitForNetworkConfigurationReady=true"] {
        for request in [V1::attach().raw(piece).bytes(), V3::attach().raw(piece).bytes()] {
            let decision = bench.forwards_attach(piece, &request);
            let name = piece.split('=').next().unwrap();
            assert_eq!(decision["additionalEventData"]["gateway"]["leftOut"], serde_json::json!([name]), "{piece}");
        }
    }
    let altered = replaced(&V1::attach().raw("on=left-out").bytes(), "on=left-out", b"on=other");
    let unsigned = Refused::with(400, "IncompleteSignature", "signature-v1", "does not match");
    bench.refuses("left out, but covered by the signature", &altered, unsigned);
}

#[test]
fn row_09_lists_in_place_of_one_value_are_refused() {
    let bench = Bench::new();
    let names = [
        ("InstanceId.1", "resembles"),
        ("NetworkInterfaceId.1", "resembles"),
        ("NetworkInterfaceId.0", "resembles"),
        ("InstanceIds", "resembles"),
        ("InstanceIds.1", "resembles"),
        ("InstanceId%5B%5D", "contains a character other than"),
        ("InstanceId[]", "contains a character other than"),
        ("InstanceId%20", "contains a character other than"),
        ("%EF%BC%A9nstanceId", "contains a character other than"),
    ];
    for (name, because) in names {
        let piece = format!("{name}={PROD_INSTANCE}");
        bench.refuses(name, &V1::attach().raw(&piece).bytes(), Refused::two_readings(because));
        bench.refuses(name, &V1::split().form(&piece).bytes(), Refused::two_readings(because));
        bench.refuses(name, &V3::attach().raw(&piece).bytes(), Refused::two_readings(because));
    }
}

#[test]
fn row_10_parameters_that_name_another_account_are_refused() {
    let bench = Bench::new();
    for name in ["OwnerId", "ResourceOwnerId", "OwnerAccount", "ResourceOwnerAccount"] {
        for value in ["6543210987654321", "01234567890123456", "someone", ""] {
            let refused =
                Refused::with(400, "UnsupportedParameter", "unknown-parameter", "names an account other than");
            bench.refuses(name, &V1::attach().set(name, value).bytes(), refused);
            bench.refuses(name, &V3::attach().raw(&format!("{name}={value}")).bytes(), refused);
        }
        bench.forwards_attach(name, &V1::attach().set(name, ACCOUNT).bytes());
    }
}

#[test]
fn row_11_a_second_eni_as_trunk_is_refused() {
    let bench = Bench::new();
    let refused = Refused::with(400, "UnsupportedParameter", "unavailable-parameter", "is unavailable");
    let piece = "TrunkNetworkInstanceId=eni-bp1demoprod000000001";
    bench.refuses("V1", &V1::attach().raw(piece).bytes(), refused);
    bench.refuses("V3", &V3::attach().raw(piece).bytes(), refused);
}

#[test]
fn row_31_another_version_is_refused() {
    let bench = Bench::new();
    for version in ["2012-09-13", "2016-03-14", "2014-05-26 ", "2014-05-27", "2016-04-28"] {
        let refused = Refused::with(400, "InvalidParameter", "version", "Action or Version");
        bench.refuses(version, &V1::attach().set("Version", version).bytes(), refused);
    }
    let refused = Refused::with(400, "InvalidParameter", "version", "Action or Version");
    bench.refuses("V3", &V3::attach().signed("x-acs-version", "2016-04-28").bytes(), refused);
    let missing = Refused::with(400, "MissingParameter", "missing-parameter", "\"Version\"");
    bench.refuses("none", &V1::attach().without("Version").bytes(), missing);
    bench.refuses("empty", &V1::attach().set("Version", "").bytes(), missing);
}

#[test]
fn row_33_other_operations_with_the_same_effect_are_refused() {
    let bench = Bench::new();
    let unknown =
        Refused::with(403, "Forbidden.NotSupportRAM", "unknown-operation", "is not one this gateway forwards");
    for action in ["RunInstances", "CreateInstance", "attachNetworkInterface", "AttachNetworkInterface ", "Attach*"] {
        bench.refuses(action, &V1::attach().set("Action", action).bytes(), unknown);
    }
    bench.refuses("V3", &V3::attach().signed("x-acs-action", "RunInstances").bytes(), unknown);
    let missing = Refused::with(400, "MissingParameter", "missing-parameter", "\"Action\"");
    bench.refuses("none", &V1::attach().without("Action").bytes(), missing);

    // Operations of the gateway's own catalogue are judged by their own action and parameters; the others are unknown.
    let bundled = |action: &str| Catalog::bundled().operation(action).is_some();
    let create = Caller::terway().calling("CreateNetworkInterface");
    let business = [("RegionId", "cn-hangzhou"), ("VSwitchId", "vsw-bp1demozoneh0000001"), ("InstanceId", INSTANCE)];
    let unsupported = Refused::with(400, "UnsupportedParameter", "unknown-parameter", "`InstanceId`");
    let refused = if bundled(&create.action) { unsupported } else { unknown };
    bench.refuses("an ENI created attached", &V1::from(&create, &business).bytes(), refused);

    let modify = Caller::alice().calling("ModifyNetworkInterfaceAttribute");
    let business = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", ENI)];
    let denied = Refused::with(403, "Forbidden.SubUser", "implicit-deny", "");
    let refused = if bundled(&modify.action) { denied } else { unknown };
    bench.refuses("an ENI modified", &V1::from(&modify, &business).bytes(), refused);

    for host in ["vpc.cn-hangzhou.aliyuncs.com", "eni.aliyuncs.com"] {
        let other_product = V1::attach().header("Host", host).bytes();
        bench.refuses(host, &other_product, Refused::with(400, "InvalidParameter", "host", "is not an ECS endpoint"));
    }
    assert_eq!(bench.upstream.requests(), [""; 0]);
    bench.forwards("the operation itself", &V1::attach().bytes(), &ATTACH);
}
