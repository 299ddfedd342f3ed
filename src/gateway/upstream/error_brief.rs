//! The request id, code and message of the upstream's answer, read from JSON or XML.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::Value;

use crate::catalog::{EarlyAnswer, EcsError, OwnKeyCode};

/// The top-level fields of an answer that describe the result of a call. Empty if the body cannot be parsed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Brief {
    pub(crate) request_id: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    /// The codes before the last one, if there are several: a client may use any of them.
    other_codes: Vec<String>,
    /// Whether the answer has an `AccessDeniedDetail`.
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

    /// The code about the gateway's own key, if the answer is about the key.
    pub(crate) fn own_key_fault(&self, status: u16) -> Option<&'static OwnKeyCode> {
        let message = self.message.as_deref().unwrap_or_default();
        let fault = |code: &str, has_denial_detail| {
            OwnKeyCode::in_answer(EcsError { status, code, message, has_denial_detail })
        };
        self.codes().find_map(|code| fault(code, false)).or_else(|| fault("", self.has_denial_detail))
    }

    /// The code in the answer that matches `fault`, or the last code if another part of the answer revealed the fault.
    pub(crate) fn code_of(&self, fault: &OwnKeyCode) -> Option<&str> {
        self.codes().find(|code| fault.is_under(code)).or(self.code.as_deref())
    }

    fn codes(&self) -> impl Iterator<Item = &str> {
        self.code.iter().chain(&self.other_codes).map(String::as_str)
    }

    /// Whether an answer that is not about the key proves that the upstream accepted the key. Errors that the upstream
    /// may send before it checks the key do not, and neither do failures of the upstream.
    pub(crate) fn proves_acceptance(&self, status: u16) -> bool {
        match status {
            200..300 => true,
            429 => false,
            400..500 => self.code.as_deref().is_some_and(|code| OwnKeyCode::early(code).is_none()),
            _ => false,
        }
    }

    /// Whether an answer refuses the operation, its version or its parameters before the key was checked. A rate limit
    /// does not count, because it is temporary.
    pub(crate) fn is_about_the_operation(&self, status: u16) -> bool {
        let about = self.code.as_deref().and_then(OwnKeyCode::early);
        (400..500).contains(&status) && status != 429 && about == Some(EarlyAnswer::Request)
    }

    /// The message without the upstream's copy of the request: its string to sign contains the gateway's security
    /// token.
    pub(crate) fn without_echo(message: &str) -> &str {
        let lower = message.to_ascii_lowercase();
        let echo = ["server string", "server canonical", "string to sign", "stringtosign", "canonicalrequest"];
        let end = echo.iter().filter_map(|words| lower.find(words)).min();
        end.map_or(message, |end| message[..end].trim_end())
    }

    fn of_json(body: &[u8]) -> Option<Self> {
        let raw: RawBrief = serde_json::from_slice(body).ok()?;
        Some(Self {
            request_id: raw.request_id.and_then(text),
            code: raw.code.as_ref().and_then(Value::as_str).filter(|code| !code.is_empty()).map(str::to_owned),
            message: raw.message.and_then(text),
            has_denial_detail: raw.detail.is_some(),
            other_codes: Vec::new(),
        })
    }

    /// Reads the children of the root element. Its name may be anything but `html`, which is a page: errors use
    /// `<Error>`, successful answers `<AttachNetworkInterfaceResponse>` and the like.
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

/// A non-empty string, or a number as text.
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
    fn both_formats_are_parsed_and_other_bodies_have_no_code() {
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
    fn only_errors_sent_after_the_key_was_checked_prove_that_it_is_accepted() {
        let proves =
            |status, code: &str| Brief { code: Some(code.to_owned()), ..Brief::default() }.proves_acceptance(status);
        for (status, code) in
            [(404, "InvalidEniId.NotFound"), (403, "IncorrectInstanceStatus"), (409, "OperationConflict")]
        {
            assert!(proves(status, code), "{code}");
        }
        for (status, code) in [
            (400, "throttling.User"),
            (429, "Example"),
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
    fn a_copy_of_the_request_is_cut_off() {
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
