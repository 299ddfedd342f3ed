//! Text for people, or JSON for programs.

use serde::Serialize;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OutputFormat {
    #[default]
    Text,
    Json,
}

/// Prints a value as one JSON document that carries `"schema": 1`.
pub(super) fn print_json(value: impl Serialize) {
    let mut document = json!({ "schema": 1 });
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    match (&mut document, value) {
        (Value::Object(document), Value::Object(members)) => document.extend(members),
        (document, other) => document["value"] = other,
    }
    println!("{document:#}");
}
