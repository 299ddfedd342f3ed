//! What an answer of the upstream says of itself: request id, code and message, read from JSON or XML.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::Value;

use crate::catalog::{EarlyAnswer, EcsError, OwnKeyCode};

/// The top-level fields of an answer that say what became of a call. Empty where the body cannot be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Brief {
    pub(crate) request_id: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    /// Codes before the last one: a reader may take any of them.
    other_codes: Vec<String>,
    /// Whether there is an `AccessDeniedDetail`.
    has_denial_detail: bool,
}

#[derive(serde::Deserialize)]
struct RawBrief {
    #[serde(rename = "RequestId", alias = "requestId")]
    request_id: Option<Value>,
    #[serde(rename = "Code", alias = "code")]
    code: Option<Value>,
    #[serde(rename = "Message", alias = "message")]
    message: Option<Value>,
    #[serde(rename = "AccessDeniedDetail", alias = "accessDeniedDetail")]
    detail: Option<serde::de::IgnoredAny>,
}

impl Brief {
    pub(crate) fn of(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        match body.first() {
            Some(b'{') => Self::of_json(body).unwrap_or_default(),
            Some(b'<') => Self::of_xml(body).unwrap_or_default(),
            _ => Self::default(),
        }
    }

    /// The fault of the gateway's own key that an answer with this body is about.
    pub(crate) fn own_key_fault(&self, status: u16) -> Option<&'static OwnKeyCode> {
        let message = self.message.as_deref().unwrap_or_default();
        let fault = |code: &str, has_denial_detail| {
            OwnKeyCode::in_answer(EcsError { status, code, message, has_denial_detail })
        };
        self.codes().find_map(|code| fault(code, false)).or_else(|| fault("", self.has_denial_detail))
    }

    /// The code that a fault of the key stands under; the last one, where the fault is told otherwise.
    pub(crate) fn code_of(&self, fault: &OwnKeyCode) -> Option<&str> {
        self.codes().find(|code| fault.is_under(code)).or(self.code.as_deref())
    }

    fn codes(&self) -> impl Iterator<Item = &str> {
        self.code.iter().chain(&self.other_codes).map(String::as_str)
    }

    /// Whether an answer that is about no fault of the key proves that the upstream accepted it. What can be said
    /// before a key is looked at proves nothing, and neither does a failure of the upstream's.
    pub(crate) fn proves_acceptance(&self, status: u16) -> bool {
        match status {
            200..300 => true,
            429 => false,
            400..500 => self.code.as_deref().is_some_and(|code| OwnKeyCode::early(code).is_none()),
            _ => false,
        }
    }

    /// Whether an answer refuses the operation, its version or its parameters, before the key was looked at. A limit of
    /// calls is not meant: it passes.
    pub(crate) fn is_about_the_operation(&self, status: u16) -> bool {
        let about = self.code.as_deref().and_then(OwnKeyCode::early);
        (400..500).contains(&status) && status != 429 && about == Some(EarlyAnswer::Request)
    }

    /// The message without what the upstream repeats of the request that it checked: the string to sign holds the
    /// gateway's security token.
    pub(crate) fn without_echo(message: &str) -> &str {
        let lower = message.to_ascii_lowercase();
        let echo = ["server string", "server canonical", "string to sign", "stringtosign", "canonicalrequest"];
        let end = echo.iter().filter_map(|words| lower.find(words)).min();
        end.map_or(message, |end| message[..end].trim_end())
    }

    fn of_json(body: &[u8]) -> Option<Self> {
        let written: RawBrief = serde_json::from_slice(body).ok()?;
        Some(Self {
            request_id: written.request_id.and_then(text),
            code: written.code.as_ref().and_then(Value::as_str).filter(|code| !code.is_empty()).map(str::to_owned),
            message: written.message.and_then(text),
            has_denial_detail: written.detail.is_some(),
            other_codes: Vec::new(),
        })
    }

    /// The children of the root, whatever its name unless it is a page's: `<Error>` of one dialect is
    /// `<AttachNetworkInterfaceResponse>` of a success.
    fn of_xml(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(body);
        let mut brief = Self::default();
        let (mut depth, mut name, mut value) = (0_usize, String::new(), String::new());
        loop {
            match reader.read_event().ok()? {
                Event::Start(element) => {
                    depth += 1;
                    if depth == 1 && element.local_name().into_inner().eq_ignore_ascii_case("html") {
                        return None;
                    }
                    if depth == 2 {
                        name = element.local_name().into_inner().to_owned();
                        value.clear();
                    }
                }
                Event::Empty(element) if depth == 1 => brief.take(element.local_name().into_inner(), ""),
                Event::Text(text) if depth == 2 => value.push_str(&text),
                Event::CData(text) if depth == 2 => value.push_str(&text),
                Event::GeneralRef(entity) if depth == 2 => {
                    let named = || resolve_predefined_entity(&entity).and_then(|text| text.chars().next());
                    value.push(entity.resolve_char_ref().ok()?.or_else(named).unwrap_or('?'));
                }
                Event::End(_) => {
                    if depth == 2 {
                        brief.take(&name, &std::mem::take(&mut value));
                    }
                    depth = depth.checked_sub(1)?;
                }
                Event::Eof if depth == 0 => return Some(brief),
                Event::Eof => return None,
                _ => {}
            }
        }
    }

    fn take(&mut self, name: &str, value: &str) {
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match name {
            "RequestId" => self.request_id = value,
            "Code" => self.other_codes.extend(std::mem::replace(&mut self.code, value)),
            "Message" => self.message = value,
            "AccessDeniedDetail" => self.has_denial_detail = true,
            _ => {}
        }
    }
}

