//! The envelope that all refusals have in common (`docs/spec/wire-protocol.md` 5.2 and 5.3).

use super::Answer;

/// Every value is a string, in the envelope and in `AccessDeniedDetail`.
const FIELDS: [&str; 5] = ["RequestId", "HostId", "Code", "Message", "Recommend"];

/// Checks the envelope of a refusal in the requested format, `JSON` or `XML`.
pub fn check(answer: &Answer, format: &str, situation: &str) {
    assert!((400..600).contains(&answer.status), "{situation}: {answer:?}");
    let kind = if format == "JSON" { "application/json;charset=utf-8" } else { "text/xml;charset=utf-8" };
    assert_eq!(answer.header("content-type"), Some(kind), "{situation}: {answer:?}");
    assert_eq!(answer.header("x-acs-request-id"), Some(answer.field("RequestId").as_str()), "{situation}");
    assert_eq!(answer.header("location"), None, "{situation}");
    for name in FIELDS {
        assert!(!answer.field(name).is_empty(), "{situation}: {name} is empty: {answer:?}");
    }
    if format == "XML" {
        let document = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>";
        assert!(answer.body.starts_with(document) && answer.body.ends_with("</Error>"), "{situation}: {answer:?}");
        return;
    }
    let body = answer.json();
    for (name, value) in body.as_object().unwrap() {
        match name.as_str() {
            "AccessDeniedDetail" => {
                let detail = value.as_object().unwrap_or_else(|| panic!("{situation}: {answer:?}"));
                assert!(detail.values().all(serde_json::Value::is_string), "{situation}: {answer:?}");
            }
            name => assert!(FIELDS.contains(&name) && value.is_string(), "{situation}: {name}: {answer:?}"),
        }
    }
}
