//! How much a caller without permissions can write to the logs.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::issuing::Issuing;
use crate::support::caller::attach_parameters;
use crate::support::schema::checked_lines;
use crate::support::{Caller, Shape, ask_many, ramgate};

fn ours(event: &Value) -> &Value {
    &event["additionalEventData"]["gateway"]
}

#[test]
fn a_flood_of_denials_is_counted_and_does_not_affect_other_principals() {
    let mut gateway = Issuing::with("");
    let (bob, alice) = (Caller::new("LTAI5tBob", "of-bob"), Caller::new("LTAI5tAlice", "of-alice"));
    let denied = ask_many(gateway.address, &(0..3000).map(|_| bob.attach(Shape::V3Query)).collect::<Vec<_>>());
    assert!(denied.iter().all(|answer| answer.status == 403 && answer.code() == "Forbidden.SubUser"));
    let log = fs::metadata(gateway.path("audit.jsonl")).unwrap().len();
    let lines = gateway.events().len();
    assert!(lines <= 1500 && log <= 3000 * 1200, "{lines} lines, {log} bytes");
    // Attempts that are nearly as large as the limits allow.
    let quotes = "\"".repeat(256);
    let names: Vec<String> = (0..80).map(|at| format!("P{at}")).collect();
    let mut business = attach_parameters().to_vec();
    business.extend(names.iter().map(|name| (name.as_str(), quotes.as_str())));
    ask_many(gateway.address, &(0..400).map(|_| bob.request(Shape::V1Form, &business)).collect::<Vec<_>>());
    let grown = fs::metadata(gateway.path("audit.jsonl")).unwrap().len() - log;
    assert!(grown < 2 << 20, "{grown}");
    // Another principal is answered and logged.
    let answer = gateway.ask(&alice.attach(Shape::V3Query));
    assert_eq!(answer.code(), "Forbidden.SubUser", "{answer:?}");
    assert_eq!(gateway.last_event()["userIdentity"]["userName"], "alice");
    let logged = gateway.server.stderr().len() + gateway.server.stdout().len();
    assert!(logged <= 3400 * 150, "{logged}");

    assert_eq!(gateway.server.terminate(Duration::from_secs(20)), Some(0));
    let text = fs::read_to_string(gateway.path("audit.jsonl")).unwrap();
    assert!(text.lines().all(|line| line.len() < 16 << 10));
    let events = checked_lines(&text);
    let of_bob: Vec<&Value> =
        events.iter().map(|line| &line["event"]).filter(|event| event["userIdentity"]["userName"] == "bob").collect();
    let (summaries, attempts): (Vec<&Value>, Vec<&Value>) =
        of_bob.into_iter().partition(|event| ours(event)["stage"] == "Summary");
    let counted: u64 = summaries.iter().map(|event| ours(event)["summary"]["attempts"].as_u64().unwrap()).sum();
    assert_eq!(attempts.len() as u64 + counted, 3400, "every attempt is logged or counted");

    // `audit stats` reports the same numbers.
    let stats =
        ramgate(gateway.folder.path(), &["audit", "stats", "--principal", "user/bob", "--format", "json"]).json();
    assert_eq!((&stats["attempts"], &stats["countedOnly"]), (&3400.into(), &counted.into()));
}