/// A text, or a number.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_what_is_no_answer_is_not() {
        let code = |body: &str| Brief::of(body.as_bytes()).code;
        for body in [
            "{\"Code\":\"A.B\",\"Message\":\"m\",\"RequestId\":\"r\"}",
            "\u{feff} \r\n{\"RequestId\":\"r\",\"Message\":\"m\",\"Code\":\"A.B\",\"More\":[{\"Code\":\"C\"}]}",
            "<?xml version=\"1.0\"?><Error><RequestId>r</RequestId><Code>A.B</Code><Message>m</Message></Error>",
            "\n<Error xmlns=\"x\"><More><Code>C</Code></More><Code lang=\"en\"><![CDATA[A.B]]></Code>\
             <Message>m</Message><RequestId>r</RequestId></Error>",
        ] {
            let read = Brief::of(body.as_bytes());
            let read = (read.code.as_deref(), read.message.as_deref(), read.request_id.as_deref());
            assert_eq!(read, (Some("A.B"), Some("m"), Some("r")), "{body}");
        }
        assert_eq!(code("<Error><Code>A&#46;B&#x2e;C&amp;&x;</Code></Error>"), Some("A.B.C&?".to_owned()));
        for body in [
            "",
            "<html><body><h1>403 Forbidden</h1></body></html>",
            "<html><head><Code>A.B</Code></head>",
            "<!DOCTYPE html><HTML><Code>A.B</Code></HTML>",
            "{\"Code\":404}",
            "<Error><Code>A&#1114112;B</Code></Error>",
            "{\"Code\":\"A.B\"",
            "{\"Code\":\"A.B\",\"Code\":\"C\"}",
            "[{\"Code\":\"A.B\"}]",
            "Code: A.B",
            "\u{1f}\u{8b}\u{8}",
        ] {
            assert_eq!(code(body), None, "{body}");
        }
    }

    #[test]
    fn only_what_is_said_after_the_key_was_looked_at_proves_that_it_is_accepted() {
        let proves =
            |status, code: &str| Brief { code: Some(code.to_owned()), ..Brief::default() }.proves_acceptance(status);
        for (status, code) in
            [(404, "InvalidEniId.NotFound"), (403, "IncorrectInstanceStatus"), (409, "OperationConflict")]
        {
            assert!(proves(status, code), "{code}");
        }
        for (status, code) in [
            (400, "throttling.User"),
            (429, "Whatever"),
            (404, "InvalidAction.NotFound"),
            (400, "MissingParameter"),
            (400, "InvalidParameter"),
            (503, "ServiceUnavailable"),
            (500, "InternalError"),
        ] {
            assert!(!proves(status, code), "{code}");
        }
        assert!(Brief::default().proves_acceptance(200) && !Brief::default().proves_acceptance(403));
    }

    #[test]
    fn a_repeated_request_is_cut_off() {
        for (message, kept) in [
            ("Specified access key is not found.", "Specified access key is not found."),
            ("It is not matched. server string to sign is:GET&%2F&x", "It is not matched."),
            (
                "It is not matched. Server StringToSign is [ACS3-HMAC-SHA256] server CanonicalRequest is [x]",
                "It is not matched.",
            ),
        ] {
            assert_eq!(Brief::without_echo(message), kept);
        }
    }
}
