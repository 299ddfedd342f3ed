//! The header lines that affect a request's meaning: each must occur once, and ambiguous ones are refused.

use std::ops::Range;

use super::error::excerpt;
use super::error::{HeadError, HeadErrorKind};
use super::head::{Form, Framing, HeadLimits};

/// Headers that affect a request's meaning and so must not be repeated. The same applies to every `x-acs-*`.
const ONCE: [&str; 10] = [
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "content-encoding",
    "authorization",
    "accept",
    "user-agent",
    "connection",
    "expect",
];

/// Headers that change a request's meaning and that no client of this API sends, with the remedy.
const NEVER: [(&str, &str); 4] = [
    ("expect", "send the body without waiting"),
    ("upgrade", "this server speaks HTTP/1.1 only"),
    ("http2-settings", "this server speaks HTTP/1.1 only"),
    ("trailer", "send no trailers"),
];

/// The lines of a head, for lookup by name.
pub(super) struct Lines<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) headers: &'a [(Range<usize>, Range<usize>)],
}

impl<'a> Lines<'a> {
    fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let bytes = self.bytes;
        self.headers
            .iter()
            .map(move |(name, value)| (str::from_utf8(&bytes[name.clone()]).unwrap_or_default(), &bytes[value.clone()]))
    }

    fn find(&self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, HeadError> {
        let Some(value) = self.find(name) else { return Ok(None) };
        let text = str::from_utf8(value).ok().filter(|text| text.is_ascii());
        text.map(Some).ok_or_else(|| HeadError::reading(format!("the header `{name}` is not ASCII")))
    }

    pub(super) fn check_names(&self) -> Result<(), HeadError> {
        for (at, (name, _)) in self.iter().enumerate() {
            let lower = name.to_ascii_lowercase();
            if lower.contains('_') && matters(&lower.replace('_', "-")) {
                let message = format!(
                    "the header `{}` resembles a significant header but has `_` in place of `-`",
                    excerpt(name)
                );
                return Err(HeadError::reading(message));
            }
            if let Some((_, remedy)) = NEVER.iter().find(|(never, _)| *never == lower) {
                return Err(HeadError::reading(format!("the header `{}` is not accepted: {remedy}", excerpt(name))));
            }
            let repeated = matters(&lower) && self.iter().take(at).any(|(other, _)| other.eq_ignore_ascii_case(name));
            if repeated {
                let message = format!("the header `{}` occurs twice: send it once", excerpt(name));
                return Err(HeadError::reading(message));
            }
        }
        Ok(())
    }

    pub(super) fn host(&self) -> Result<&'a str, HeadError> {
        let host = self.text("host")?.ok_or_else(|| HeadError::reading("the header `Host` is missing"))?;
        if is_authority(host) {
            Ok(host)
        } else {
            Err(HeadError::reading(format!("the header `Host` is not a host name: `{}`", excerpt(host))))
        }
    }

    pub(super) fn framing(&self, limits: &HeadLimits) -> Result<Framing, HeadError> {
        if let Some(encoding) = self.text("content-encoding")? {
            let message =
                format!("the content encoding `{}` is not accepted: send the body as it is", excerpt(encoding));
            return Err(HeadError::reading(message));
        }
        match (self.text("content-length")?, self.text("transfer-encoding")?) {
            (Some(_), Some(_)) => {
                Err(HeadError::reading("both `Content-Length` and `Transfer-Encoding` are present: send one of them"))
            }
            (None, None) => Ok(Framing::None),
            (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            (None, Some(coding)) => {
                Err(HeadError::reading(format!("the transfer encoding `{}` is not accepted", excerpt(coding))))
            }
            (Some(length), None) => {
                let digits = (1..=19).contains(&length.len()) && length.bytes().all(|byte| byte.is_ascii_digit());
                let bytes = digits.then(|| length.parse::<u64>().ok()).flatten();
                let malformed =
                    || HeadError::reading(format!("`Content-Length: {}` is not a valid length", excerpt(length)));
                match bytes.ok_or_else(malformed)? {
                    0 => Ok(Framing::None),
                    bytes if bytes > limits.body_bytes => {
                        let message =
                            format!("the body has more than {} bytes: {bytes} are announced", limits.body_bytes);
                        Err(HeadError::new(HeadErrorKind::BodyTooLarge, message))
                    }
                    bytes => Ok(Framing::Length(bytes)),
                }
            }
        }
    }

    pub(super) fn form(&self) -> Result<Form, HeadError> {
        let Some(text) = self.text("content-type")? else { return Ok(Form::Other) };
        let mut parts = text.split(';').map(str::trim);
        let urlencoded =
            parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        let utf8 = parts.next().is_none_or(|charset| {
            let charset = charset.to_ascii_lowercase();
            charset == "charset=utf-8" || charset == "charset=\"utf-8\""
        });
        Ok(if urlencoded && utf8 && parts.next().is_none() { Form::UrlEncoded } else { Form::Other })
    }

    pub(super) fn keep_alive(&self) -> Result<bool, HeadError> {
        let mut keep_alive = true;
        for token in self.text("connection")?.unwrap_or_default().split(',').map(str::trim) {
            match token.to_ascii_lowercase().as_str() {
                "" | "keep-alive" | "te" => {}
                "close" => keep_alive = false,
                other => {
                    let message = format!("the header `Connection` must not name `{}`", excerpt(other));
                    return Err(HeadError::reading(message));
                }
            }
        }
        Ok(keep_alive)
    }
}

fn matters(lower: &str) -> bool {
    lower.starts_with("x-acs-") || ONCE.contains(&lower)
}

/// Whether a text is a host name or address with an optional port. User information is not allowed.
fn is_authority(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
        Some(_) => return false,
        None => match text.find(':') {
            Some(colon) => text.split_at(colon),
            None => (text, ""),
        },
    };
    let port_digits =
        port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok() && !digits.starts_with('+'));
    let label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=253).contains(&name.len()) && name.bytes().all(label) && (port.is_empty() || port_digits)
}
