//! The maximum length of a line, and what is omitted from a line that would be longer.

use std::borrow::Cow;

use crate::text::is_invisible;

use super::super::line::{Cut, LONGEST_TEXT};
use super::draft::{Draft, join};
use super::sink::SinkError;

/// The longest line about a refused attempt, in bytes, including the chain's envelope around the event.
const LONGEST_REFUSED: usize = 16 << 10;
/// The longest line about a permitted attempt.
const LONGEST_PERMITTED: usize = 1 << 20;
/// `{"seq":…,"prev":…,"event":…}` and the line feed.
const ENVELOPE: usize = 128;
/// The share of parameters in the line of a call that was refused, or whose key is merely claimed.
pub(super) const PARAMETER_BYTES: usize = 4 << 10;
/// The share of the decision in the line of a denied call.
pub(super) const REFUSED_DECISION: usize = 6 << 10;
/// The same for a permitted call.
pub(super) const PERMITTED_DECISION: usize = LONGEST_PERMITTED / 3;

impl<'a> Draft<'a> {
    /// Keeps the first parameters, as many as fit into this many bytes.
    pub(super) fn with_few_parameters(mut self, bytes: usize) -> Self {
        let Cow::Borrowed(all) = self.0.parameters else { return self };
        let fitting = fitting(all, bytes);
        self.0.parameters = Cow::Borrowed(&all[..fitting]);
        self.cutting(Cut { parameters: (all.len() - fitting) as u64, ..Cut::default() })
    }

    /// Omits everything that the line of the decision already has.
    pub(super) fn in_brief(mut self) -> Self {
        self.0.parameters = Cow::Borrowed(&[]);
        self.with_gateway(|gateway| (gateway.decision, gateway.cut) = (None, None))
    }

    /// The line of a permitted attempt.
    ///
    /// # Errors
    /// The line is too long, although everything that may be omitted is already omitted.
    pub(super) fn to_permitted_text(&self) -> Result<String, SinkError> {
        let text = self.to_text();
        if text.len() <= LONGEST_PERMITTED - ENVELOPE {
            return Ok(text);
        }
        Err(SinkError(format!("the line of the call would be {} bytes long; the limit is 1 MiB", text.len())))
    }

    /// The line of a refused attempt, which is short no matter how much the caller sent.
    pub(super) fn into_refused_text(self) -> String {
        let few = self.with_few_parameters(PARAMETER_BYTES).with_few_names();
        let text = few.to_text();
        if text.len() <= LONGEST_REFUSED - ENVELOPE {
            return text;
        }
        few.with_few_parameters(0).with_short_texts().to_text()
    }

    /// Keeps the first few of the names that callers choose.
    fn with_few_names(mut self) -> Self {
        const FEW: usize = 16;
        let event = &mut self.0;
        if event.referenced.len() > FEW {
            event.referenced.truncate(FEW);
            (event.resource_type, event.resource_name) = (None, None);
            for resource in &event.referenced {
                join(&mut event.resource_type, &resource.kind);
                join(&mut event.resource_name, &resource.name);
            }
        }
        let mut parameters = 0;
        let draft = self.with_gateway(|gateway| {
            parameters = gateway.left_out.len().saturating_sub(FEW) as u64;
            gateway.left_out.truncate(FEW);
        });
        draft.cutting(Cut { parameters, ..Cut::default() })
    }

    /// The last resort, for a caller whose texts all take the most bytes that JSON escapes can take.
    fn with_short_texts(mut self) -> Self {
        const SHORT: usize = 64;
        let shorten = |text: &mut Cow<'a, str>| *text = Cow::Owned(text.chars().take(SHORT).collect());
        let event = &mut self.0;
        shorten(&mut event.name);
        let texts = [&mut event.api_version, &mut event.host, &mut event.region, &mut event.user_agent];
        texts.into_iter().chain([&mut event.error_message]).flatten().for_each(shorten);
        self.with_gateway(|gateway| {
            gateway.left_out.clear();
            gateway.reason.iter_mut().for_each(shorten);
            gateway.signature.issuer.iter_mut().for_each(shorten);
            gateway.signature.subject.iter_mut().for_each(shorten);
        })
    }
}

/// How many of the first parameters fit, with each text truncated.
fn fitting(parameters: &[(String, String)], bytes: usize) -> usize {
    let mut left = bytes;
    let fits = |(name, value): &&(String, String)| {
        let size = escaped(name) + escaped(value) + r#""":"","#.len();
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    parameters.iter().take_while(fits).count()
}

/// How many bytes a truncated text takes in JSON.
fn escaped(text: &str) -> usize {
    let size = |character: char| match character {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\0'..='\x1f' => 6,
        hidden if is_invisible(hidden) => r"\u0000".len() * hidden.len_utf16(),
        _ => character.len_utf8(),
    };
    text.chars().take(LONGEST_TEXT + 1).map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_while_they_fit() {
        let parameters = |value: &str| vec![("P".to_owned(), value.to_owned()); 80];
        assert_eq!(fitting(&parameters("short"), PARAMETER_BYTES), 80);
        // 257 quotation marks, each with a backslash, and the name.
        assert_eq!(fitting(&parameters(&"\"".repeat(4000)), PARAMETER_BYTES), PARAMETER_BYTES / (2 * 257 + 1 + 6));
        assert_eq!(fitting(&parameters(&"\u{1}".repeat(4000)), 100), 0);
        for (hidden, size) in [("\u{9b}", 6), ("\u{202e}", 6), ("\u{e0041}", 12)] {
            assert_eq!(
                fitting(&parameters(&hidden.repeat(4000)), PARAMETER_BYTES),
                PARAMETER_BYTES / (size * 257 + 1 + 6)
            );
        }
    }
}
