//! Operations without a file: refused, judged on all resources, or forwarded without judging.

use crate::support::bench::forwarded;
use crate::support::caller::{FORM, SHAPES, Shape};
use crate::support::policies::policies;
use crate::support::{ACCOUNT, Answer, Bench, Caller, PROD_INSTANCE, Refused, Setup};
use ramgate::config::{OtherOperations, ResourceSource};
use ramgate::store::PolicyFiles;
use ramgate::testing::wire::Method;
use serde_json::Value;

/// The role may do everything in ECS, alice only on ENIs, carol everything but one operation; bob has no policies.
const ACCOUNT_FILE: &str = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"all\"]\n\
    [users.alice]\npolicies = [\"enis\"]\n[users.carol]\npolicies = [\"all\", \"no-regions\"]\n[users.bob]\n";
const ALL: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}]}"#;
const ENIS: &str =
    r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "acs:ecs:*:*:eni/*"}]}"#;
const NO_REGIONS: &str =
    r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Action": "ecs:DescribeRegions", "Resource": "*"}]}"#;

const REGION: (&str, &str) = ("RegionId", "cn-hangzhou");

#[test]
fn unknown_operations_are_refused_by_default() {
    let bench = bench(OtherOperations::default());
    for shape in SHAPES {
        let request = terway("DescribeRegions").request(shape, &[REGION]);
        let because = "`DescribeRegions` is not one this gateway forwards";
        bench.refuses("refuse", &request, Refused::with(403, "Forbidden.NotSupportRAM", "unknown-operation", because));
    }
}

#[test]
fn a_call_allowed_on_all_resources_is_forwarded_as_it_was_read() {
    let bench = bench(OtherOperations::Evaluate);
    let given =
        [REGION, ("Tag.1.Key", "a b"), ("Tag.1.Value", "%2B&=中"), ("InstanceId", PROD_INSTANCE), ("Empty", "")];
    let sent: Vec<_> = given.into_iter().chain([("Format", "JSON")]).collect();
    for shape in SHAPES {
        let caller = terway("StopInstance");
        let decision = bench.forwards("evaluate", &caller.request(shape, &given), &sent);
        let request = bench.upstream.requests().pop().unwrap();
        assert!(request.contains("x-acs-action: StopInstance\r\n"), "{request}");
        assert!(request.contains("x-acs-version: 2014-05-26\r\n"), "{request}");
        assert!(request.contains("Credential=LTAI5tGatewayItself0,"), "{request}");
        assert!(!request.contains(&caller.id), "{request}");
        for event in [decision, bench.gateway.last_event()] {
            assert_eq!(event["eventName"], "StopInstance");
            assert_eq!((&event["serviceName"], &event["apiVersion"]), (&"Ecs".into(), &"2014-05-26".into()));
            assert_eq!((&event["eventRW"], &event["resourceName"]), (&"Write".into(), &"*".into()));
            let judged = &event["additionalEventData"]["gateway"]["decision"];
            assert_eq!(judged["AuthAction"], "ecs:StopInstance");
            assert_eq!(judged["Resources"][0]["AuthResource"], "*");
            assert_eq!(judged["Resources"].as_array().unwrap().len(), 1);
            assert_eq!(judged["Resources"][0]["MatchedPolicies"].as_array().unwrap().len(), 1, "{event}");
        }
    }
}

#[test]
fn read_only_operations_are_judged_too() {
    let bench = bench(OtherOperations::Evaluate);
    let get = terway("DescribeRegions").request(Shape::V1Get, &[REGION]);
    bench.forwards("a read", &get, &[REGION, ("Format", "JSON")]);
    let because = "no statement allows it";
    let denied = Refused::with(403, "Forbidden.SubUser", "implicit-deny", because);
    bench.refuses("a read", &bob("DescribeRegions").request(Shape::V1Get, &[REGION]), denied);
}

