//! Logged sessions judged again, by the role's policies and by the session policy if the log has it.

use std::fs;

use serde_json::json;

use super::issuing::{Issued, Issuing};
use crate::support::schema::checked_lines;
use crate::support::{Shape, ramgate};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/issuer");

#[test]
fn a_session_is_replayed_with_its_session_policy() {
    let gateway = Issuing::start();
    let token = gateway.token();
    let policy = json!({ "Version": "1", "Statement": [{ "Effect": "Deny", "Action": "*", "Resource": "*" }] });
    let policy = policy.to_string();
    let mut form = gateway.form(&token);
    form.push(("Policy", &policy));
    let narrow = Issued::of(&gateway.with_oidc(&form));
    assert_eq!(gateway.attach(&narrow, Shape::V1Query).status, 403);
    assert_eq!(gateway.attach(&gateway.issued(), Shape::V3Query).status, 200);
    let replay =
        |log: &str| ramgate(gateway.folder.path(), &["replay", log, "--policies", FIXTURES, "--format", "json"]);
    let whole = replay("audit.jsonl");
    assert_eq!(whole.status, 0, "{whole:?}");
    assert_eq!((&whole.json()["replayed"], &whole.json()["same"]), (&json!(2), &json!(2)), "{whole:?}");

    // The session policy is unknown if the line that starts the session is missing or was edited.
    let text = fs::read_to_string(gateway.path("audit.jsonl")).unwrap();
    checked_lines(&text);
    let cut: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let edited = text.replace(r#"\"Effect\":\"Deny\""#, r#"\"Effect\":\"Allow\""#);
    for (name, text) in [("cut.jsonl", cut), ("edited.jsonl", edited)] {
        fs::write(gateway.path(name), text).unwrap();
        let found = replay(name).json();
        assert_eq!(found["replayed"], 1, "{found}");
        let reason = found["not_replayed"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("its session policy is not in these logs"), "{found}");
    }
}
