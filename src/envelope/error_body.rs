//! The body of an error answer (`docs/spec/wire-protocol.md` 5.2).

use crate::catalog::Answer;

use super::encode::{json_text, xml_document};
use super::format::Format;

/// An error body. All values except the detail are strings and are present: otherwise some clients crash, or take a
/// refusal for a success.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ErrorBody {
    pub request_id: String,
    pub host_id: String,
    pub code: String,
    pub message: String,
    pub recommend: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_denied_detail: Option<AccessDeniedDetail>,
}

/// RAM's details of a denial (`docs/spec/ram-policy.md` 7.2). In JSON, an object or absent; never `null`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AccessDeniedDetail {
    pub policy_type: String,
    pub auth_principal_owner_id: String,
    pub auth_principal_type: String,
    pub auth_principal_display_name: String,
    pub no_permission_type: String,
    pub auth_action: String,
    pub auth_resource: String,
}

impl ErrorBody {
    /// `recommend` is a link with the placeholders `{request_id}` and `{code}`. The default is the vendor's.
    pub(crate) fn new(answer: &Answer, request_id: &str, host_id: &str, recommend: Option<&str>) -> Self {
        const VENDOR: &str = "https://api.aliyun.com/troubleshoot?q={code}&product=Ecs&requestId={request_id}";
        let recommend = recommend.unwrap_or(VENDOR).replace("{code}", &answer.code).replace("{request_id}", request_id);
        Self {
            request_id: request_id.to_owned(),
            host_id: host_id.to_owned(),
            code: answer.code.clone(),
            message: answer.message.clone(),
            recommend,
            access_denied_detail: None,
        }
    }

    /// The body in a format.
    pub(crate) fn to_text(&self, format: Format) -> String {
        match format {
            Format::Json => json_text(self),
            Format::Xml => xml_document("Error", &serde_json::to_value(self).expect("strings make JSON")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_carry_the_same_values() {
        let answer = Answer { status: 400, code: "InvalidParameter".into(), message: "a<b & \"c\"".into() };
        let body = ErrorBody::new(&answer, "ID", "host", Some("https://x/{request_id}"));
        assert_eq!(
            body.to_text(Format::Json),
            r#"{"RequestId":"ID","HostId":"host","Code":"InvalidParameter","Message":"a<b & \"c\"","Recommend":"https://x/ID"}"#
        );
        let xml = body.to_text(Format::Xml);
        assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>"), "{xml}");
        assert!(xml.contains("<Code>InvalidParameter</Code>") && xml.contains("a&lt;b &amp; "), "{xml}");
    }
}