#[test]
fn a_narrower_allow_and_an_explicit_deny_both_refuse_a_call() {
    let bench = bench(OtherOperations::Evaluate);
    let implicit = Refused::with(403, "Forbidden.SubUser", "implicit-deny", "implicit deny on *");
    bench.refuses("of ENIs only", &alice("DescribeRegions").request(Shape::V3Query, &[REGION]), implicit);
    assert_eq!(logged(&bench)["decision"]["ExplicitDeny"], false);
    let explicit = Refused::with(403, "Forbidden.SubUser", "explicit-deny", "denied by no-regions#0");
    bench.refuses("denied", &carol("DescribeRegions").request(Shape::V3Query, &[REGION]), explicit);
    assert_eq!(logged(&bench)["decision"]["ExplicitDeny"], true);
    assert_eq!(carol_calls(&bench, "DescribeZones").status, 200, "the Deny applies to one operation only");
}

/// The gateway does not know which resources such a call names, so it refuses if a statement depends on them.
#[test]
fn a_call_is_refused_if_a_statement_may_deny_it() {
    let deny = |rest: &str| {
        format!(r#"{{"Version": "1", "Statement": [{{"Effect": "Deny", "Action": "ecs:StopInstance", {rest}}}]}}"#)
    };
    let by_tag = r#""Condition": {"StringEquals": {"ecs:tag/env": "prod"}}"#;
    let cases = [
        deny(&format!(r#""Resource": "acs:ecs:*:*:instance/{PROD_INSTANCE}""#)),
        deny(&format!(r#""Resource": "*", {by_tag}"#)),
        r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*",
            "Condition": {"StringNotEquals": {"ecs:tag/env": "prod"}}}]}"#
            .to_owned(),
    ];
    for case in cases {
        let account = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"all\", \"narrow\"]\n\
            [users.alice]\n[users.bob]\n[users.carol]\n";
        let mut setup = setup(OtherOperations::Evaluate, policies(account, &[("all", ALL), ("narrow", &case)]));
        // Attributes cannot be looked up either.
        setup.settings.resources.source = ResourceSource::Upstream;
        let bench = Bench::with(setup);
        let because =
            "the resources that this operation names are not known, and a statement depends on them: narrow#0";
        let request = terway("StopInstance").request(Shape::V3Query, &[REGION, ("InstanceId", PROD_INSTANCE)]);
        bench.refuses(&case, &request, Refused::with(403, "Forbidden.SubUser", "implicit-deny", because));
        let other = bench.gateway.ask(&terway("DescribeRegions").request(Shape::V3Query, &[REGION]));
        assert_eq!(other.status, if case.contains("\"ecs:*\"") { 403 } else { 200 }, "{case}");
    }
}

#[test]
fn a_forwarded_operation_is_not_judged() {
    let bench = bench(OtherOperations::Forward);
    for caller in [bob("StopInstance"), alice("StopInstance"), carol("DescribeRegions"), terway("StopInstance")] {
        let request = caller.request(Shape::V1Query, &[REGION, ("InstanceId", "i-1")]);
        let sent = [REGION, ("InstanceId", "i-1"), ("Format", "JSON")];
        let decision = bench.forwards("forward", &request, &sent);
        let gateway = &decision["additionalEventData"]["gateway"];
        let reason = "Allow: no policy was evaluated: `other = \"forward\"` allows every caller";
        assert!(gateway["reason"].as_str().unwrap().eq_ignore_ascii_case(reason), "{decision}");
        assert_eq!((&gateway["stage"], &gateway["verdict"]), (&"Decision".into(), &"Allow".into()));
        assert_eq!(gateway["decision"]["Resources"][0]["MatchedPolicies"], Value::Array(Vec::new()));
        assert_eq!(gateway["decision"]["AuthAction"], format!("ecs:{}", caller.action));
    }
}

#[test]
fn operations_with_a_file_are_judged_under_every_setting() {
    for other in [OtherOperations::Refuse, OtherOperations::Evaluate, OtherOperations::Forward] {
        let bench = bench(other);
        let denied = Refused::with(403, "Forbidden.SubUser", "implicit-deny", "eni/eni-bp1demopod0000000001");
        bench.refuses("bob", &Caller::bob().attach(Shape::V3Query), denied);
        bench.forwards_attach("terway", &Caller::terway().attach(Shape::V3Query));
    }
}

#[test]
fn a_quarantined_principal_stays_quarantined() {
    let account = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"legacy\"]\n[users.alice]\n\
        [users.bob]\n[users.carol]\n[[quarantine]]\npolicy = \"legacy\"\nreason = \"old\"\nuntil = \"2999-01-01\"\n";
    let bench = with(OtherOperations::Forward, policies(account, &[("legacy", "{}")]));
    let request = terway("DescribeRegions").request(Shape::V3Query, &[REGION]);
    let refused = Refused::with(403, "Forbidden.SubUser", "implicit-deny", "under quarantine");
    bench.refuses("quarantine", &request, refused);
}

#[test]
fn owner_and_source_parameters_are_not_forwarded() {
    for other in [OtherOperations::Evaluate, OtherOperations::Forward] {
        let bench = bench(other);
        let own = [
            REGION,
            ("OwnerId", ACCOUNT),
            ("ResourceOwnerId", ACCOUNT),
            ("SourceIp", "203.0.113.9"),
            ("SecureTransport", "true"),
            ("on", "DescribeRegions"),
        ];
        let request = terway("DescribeRegions").request(Shape::V1Query, &own);
        let decision = bench.forwards("own account", &request, &[REGION, ("Format", "JSON")]);
        let left_out = &decision["additionalEventData"]["gateway"]["leftOut"];
        assert_eq!(*left_out, serde_json::json!(["OwnerId", "ResourceOwnerId", "SourceIp", "SecureTransport", "on"]));
        for owner in ["OwnerId", "OwnerAccount", "ResourceOwnerId", "ResourceOwnerAccount"] {
            let request = terway("DescribeRegions").request(Shape::V1Query, &[REGION, (owner, "2")]);
            let because = "names an account other than the caller's";
            let refused = Refused::with(400, "UnsupportedParameter", "unknown-parameter", because);
            bench.refuses(owner, &request, refused);
        }
    }
}

#[test]
fn names_with_a_second_reading_are_refused() {
    let bench = bench(OtherOperations::Forward);
    let look_alikes = [
        "ownerid",
        "Owner-Id",
        "OwnerId.1",
        "sourceip",
        "Source_Ip",
        "regionid",
        "Region.Id",
        "accesskeyid",
        "action",
        "x-acs-source-ip",
        "X_Acs_Proxy_Source_Ip",
    ];
    for name in look_alikes {
        let request = terway("DescribeRegions").request(Shape::V1Query, &[REGION, (name, "x")]);
        bench.refuses(name, &request, Refused::two_readings("resembles"));
    }
    let both = terway("StopInstance").request(Shape::V1Query, &[REGION, ("InstanceId", "i-1"), ("instanceid", "i-2")]);
    bench.refuses("by case", &both, Refused::two_readings("`instanceid` resembles `InstanceId`"));
    for name in ["AccessKeySecret", "MySignature", "X-Authorization"] {
        let request = terway("DescribeRegions").request(Shape::V1Query, &[REGION, (name, "hunter2")]);
        let refused = Refused::with(
            400,
            "UnsupportedParameter",
            "unknown-parameter",
            "may hold a credential, and credentials are never forwarded",
        );
        bench.refuses(name, &request, refused);
        assert!(!bench.gateway.last_event().to_string().contains("hunter2"));
    }
}

#[test]
fn names_reserved_for_the_vendors_front_end_are_refused() {
    let inner = [
        "CallerUid",
        "calleruid",
        "Caller_Uid",
        "caller-uid",
        "Caller.Uid",
        "CallerUid.1",
        "AliUid",
        "ali_uid",
        "SourceAddress",
        "source.address",
        "proxy_original_source_ip",
        "ProxyOriginalSourceIp",
        "Proxy_trust_transport_info",
        "Security_transport",
        "Ak_mfa_present",
        "AkProxy",
        "App_ip",
        "StsTokenCallerUid",
        "OwnerIdLoginEmail",
        "RequestContent",
        "AccountId",
        "Product",
    ];
    for other in [OtherOperations::Evaluate, OtherOperations::Forward] {
        let bench = bench(other);
        for name in inner {
            for shape in [Shape::V1Query, Shape::V3Form] {
                let request = terway("StopInstance").request(shape, &[REGION, (name, "1")]);
                let because = "reserved for the vendor's own API front end";
                let refused = Refused::with(400, "UnsupportedParameter", "unknown-parameter", because);
                bench.refuses(name, &request, refused);
            }
        }
    }
}

#[test]
fn a_password_is_forwarded_but_not_logged() {
    let bench = bench(OtherOperations::Evaluate);
    let secret = [("Password", "hunter2"), ("VncPassword", "hunter2"), ("UserData", "hunter2")];
    let given: Vec<_> = secret.into_iter().chain([REGION]).collect();
    assert_eq!(bench.gateway.ask(&terway("RunInstances").request(Shape::V3Form, &given)).status, 200);
    let sent = forwarded(&bench.upstream.requests()[0]);
    assert!(secret.iter().all(|(name, value)| sent[*name] == *value), "{sent:?}");
    for event in bench.gateway.events() {
        assert!(!event.to_string().contains("hunter2"), "{event}");
    }
}

/// A space takes one byte in a form, and three in the forwarded query.
#[test]
fn a_call_that_is_too_long_to_be_rebuilt_is_refused() {
    let bench = bench(OtherOperations::Evaluate);
    let longest = " ".repeat(60_000);
    let given = [REGION, ("Description", longest.as_str())];
    let request = with_blanks(&terway("RunInstances"), &given);
    let refused = Refused::with(413, "InvalidParameter", "query-too-large", "is too long to forward");
    bench.refuses("blanks", &request, refused);
    let shorter = " ".repeat(19_000);
    let given = [REGION, ("Description", shorter.as_str())];
    assert_eq!(bench.gateway.ask(&with_blanks(&terway("RunInstances"), &given)).status, 200);
    assert_eq!(forwarded(&bench.upstream.requests()[0])["Description"], shorter);
}

fn with_blanks(caller: &Caller, given: &[(&str, &str)]) -> Vec<u8> {
    let form = caller.v1_query(Method::Post, given).replace("%20", "+");
    caller.raw("POST", "/", &[FORM], &form)
}

#[test]
fn an_operation_name_that_resembles_a_known_one_is_refused() {
    for other in [OtherOperations::Evaluate, OtherOperations::Forward] {
        let bench = bench(other);
        for name in ["attachnetworkinterface", "ATTACHNETWORKINTERFACE", "attachNetworkInterface"] {
            let request = terway(name).attach(Shape::V1Query);
            bench.refuses(name, &request, Refused::two_readings("resembles `AttachNetworkInterface`"));
        }
        let unknown = |because| Refused::with(403, "Forbidden.NotSupportRAM", "unknown-operation", because);
        for name in ["Stop-Instance", "Stop.Instance", "*", "Stop*", "2Stop", "中", &"A".repeat(65)] {
            let request = terway(name).request(Shape::V1Query, &[REGION]);
            bench.refuses(name, &request, unknown("is not one this gateway forwards"));
        }
        let mut elder = terway("DescribeRegions");
        elder.version = "2013-01-10".to_owned();
        let request = elder.request(Shape::V1Query, &[REGION]);
        bench.refuses("a version", &request, Refused::with(400, "InvalidParameter", "version", "2014-05-26"));
    }
}

#[test]
fn a_region_is_required_and_must_be_served() {
    let bench = bench(OtherOperations::Forward);
    let missing = Refused::with(400, "MissingParameter", "missing-parameter", "\"RegionId\"");
    bench.refuses("none", &terway("DescribeRegions").request(Shape::V3Query, &[]), missing);
    let elsewhere = Refused::with(400, "Forbidden.RegionId", "region-not-served", "`cn-beijing` is not served here");
    let request = terway("DescribeRegions").request(Shape::V3Query, &[("RegionId", "cn-beijing")]);
    bench.refuses("another", &request, elsewhere);
    let malformed = Refused::with(400, "InvalidOperation.InvalidRegion", "malformed-region", "is not a region id");
    bench.refuses("invalid", &terway("DescribeRegions").request(Shape::V3Query, &[("RegionId", "x y")]), malformed);
}

fn carol_calls(bench: &Bench, operation: &str) -> Answer {
    bench.gateway.ask(&carol(operation).request(Shape::V3Query, &[REGION]))
}

fn logged(bench: &Bench) -> Value {
    bench.gateway.last_event()["additionalEventData"]["gateway"].clone()
}

fn bench(other: OtherOperations) -> Bench {
    with(other, policies(ACCOUNT_FILE, &[("all", ALL), ("enis", ENIS), ("no-regions", NO_REGIONS)]))
}

fn with(other: OtherOperations, policies: PolicyFiles) -> Bench {
    Bench::with(setup(other, policies))
}

fn setup(other: OtherOperations, policies: PolicyFiles) -> Setup {
    let keyring = "[[access_key]]\nid = \"LTAI5tCarolTest00000\"\nsecret = \"carol's\"\nprincipal = \"user/carol\"\n";
    let mut setup = Setup { policies, keyring: keyring.to_owned(), ..Setup::default() };
    setup.settings.operations.other = other;
    setup
}

fn terway(operation: &str) -> Caller {
    Caller::terway().calling(operation)
}

fn alice(operation: &str) -> Caller {
    Caller::alice().calling(operation)
}

fn bob(operation: &str) -> Caller {
    Caller::bob().calling(operation)
}

fn carol(operation: &str) -> Caller {
    Caller::new("LTAI5tCarolTest00000", "carol's").calling(operation)
}

/// It is not known whether an Allow with a negated tag condition applies. An Allow that requires a tag does not apply.
#[test]
fn an_allow_with_a_negated_tag_condition_refuses_if_tags_are_not_known() {
    for (operator, status) in [("StringNotEquals", 403), ("StringNotLike", 403), ("StringEquals", 200)] {
        for key in ["acs:ResourceTag/env", "ecs:tag/env"] {
            let narrow = format!(
                r#"{{"Version": "1", "Statement": [{{"Effect": "Allow", "Action": "ecs:StopInstance", "Resource": "*",
                    "Condition": {{"{operator}": {{"{key}": "prod"}}}}}}]}}"#
            );
            let account = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"all\", \"narrow\"]\n\
                [users.alice]\n[users.bob]\n[users.carol]\n";
            let mut setup = setup(OtherOperations::Evaluate, policies(account, &[("all", ALL), ("narrow", &narrow)]));
            setup.settings.resources.source = ResourceSource::Upstream;
            let bench = Bench::with(setup);
            let stop = terway("StopInstance").request(Shape::V3Query, &[REGION, ("InstanceId", PROD_INSTANCE)]);
            assert_eq!(bench.gateway.ask(&stop).status, status, "{operator} {key}");
        }
    }
}

