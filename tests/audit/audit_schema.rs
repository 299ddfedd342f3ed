//! The schema of the log's lines is strict. (That written lines satisfy it is checked by the tests' support code, on
//! each line it reads.)

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::support::program::Server;
use crate::support::schema::{checked_lines, faults, schema};
use crate::support::{Caller, Setup, Shape, TestGateway, ask, program};
use serde_json::{Value, json};

#[test]
fn the_schema_is_a_valid_json_schema() {
    assert!(jsonschema::meta::is_valid(&schema()));
}

#[test]
fn the_schema_rejects_unknown_missing_and_malformed_fields() {
    let gateway = TestGateway::start(Setup::default());
    assert_eq!(gateway.ask(&Caller::bob().attach(Shape::V3Query)).status, 403);
    let good = json!({ "seq": 1, "prev": "0".repeat(64), "event": gateway.last_event() });
    assert_eq!(faults(&good), Vec::<String>::new());
    let ours = "/event/additionalEventData/gateway";
    for (place, value) in [
        ("/seq", json!(0)),
        ("/prev", json!("A".repeat(64))),
        ("/event/colour", json!("red")),
        (&format!("{ours}/colour"), json!("red")),
        (&format!("{ours}/decision/Resources/0/Colour"), json!("red")),
        ("/event/userIdentity/accessKeyId", json!("LTAI5tDemoBob0000000")),
        ("/event/requestParameters/SecurityToken", json!("x")),
        ("/event/requestParameters/Signature", json!("x")),
        ("/event/userAgent", json!("x".repeat(300))),
        ("/event/eventTime", json!("2026-01-01T00:00:00.5Z")),
        (&format!("{ours}/verdict"), json!("Perhaps")),
        (&format!("{ours}/accessKeyTag"), json!("LTAI5tDemoBob0000000")),
    ] {
        let (parent, name) = place.rsplit_once('/').unwrap();
        let mut bad = good.clone();
        bad.pointer_mut(parent).unwrap()[name] = value;
        assert!(!faults(&bad).is_empty(), "{place}");
    }
    for (parent, name) in
        [("", "prev"), ("/event", "eventId"), (ours, "decision"), (ours, "chain"), (ours, "httpStatus")]
    {
        let mut bad = good.clone();
        bad.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        assert!(!faults(&bad).is_empty(), "without {parent}/{name}");
    }
}

fn tag(event: &Value) -> String {
    event["additionalEventData"]["gateway"]["accessKeyTag"].as_str().unwrap().to_owned()
}

#[test]
fn the_tag_of_an_access_key_is_stable_within_a_log_and_differs_between_logs() {
    let start =
        |folder: &Path| Server::start(&mut program(folder, &["serve", "--listen", "127.0.0.1:0"]), "Ctrl-C stops");
    let attach = |server: &Server, caller: &Caller| {
        let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
        ask(address, &caller.attach(Shape::V1Query))
    };
    let tags = |folder: &Path| -> Vec<String> {
        let lines = checked_lines(&fs::read_to_string(folder.join("audit.jsonl")).unwrap());
        lines.iter().map(|line| tag(&line["event"])).collect()
    };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // The key behind the tags survives a restart.
    for _ in 0..2 {
        let mut server = start(one.path());
        attach(&server, &Caller::alice());
        attach(&server, &Caller::bob());
        assert_eq!(server.terminate(Duration::from_secs(5)), Some(0));
    }
    let server = start(other.path());
    attach(&server, &Caller::bob());
    let (first, second) = (tags(one.path()), tags(other.path()));
    let bob = first.last().unwrap();
    assert_eq!(first.iter().filter(|tag| *tag == bob).count(), 2, "{first:?}");
    assert_eq!(first.iter().filter(|tag| **tag == first[0]).count(), first.len() - 2, "{first:?}");
    assert!(!second.contains(bob), "another log has another key for tags");
    let file = one.path().join("audit.tag-key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(&file).unwrap();
    assert!(!fs::read_to_string(one.path().join("audit.jsonl")).unwrap().contains(secret.trim()));

    fs::write(&file, "short\n").unwrap();
    let refused = crate::support::ramgate(one.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("`audit.tag-key` is not a valid tag key, which is 64 hexadecimal digits"),
        "{refused:?}"
    );
}
