//! A JSON value as the XML that ECS makes of it: an object's members are elements, a list repeats its element.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use serde_json::Value;

pub(super) fn document(root: &str, value: &Value) -> String {
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
        let xml = document("R", &value);
        assert_eq!(
            xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><R><Count>2</Count>\
             <Sets><Set><Id>a</Id></Set><Set><Id>b</Id></Set></Sets></R>"
        );
    }
}