/// ECS may supply the key, but the gateway cannot. A Deny that depends on it refuses, and an Allow does not apply.
#[test]
fn conditions_on_unknown_keys_refuse_the_call() {
    let document = |statements: &str| format!(r#"{{"Version": "1", "Statement": [{statements}]}}"#);
    let statement = |effect: &str, operator: &str, key: &str| {
        format!(
            r#"{{"Effect": "{effect}", "Action": "ecs:RunInstances", "Resource": "*",
                "Condition": {{"{operator}": {{"{key}": "x"}}}}}}"#
        )
    };
    let account = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"all\", \"narrow\"]\n\
        [users.alice]\npolicies = [\"narrow\"]\n[users.bob]\n[users.carol]\n";
    for key in ["ecs:InstanceType", "vpc:VPC", "acs:SourceVpc", "acs:Unheard", "acs:RequestTag/env", "acs:TagKeys"] {
        for operator in ["StringEquals", "StringNotEquals", "StringLike"] {
            let label = format!("{operator} {key}");
            let deny = document(&statement("Deny", operator, key));
            let bench = with(OtherOperations::Evaluate, policies(account, &[("all", ALL), ("narrow", &deny)]));
            let run = |caller: Caller| caller.request(Shape::V3Query, &[REGION, ("InstanceType", "y")]);
            let because = "a Deny cannot be ruled out: narrow#0";
            let refused = Refused::with(403, "Forbidden.SubUser", "implicit-deny", because);
            bench.refuses(&label, &run(terway("RunInstances")), refused);
            let gateway = logged(&bench);
            assert!(gateway["reason"].as_str().unwrap().contains(&format!("condition key `{key}`")), "{gateway}");
            assert_eq!(gateway["decision"]["ExplicitDeny"], false, "{label}");
            bench.forwards(&label, &run(terway("StopInstance")), &[REGION, ("InstanceType", "y"), ("Format", "JSON")]);
            let allow = document(&statement("Allow", operator, key));
            let bench = with(OtherOperations::Evaluate, policies(account, &[("all", ALL), ("narrow", &allow)]));
            let because = "no statement allows it; nearest: narrow#0";
            let refused = Refused::with(403, "Forbidden.SubUser", "implicit-deny", because);
            bench.refuses(&label, &run(alice("RunInstances")), refused);
        }
    }
}

