//! Turns the TOML parser's errors into diagnostics for the operator who wrote the file.

use std::ops::Range;

use crate::text::{did_you_mean, possible};
use ram_policy::{Diagnostic, Source};

/// Longer texts are not quoted in the title: the excerpt shows them anyway.
const LONGEST_QUOTE: usize = 60;
const SEE: &str = "see docs/configuration.md for the keys and their values";

/// The diagnostic for a text that the parser rejected.
pub(super) fn diagnostic(source: &Source, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    // A secret written here by mistake must not be repeated in the error.
    let secret = source.line(span.start).to_ascii_lowercase().contains("secret");
    let place = Place { key: key_before(source, span.start), written: quoted(source, &span).filter(|_| !secret) };
    let (title, help) = plain(error.message(), &place);
    let source = if secret { source.clone().confidential() } else { source.clone() };
    source.error(span, title, help)
}

/// The text at which the parser stopped.
struct Place<'a> {
    key: Option<&'a str>,
    /// `None` if it is long, or may be a secret.
    written: Option<&'a str>,
}

impl Place<'_> {
    /// `5` in back-ticks, or "this" if the text is not quoted.
    fn written(&self) -> String {
        self.written.map_or_else(|| "this".to_owned(), |written| format!("`{written}`"))
    }

    /// The text without its quotation marks.
    fn bare(&self) -> Option<&str> {
        self.written.map(|written| written.trim_matches(['"', '\'']))
    }
}

fn quoted<'a>(source: &'a Source, span: &Range<usize>) -> Option<&'a str> {
    let text = source.text().get(span.clone())?;
    (!text.is_empty() && text.len() <= LONGEST_QUOTE && !text.contains('\n')).then_some(text)
}

/// The key whose value begins there.
fn key_before(source: &Source, at: usize) -> Option<&str> {
    let before = source.text().get(..at)?;
    let line = &before[before.rfind('\n').map_or(0, |feed| feed + 1)..];
    let key = line.trim_end().strip_suffix('=')?.trim_end();
    let key = key.rsplit(['{', ',', ' ', '\t']).next()?;
    (!key.is_empty()).then_some(key)
}

fn plain(message: &str, place: &Place<'_>) -> (String, String) {
    if let Some((word, known)) = unknown(message, "unknown variant ") {
        let of = place.key.map_or_else(String::new, |key| format!(" for `{key}`"));
        return (format!("unknown value `{word}`{of}"), possible(word, &known));
    }
    if let Some((word, known)) = unknown(message, "unknown field ") {
        let near = did_you_mean(word, &known).map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
        let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
        return (format!("unknown key `{word}`"), format!("{near}the keys here are {}", known.join(", ")));
    }
    let mistaken = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((found, expected)) = mistaken.and_then(|mistaken| mistaken.rsplit_once(", expected ")) {
        return of_another_kind(found, expected, place).unwrap_or_else(|| (message.to_owned(), SEE.to_owned()));
    }
    if let Some(key) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return (format!("`{key}` is missing"), format!("add `{key} = …` to this section"));
    }
    if let Some((title, help)) = message.split_once(": write ") {
        return (title.to_owned(), format!("write {help}"));
    }
    match message {
        "duplicate key" => ("this key is given twice".to_owned(), "keep one of the two".to_owned()),
        "invalid socket address syntax" => address(place),
        _ if message.starts_with("string values must be quoted") => bare_word(place),
        _ => (message.to_owned(), SEE.to_owned()),
    }
}

/// The unknown word and the known words in "unknown variant `a`, expected one of `b`, `c`".
fn unknown<'a>(message: &'a str, kind: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let (word, known) = message.strip_prefix(kind)?.strip_prefix('`')?.split_once("`, expected ")?;
    Some((word, known.split('`').skip(1).step_by(2).collect()))
}

/// Explains a value of the wrong type; `None` if serde's own message must do.
fn of_another_kind(found: &str, expected: &str, place: &Place<'_>) -> Option<(String, String)> {
    let written = place.written();
    let bare = place.bare();
    Some(match expected {
        "usize" | "u64" | "u32" | "u16" | "u8" if found.starts_with("integer ") => {
            let most = if expected == "u32" { format!(" to {}", u32::MAX) } else { " up".to_owned() };
            (format!("{written} is out of range"), format!("write a whole number from 0{most}"))
        }
        "usize" | "u64" | "u32" | "u16" | "u8" => {
            let number = bare.filter(|bare| !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()));
            let help = number.map_or("write a whole number, such as `30`".to_owned(), |number| {
                format!("write a whole number without quotation marks: `{number}`")
            });
            (format!("{written} is not a whole number"), help)
        }
        "f64" => (format!("{written} is not a number"), "write a number, such as `0.5`".to_owned()),
        "a boolean" => (
            format!("{written} is neither `true` nor `false`"),
            "write `true` or `false`, without quotation marks".to_owned(),
        ),
        "a string" | "path string" => {
            let text = bare.filter(|_| !found.starts_with("sequence") && !found.starts_with("map"));
            let help = text.map_or("write a string in quotation marks".to_owned(), |text| {
                format!("write it in quotation marks: `\"{text}\"`")
            });
            (format!("{written} is not a string"), help)
        }
        "a sequence" => {
            let help = place.written.map_or("write a list in brackets".to_owned(), |written| {
                format!("write a list in brackets: `[{written}]`")
            });
            (format!("{written} is not a list"), help)
        }
        "socket address" => address(place),
        _ if expected == "a map" || expected.starts_with("struct ") => {
            let key = place.key.unwrap_or("…");
            (
                format!("{written} is not a section"),
                format!("write a section `[{key}]`, with its keys on the lines below"),
            )
        }
        _ => return None,
    })
}

fn address(place: &Place<'_>) -> (String, String) {
    let title = format!("{} is not an address with a port", place.written());
    (title, "write an IP address and a port in quotation marks: `\"127.0.0.1:8620\"`".to_owned())
}

fn bare_word(place: &Place<'_>) -> (String, String) {
    let help = match place.written {
        Some(word @ ("yes" | "no" | "on" | "off" | "True" | "False" | "TRUE" | "FALSE")) => {
            return (format!("`{word}` is not a valid value"), "write `true` or `false`".to_owned());
        }
        Some(word) => {
            format!("write a string in quotation marks (`\"{word}\"`), a number (`30`), or `true` or `false`")
        }
        None => "write a string in quotation marks, a number, or `true` or `false`".to_owned(),
    };
    (format!("{} is not a valid value", place.written()), help)
}
