//! JSON or XML (`spec/wire-protocol.md` 1.4, design 8).

use crate::ram::Scheme;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Xml,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Specified parameter format is not valid.")]
pub struct UnknownFormat;

impl Format {
    /// The format of an answer. `requested` is the parameter `Format`; an old Python path sends the word `None`.
    ///
    /// # Errors
    /// A `Format` that is neither.
    pub fn choose(
        requested: Option<&str>,
        accept: Option<&str>,
        scheme: Option<Scheme>,
    ) -> Result<Self, UnknownFormat> {
        match requested {
            Some(text) if text.eq_ignore_ascii_case("json") => Ok(Self::Json),
            Some(text) if text.eq_ignore_ascii_case("xml") => Ok(Self::Xml),
            None | Some("" | "None") => Ok(Self::unasked(accept, scheme)),
            Some(_) => Err(UnknownFormat),
        }
    }

    /// JSON for V3, for a bearer token and where `Accept` names it, else XML.
    pub fn unasked(accept: Option<&str>, scheme: Option<Scheme>) -> Self {
        let names_json = accept.is_some_and(|accept| accept.to_ascii_lowercase().contains("json"));
        let new = matches!(scheme, Some(Scheme::V3 | Scheme::Bearer));
        if names_json || new { Self::Json } else { Self::Xml }
    }

    /// What a request that could not be read seems to ask for: something must be answered, and in a form that its
    /// sender is likely to read.
    pub fn guess(request: &[u8]) -> Self {
        let text = String::from_utf8_lossy(request).to_ascii_lowercase();
        if text.contains("format=xml") {
            return Self::Xml;
        }
        let json = ["format=json", "application/json", "acs3-"].iter().any(|sign| text.contains(sign));
        if json { Self::Json } else { Self::Xml }
    }

    /// The value of `Content-Type`. Clients read XML only under exactly this one (`spec/sdk-behaviour.md` 3).
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json;charset=utf-8",
            Self::Xml => "text/xml;charset=utf-8",
        }
    }

    /// As the parameter `Format` names it.
    pub fn as_str(self) -> &'static str {
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
    fn the_answer_takes_the_form_that_was_asked_for() {
        use Format::{Json, Xml};
        let cases = [
            (Some("json"), None, None, Ok(Json)),
            (Some("XML"), Some("application/json"), Some(Scheme::V3), Ok(Xml)),
            (Some("None"), None, Some(Scheme::V1), Ok(Xml)),
            (Some("html"), None, None, Err(UnknownFormat)),
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