/// The tags that a call sets are known, so that conditions on them can be decided.
#[test]
fn conditions_on_the_tags_of_a_call_decide() {
    let deny = r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Action": "ecs:CreateNetworkInterface",
        "Resource": "*", "Condition": {"StringEquals": {"acs:RequestTag/env": "prod"}}}]}"#;
    let account = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"all\", \"narrow\"]\n\
        [users.alice]\n[users.bob]\n[users.carol]\n";
    let all = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let bench = with(OtherOperations::Refuse, policies(account, &[("all", all), ("narrow", deny)]));
    let create = |tags: &[(&'static str, &'static str)]| {
        let parameters: Vec<_> =
            [REGION, ("VSwitchId", "vsw-bp1demo")].into_iter().chain(tags.iter().copied()).collect();
        terway("CreateNetworkInterface").request(Shape::V3Query, &parameters)
    };
    let explicit = || Refused::with(403, "Forbidden.SubUser", "explicit-deny", "denied by narrow#0");
    bench.refuses("prod", &create(&[("Tag.1.Key", "env"), ("Tag.1.Value", "prod")]), explicit());
    let second = [("Tag.1.Key", "a"), ("Tag.1.Value", "b"), ("Tag.7.Key", "env"), ("Tag.7.Value", "prod")];
    bench.refuses("prod, the second", &create(&second), explicit());
    let conditions = logged(&bench)["decision"]["AuthConditions"].to_string();
    assert!(conditions.contains(r#"{"ConditionKey":"acs:RequestTag/env","ConditionValues":["prod"]}"#), "{conditions}");
    assert!(conditions.contains(r#"{"ConditionKey":"acs:TagKeys","ConditionValues":["a","env"]}"#), "{conditions}");
    for tags in [&[][..], &[("Tag.1.Key", "env"), ("Tag.1.Value", "dev")], &[("Tag.1.Key", "env")]] {
        let answer = bench.gateway.ask(&create(tags));
        assert_eq!(answer.status, 200, "{tags:?}: {answer:?} {}", bench.gateway.last_event());
    }
    let twice = [("Tag.1.Key", "env"), ("Tag.1.Value", "dev"), ("Tag.2.Key", "env"), ("Tag.2.Value", "prod")];
    bench.refuses("two values", &create(&twice), Refused::two_readings("repeats a tag key"));
}
