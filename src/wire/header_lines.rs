//! The header lines that decide what a request is: each once, and none that two readers would treat differently.

use std::ops::Range;

use super::excerpt::excerpt;
use super::fault::{FaultKind, HeadFault};
use super::head::{Form, Framing, HeadLimits};

/// Headers that decide what a request is: repeated, they have two readings. So has every `x-acs-*`.
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

/// Headers that no client of this API sends and that change what a request means.
const NEVER: [(&str, &str); 4] = [
    ("expect", "send the body without waiting"),
    ("upgrade", "this server speaks HTTP/1.1 only"),
    ("http2-settings", "this server speaks HTTP/1.1 only"),
    ("trailer", "send no trailers"),
];

/// The lines of a head, looked at by name.
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

    fn text(&self, name: &str) -> Result<Option<&'a str>, HeadFault> {
        let Some(value) = self.find(name) else { return Ok(None) };
        let text = str::from_utf8(value).ok().filter(|text| text.is_ascii());
        text.map(Some).ok_or_else(|| HeadFault::reading(format!("the header `{name}` is not ASCII")))
    }

    pub(super) fn check_names(&self) -> Result<(), HeadFault> {
        for (at, (name, _)) in self.iter().enumerate() {
            let lower = name.to_ascii_lowercase();
            if lower.contains('_') && matters(&lower.replace('_', "-")) {
                let message = format!("the header `{}` differs from one that matters only by `_`", excerpt(name));
                return Err(HeadFault::reading(message));
            }
            if let Some((_, remedy)) = NEVER.iter().find(|(never, _)| *never == lower) {
                return Err(HeadFault::reading(format!("the header `{}` is not accepted: {remedy}", excerpt(name))));
            }
            let repeated = matters(&lower) && self.iter().take(at).any(|(other, _)| other.eq_ignore_ascii_case(name));
            if repeated {
                let message = format!("the header `{}` occurs twice: send it once", excerpt(name));
                return Err(HeadFault::reading(message));
            }
        }
        Ok(())
    }

    pub(super) fn host(&self) -> Result<&'a str, HeadFault> {
        let host = self.text("host")?.ok_or_else(|| HeadFault::reading("the header `Host` is missing"))?;
        if is_authority(host) {
            Ok(host)
        } else {
            Err(HeadFault::reading(format!("the header `Host` is no host name: `{}`", excerpt(host))))
        }
    }

    pub(super) fn framing(&self, limits: &HeadLimits) -> Result<Framing, HeadFault> {
        if let Some(encoding) = self.text("content-encoding")? {
            let message =
                format!("the content encoding `{}` is not accepted: send the body as it is", excerpt(encoding));
            return Err(HeadFault::reading(message));
        }
        match (self.text("content-length")?, self.text("transfer-encoding")?) {
            (Some(_), Some(_)) => {
                Err(HeadFault::reading("`Content-Length` and `Transfer-Encoding` stand together: send one of them"))
            }
            (None, None) => Ok(Framing::None),
            (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            (None, Some(coding)) => {
                Err(HeadFault::reading(format!("the transfer encoding `{}` is not accepted", excerpt(coding))))
            }
            (Some(length), None) => {
                let digits = (1..=19).contains(&length.len()) && length.bytes().all(|byte| byte.is_ascii_digit());
                let bytes = digits.then(|| length.parse::<u64>().ok()).flatten();
                let malformed = || HeadFault::reading(format!("`Content-Length: {}` is no length", excerpt(length)));
                match bytes.ok_or_else(malformed)? {
                    0 => Ok(Framing::None),
                    bytes if bytes > limits.body_bytes => {
                        let message = format!("the body has {bytes} bytes, more than {}", limits.body_bytes);
                        Err(HeadFault::new(FaultKind::BodyTooLarge, message))
                    }
                    bytes => Ok(Framing::Length(bytes)),
                }
            }
        }
    }

    pub(super) fn form(&self) -> Result<Form, HeadFault> {
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

    pub(super) fn keep_alive(&self) -> Result<bool, HeadFault> {
        let mut keep_alive = true;
        for token in self.text("connection")?.unwrap_or_default().split(',').map(str::trim) {
            match token.to_ascii_lowercase().as_str() {
                "" | "keep-alive" | "te" => {}
                "close" => keep_alive = false,
                other => {
                    let message = format!("the header `Connection` names `{}`", excerpt(other));
                    return Err(HeadFault::reading(message));
                }
            }
        }
        Ok(keep_alive)
    }
}

fn matters(lower: &str) -> bool {
    lower.starts_with("x-acs-") || ONCE.contains(&lower)
}

/// A host name or address, with a port or without; never user information.
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
