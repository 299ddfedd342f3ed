//! `audit::read`: lines of the gateway's log and ActionTrail events, in every form of delivery, become one type.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use ramgate::audit::read::{Event, Events, Located, ReadError, Stage, Verdict, Wanted, inputs};
use serde_json::{Value, json};

const SIX: &str = "tests/fixtures/audit/chain-of-six.jsonl";

fn read(path: &Path) -> Vec<Result<Located, ReadError>> {
    Events::new(inputs(&[path.to_owned()], Wanted::Events).unwrap().inputs).collect()
}

fn events(path: &Path) -> Vec<Event> {
    read(path).into_iter().map(|read| read.unwrap().event).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_field_of_the_gateways_lines_is_read() {
    let found: Vec<Located> = read(Path::new(SIX)).into_iter().map(Result::unwrap).collect();
    assert_eq!(found.iter().map(|line| line.seq.unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(found[3].place.to_string(), format!("{SIX}:4"));
    let denied = &found[3].event;
    assert_eq!(denied.time.to_string(), "2026-03-01T08:00:09Z");
    assert_eq!(denied.name, "AttachNetworkInterface");
    assert_eq!(denied.service.as_deref(), Some("Ecs"));
    assert_eq!(denied.api_version.as_deref(), Some("2014-05-26"));
    assert_eq!(denied.region.as_deref(), Some("cn-hangzhou"));
    assert_eq!(denied.access.as_deref(), Some("Write"));
    assert_eq!(denied.host.as_deref(), Some("ecs.cn-hangzhou.aliyuncs.com"));
    assert_eq!(denied.address().unwrap().to_string(), "203.0.113.99");
    assert_eq!(denied.transport(), Some("https"));
    assert_eq!(denied.user.session(), Some(("terway-role", "terway-node-7")));
    assert_eq!(denied.user.arn().as_deref(), Some("acs:ram::1234567890123456:role/terway-role"));
    assert_eq!(denied.user.mfa, Some(false));
    let names: Vec<&str> = denied.parameters.iter().map(|(name, _)| name.as_str()).collect();
    let in_order = ["RegionId", "NetworkInterfaceId", "InstanceId", "stsTokenPrincipalName", "stsTokenPlayerUid"];
    assert_eq!(names, in_order);
    assert_eq!(denied.parameter("InstanceId"), Some("i-bp16qstyvxj9gpqw0001"));
    let resources = denied.resources();
    let resources: Vec<(&str, &str)> = resources.iter().map(|resource| (&*resource.kind, &*resource.name)).collect();
    let expected =
        [("ACS::ECS::NetworkInterface", "eni-bp17pdijfczax1huji01"), ("ACS::ECS::Instance", "i-bp16qstyvxj9gpqw0001")];
    assert_eq!(resources, expected);
    assert_eq!(denied.error().unwrap().code, "Forbidden.SubUser");
    let gateway = denied.gateway().unwrap();
    assert_eq!((&gateway.stage, &gateway.verdict, gateway.last), (&Stage::Decision, &Verdict::ExplicitDeny, true));
    assert_eq!((gateway.http_status, gateway.signature.verified), (Some(403), true));
    let decision = gateway.decision.as_ref().unwrap();
    assert_eq!(decision.action, "ecs:AttachNetworkInterface");
    assert_eq!(
        decision.matched().map(ramgate::audit::read::MatchedStatement::place).collect::<Vec<_>>(),
        ["OfficeOnly#1", "OfficeOnly#1"]
    );
    assert_eq!(decision.conditions()[0].values, ["203.0.113.99"]);
    let outcome = found[1].event.gateway().unwrap();
    assert_eq!(outcome.stage, Stage::Outcome);
    assert!(outcome.upstream.as_ref().unwrap().latency_ms.is_some());
    assert!(found[1].event.error().is_none());
    assert_eq!(found[5].event.user.arn(), None, "an unknown caller has no ARN");
}

#[test]
fn actiontrail_events_are_read_in_every_form_of_delivery() {
    let events_written = [attach("eni-a"), attach("eni-b"), old_form()];
    let folder = tempfile::tempdir().unwrap();
    let lines = |wrap: fn(&Value) -> Value| -> Vec<u8> {
        let lines = events_written.iter().map(|event| format!("{}\n", wrap(event)));
        lines.collect::<String>().into_bytes()
    };
    let array = serde_json::to_vec(&events_written).unwrap();
    let pretty = serde_json::to_vec_pretty(&events_written).unwrap();
    let several: Vec<u8> = events_written.iter().flat_map(|event| format!("{event:#}\n").into_bytes()).collect();
    let deliveries = [
        ("lines.jsonl", lines(Value::clone)),
        ("log-service.json", lines(|event| json!({ "__topic__": "actiontrail_event", "event": event }))),
        ("as-text.json", lines(|event| json!({ "event": event.to_string() }))),
        ("array.json", array.clone()),
        ("pretty.json", pretty.clone()),
        ("several.json", several),
        ("Actiontrail_cn-hangzhou.gz", gzip(&array)),
        ("two-members.gz", [gzip(&pretty[..700]), gzip(&pretty[700..])].concat()),
        ("named-like-a-plain-file.json", gzip(&lines(Value::clone))),
    ];
    let mut first: Option<Vec<Event>> = None;
    for (name, bytes) in deliveries {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let found = events(&path);
        assert_eq!(found.len(), 3, "{name}");
        assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{name}");
    }
    let found = first.unwrap();
    assert_eq!(found[0].user.session(), Some(("terway", "node-7")));
    assert_eq!(found[0].parameter("NetworkInterfaceId"), Some("eni-a"));
    assert_eq!(found[0].parameter("Index"), Some("3"), "a number is read as text");
    assert_eq!(found[0].parameter("Nested"), Some("{\"a\":[1]}"));
    assert!(found[0].error().is_none(), "an empty code means no error");
    assert!(found[0].gateway().is_none());
    assert_eq!(found[2].user.mfa, Some(true));
    assert_eq!(found[2].user.arn().as_deref(), Some("acs:ram::1234567890123456:root"));
    let resources = found[2].resources();
    let resources: Vec<(&str, &str)> = resources.iter().map(|resource| (&*resource.kind, &*resource.name)).collect();
    assert_eq!(resources, [("Instance", "i-1"), ("Instance", "i-2"), ("VSwitch", "vsw-1")]);
}

#[test]
fn lines_that_are_not_events_are_reported_with_their_place_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.jsonl");
    let good = attach("eni-a").to_string();
    let long = format!("{{\"eventName\":\"{}\"}}", "x".repeat(2 << 20));
    let no_time = json!({ "eventName": "A", "eventTime": "yesterday" });
    let text = format!("{good}\nhello\n\n[1]\n{{\"seq\":1}}\n{no_time}\n{long}\n{good}\n{}", &good[..100]);
    fs::write(&path, text).unwrap();
    let errors: Vec<String> = read(&path)
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.to_string().replace(&format!("{}:", path.display()), ""))
        .collect();
    assert_eq!(errors.len(), 6, "{errors:#?}");
    assert!(errors[0].starts_with("2: it is not the JSON object of an event: "), "{errors:#?}");
    assert!(errors[1].starts_with("4: "), "{errors:#?}");
    assert!(errors[2].starts_with("5: it is not an event: missing field `event"), "{errors:#?}");
    assert!(errors[3].starts_with("6: it is not an event: `yesterday` is not a valid time at line 1"), "{errors:#?}");
    assert_eq!(errors[4], "7: it is longer than 1048576 bytes");
    assert!(errors[5].starts_with("9: ") && errors[5].ends_with("; the file ends in the middle of it"), "{errors:#?}");
    assert_eq!(read(&path).iter().filter(|read| read.is_ok()).count(), 2);
}

#[test]
fn a_truncated_or_missing_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let cut = gzip(&fs::read(SIX).unwrap());
    let path = folder.path().join("cut.jsonl.gz");
    fs::write(&path, &cut[..cut.len() / 2]).unwrap();
    assert!(matches!(read(&path).last(), Some(Err(ReadError::File { .. }))));
    let missing = Events::new(vec![ramgate::audit::read::Input::File(PathBuf::from("absent.jsonl"))]).next();
    assert!(matches!(missing, Some(Err(ReadError::File { .. }))));
}

