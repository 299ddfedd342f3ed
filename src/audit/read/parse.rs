//! An event as it is delivered: one of this program's lines, an event in Log Service's envelope, or an event alone.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Event;

/// Around an event, in this program's lines and in Log Service; an event alone has neither member.
#[derive(Deserialize)]
struct Envelope<'a> {
    seq: Option<u64>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

/// Reads an event, and the line's number in its chain if it has one.
///
/// # Errors
/// Why the JSON is not an event, in words that follow a line's place.
pub(super) fn read_event(json: &[u8]) -> Result<(Option<u64>, Event), String> {
    let envelope: Envelope<'_> = serde_json::from_slice(json).map_err(|error| not_json(&error))?;
    let event = match envelope.event.map(RawValue::get) {
        None => event(std::str::from_utf8(json).map_err(|error| error.to_string())?)?,
        // Some exports have the event as a JSON text.
        Some(text) if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).map_err(|error| not_json(&error))?;
            event(&text)?
        }
        Some(object) => event(object)?,
    };
    Ok((envelope.seq, event))
}

fn not_json(error: &serde_json::Error) -> String {
    format!("it is not the JSON object of an event: {error}")
}

fn event(json: &str) -> Result<Event, String> {
    serde_json::from_str(json).map_err(|error| format!("it is not an event: {error}"))
}
