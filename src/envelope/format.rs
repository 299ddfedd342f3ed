//! The choice between JSON and XML (`docs/spec/wire-protocol.md` 1.4).

use crate::ram::Scheme;

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An object. The default for V3 signatures and bearer tokens, and if `Accept` names JSON.
    Json,
    /// A document. The default otherwise.
    Xml,
}

/// The parameter `Format` is neither JSON nor XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Specified parameter format is not valid.")]
pub(crate) struct FormatError;

impl Format {
    /// The format of an answer. `requested` is the parameter `Format`; an old Python client sends the word `None`.
    ///
    /// # Errors
    /// A `Format` other than JSON and XML.
    pub(crate) fn choose(
        requested: Option<&str>,
        accept: Option<&str>,
        scheme: Option<Scheme>,
    ) -> Result<Self, FormatError> {
        match requested {
            Some(text) if text.eq_ignore_ascii_case("json") => Ok(Self::Json),
            Some(text) if text.eq_ignore_ascii_case("xml") => Ok(Self::Xml),
            None | Some("" | "None") => Ok(Self::unasked(accept, scheme)),
            Some(_) => Err(FormatError),
        }
    }

    /// The format without a `Format` parameter: JSON for V3 signatures, for bearer tokens and if `Accept` names it,
    /// otherwise XML.
    pub(crate) fn unasked(accept: Option<&str>, scheme: Option<Scheme>) -> Self {
        let names_json = accept.is_some_and(|accept| accept.to_ascii_lowercase().contains("json"));
        let new = matches!(scheme, Some(Scheme::V3 | Scheme::Bearer));
        if names_json || new { Self::Json } else { Self::Xml }
    }

    /// The likely format for a request that could not be parsed, guessed from its bytes.
    pub(crate) fn guess(request: &[u8]) -> Self {
        let text = String::from_utf8_lossy(request).to_ascii_lowercase();
        if text.contains("format=xml") {
            return Self::Xml;
        }
        let json = ["format=json", "application/json", "acs3-"].iter().any(|sign| text.contains(sign));
        if json { Self::Json } else { Self::Xml }
    }

    /// The value of `Content-Type`. Some clients parse XML only with exactly this value (`docs/spec/sdk-behaviour.md`
    /// 3).
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json;charset=utf-8",
            Self::Xml => "text/xml;charset=utf-8",
        }
    }

    /// The value of the parameter `Format`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Xml => "XML",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_requested_format() {
        use Format::{Json, Xml};
        let cases = [
            (Some("json"), None, None, Ok(Json)),
            (Some("XML"), Some("application/json"), Some(Scheme::V3), Ok(Xml)),
            (Some("None"), None, Some(Scheme::V1), Ok(Xml)),
            (Some("html"), None, None, Err(FormatError)),
            (None, None, Some(Scheme::V3), Ok(Json)),
            (None, None, Some(Scheme::Bearer), Ok(Json)),
            (None, Some("application/json"), Some(Scheme::V1), Ok(Json)),
            (None, Some("*/*"), Some(Scheme::V1), Ok(Xml)),
            (None, None, None, Ok(Xml)),
        ];
        for (requested, accept, scheme, expected) in cases {
            assert_eq!(Format::choose(requested, accept, scheme), expected, "{requested:?} {accept:?} {scheme:?}");
        }
    }
}
