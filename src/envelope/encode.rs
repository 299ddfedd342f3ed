//! JSON and XML as this program writes them. In JSON, invisible characters are escaped, so that the text of a caller or
//! file cannot manipulate a terminal.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::text::visible_json;

/// A value as one line of JSON.
pub(crate) fn json_text(value: &impl Serialize) -> String {
    // Enough for a line of the audit log, so that the buffer need not grow.
    let mut json = Vec::with_capacity(3072);
    serde_json::to_writer(&mut json, value).expect("text and numbers make JSON");
    visible(String::from_utf8(json).expect("JSON is UTF-8"))
}

/// A value as indented JSON.
pub(crate) fn json_lines(value: &impl Serialize) -> String {
    visible(serde_json::to_string_pretty(value).expect("text and numbers make JSON"))
}

/// A part of a line of JSON, for callers that must know its length before they write the line.
pub(crate) fn json_part(value: &impl Serialize) -> Box<RawValue> {
    let part = to_raw_value(value).expect("text and numbers make JSON");
    match visible_json(part.get()) {
        Cow::Borrowed(_) => part,
        Cow::Owned(text) => RawValue::from_string(text).expect("it is still JSON"),
    }
}

fn visible(json: String) -> String {
    match visible_json(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(visible) => visible,
    }
}

pub(super) fn xml_document(root: &str, value: &Value) -> String {
    let mut writer = Writer::new(Vec::new());
    let written = writer
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| element(&mut writer, root, value));
    written.expect("writing to memory");
    String::from_utf8(writer.into_inner()).expect("the value is text")
}

fn element(writer: &mut Writer<Vec<u8>>, name: &str, value: &Value) -> io::Result<()> {
    if let Value::Array(items) = value {
        return items.iter().try_for_each(|item| element(writer, name, item));
    }
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| element(writer, name, value))?,
        Value::String(text) => writer.write_event(Event::Text(BytesText::new(text)))?,
        Value::Null | Value::Array(_) => {}
        other => writer.write_event(Event::Text(BytesText::new(&other.to_string())))?,
    }
    writer.write_event(Event::End(BytesEnd::new(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_repeats_its_element() {
        let value = serde_json::json!({"Sets": {"Set": [{"Id": "a"}, {"Id": "b"}]}, "Count": 2});
        let xml = xml_document("R", &value);
        assert_eq!(
            xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><R><Count>2</Count>\
             <Sets><Set><Id>a</Id></Set><Set><Id>b</Id></Set></Sets></R>"
        );
    }
}
