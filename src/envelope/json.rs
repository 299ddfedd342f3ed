//! JSON as this program writes it: what callers and files put into its texts is seen, and moves no cursor.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::source::visible_json;

/// In one line.
pub fn json_text(value: &impl Serialize) -> String {
    // Room for a line of the audit log, so that it does not grow by copying.
    let mut json = Vec::with_capacity(3072);
    serde_json::to_writer(&mut json, value).expect("text and numbers make JSON");
    visible(String::from_utf8(json).expect("JSON is UTF-8"))
}

/// Indented.
pub fn json_lines(value: &impl Serialize) -> String {
    visible(serde_json::to_string_pretty(value).expect("text and numbers make JSON"))
}

/// A part of a line, whose length is known before the line is written.
pub fn json_part(value: &impl Serialize) -> Box<RawValue> {
    let part = to_raw_value(value).expect("text and numbers make JSON");
    match visible_json(part.get()) {
        Cow::Borrowed(_) => part,
        Cow::Owned(text) => RawValue::from_string(text).expect("it is JSON still"),
    }
}

fn visible(json: String) -> String {
    match visible_json(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(visible) => visible,
    }
}