fn attach(eni: &str) -> Value {
    json!({
        "eventId": "11111111-2222-3333-4444-555555555555", "eventVersion": 1, "eventType": "ApiCall",
        "eventName": "AttachNetworkInterface", "eventTime": "2026-03-01T08:00:00Z", "acsRegion": "cn-hangzhou",
        "serviceName": "Ecs", "apiVersion": "2014-05-26", "requestId": "R", "errorCode": "", "isGlobal": false,
        "sourceIpAddress": "ecs.aliyuncs.com", "userAgent": "[\"}\\", "additionalEventData": { "Scheme": "http" },
        "requestParameters": { "NetworkInterfaceId": eni, "Index": 3, "Nested": { "a": [1] }, "Absent": null },
        "userIdentity": {
            "type": "assumed-role", "accountId": "1234567890123456", "userName": "terway:node-7",
            "principalId": "3:node-7", "sessionContext": { "attributes": { "mfaAuthenticated": "false" } },
        },
    })
}

fn old_form() -> Value {
    json!({
        "eventName": "StopInstances", "eventTime": "2015-11-03T13:41:49Z", "additionalEventData": "",
        "resourceType": "Instance;VSwitch", "resourceName": "i-1,i-2;vsw-1",
        "userIdentity": {
            "type": "root-account", "accountId": "1234567890123456", "userName": "root",
            "sessionContext": { "sessionAttributes": { "mfaAuthenticated": "true" } },
        },
    })
}
