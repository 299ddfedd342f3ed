//! Validation of audit log lines against the schema that ships with the project.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../schema/audit-line.schema.json");

static LINE: LazyLock<Validator> = LazyLock::new(|| jsonschema::validator_for(&schema()).unwrap());

/// For bare events, as an in-memory sink keeps them.
static EVENT: LazyLock<Validator> = LazyLock::new(|| {
    let mut schema = schema();
    let definitions = schema["$defs"].take();
    jsonschema::validator_for(&json!({ "$ref": "#/$defs/event", "$defs": definitions })).unwrap()
});

pub fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// The schema violations of a line.
pub fn faults(line: &Value) -> Vec<String> {
    LINE.iter_errors(line).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Checks that a log line matches the schema.
pub fn check_line(line: &Value) {
    let faults = faults(line);
    assert!(faults.is_empty(), "this line does not match the schema: {faults:#?}\n{line:#}");
}

/// Checks that a bare event, as an in-memory sink keeps it, matches the schema.
pub fn check_event(event: &Value) {
    let faults: Vec<String> =
        EVENT.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "this event does not match the schema: {faults:#?}\n{event:#}");
}

/// The lines of a log's text, each checked against the schema.
pub fn checked_lines(text: &str) -> Vec<Value> {
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter().for_each(check_line);
    lines
}
