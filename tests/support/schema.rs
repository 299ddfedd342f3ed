//! Lines of the audit log against the schema that ships with the project.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../schema/audit-line.schema.json");

static LINE: LazyLock<Validator> = LazyLock::new(|| jsonschema::validator_for(&schema()).unwrap());

/// For events by themselves, as a sink in memory has them.
static EVENT: LazyLock<Validator> = LazyLock::new(|| {
    let mut schema = schema();
    let definitions = schema["$defs"].take();
    jsonschema::validator_for(&json!({ "$ref": "#/$defs/event", "$defs": definitions })).unwrap()
});

pub fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// What is wrong with a line, in words.
pub fn faults(line: &Value) -> Vec<String> {
    LINE.iter_errors(line).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Checks a line of a log.
pub fn check_line(line: &Value) {
    let faults = faults(line);
    assert!(faults.is_empty(), "the schema does not know this line: {faults:#?}\n{line:#}");
}

/// Checks an event of a sink in memory.
pub fn check_event(event: &Value) {
    let faults: Vec<String> =
        EVENT.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "the schema does not know this event: {faults:#?}\n{event:#}");
}

/// All lines of a log's text, checked.
pub fn checked_lines(text: &str) -> Vec<Value> {
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter().for_each(check_line);
    lines
}
