//! The request head, read once from its raw bytes.
//!
//! The HTTP library behind the gateway merges, drops or tolerates input that must be refused. So everything that is
//! judged or covered by a signature is read here, from the bytes as they were received.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::error::excerpt;
use super::error::{HeadError, HeadErrorKind};
use super::header_lines::Lines;

/// Limits on a request.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// The maximum size of the whole head, including its blank line. Enforced by the code that reads from the
    /// connection; [`Head::read`] does not check it.
    pub head_bytes: usize,
    /// The maximum size of the raw query, without its `?`.
    pub query_bytes: usize,
    /// The maximum value of `Content-Length`.
    pub body_bytes: u64,
    /// The maximum number of header lines. Values above 128 have the same effect as 128.
    pub headers: usize,
}

const MOST_HEADERS: usize = 128;

/// An unambiguous head: path `/`, one `Host`, one framing, and one value for each header that affects the meaning.
#[derive(Clone)]
pub struct Head {
    bytes: Box<[u8]>,
    method: Method,
    query: Range<usize>,
    headers: Vec<(Range<usize>, Range<usize>)>,
    framing: Framing,
    form: Form,
    keep_alive: bool,
}

/// The accepted HTTP methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A call with all parameters in the query and without a body.
    Get,
    /// A call with parameters in the query, in a form body, or both.
    Post,
}

/// How the end of the body is determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body: no length is announced, or a length of 0.
    None,
    /// `Content-Length` announces this many bytes; never 0.
    Length(u64),
    /// `Transfer-Encoding: chunked`: the last chunk ends the body.
    Chunked,
}

/// The body's type according to `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/x-www-form-urlencoded`, with `charset=utf-8` or without.
    UrlEncoded,
    /// No content type, or another one. Accepted only for an empty body.
    Other,
}

impl Head {
    /// Parses a head: everything up to and including the blank line.
    ///
    /// # Errors
    /// Anything that `docs/spec/wire-protocol.md` 8 refuses in rows 19 to 24, 26, 37 and 38.
    pub fn read(bytes: &[u8], limits: &HeadLimits) -> Result<Self, HeadError> {
        check_line_ends(bytes)?;
        let mut storage = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(bytes, &mut storage[..limits.headers.min(MOST_HEADERS)]) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Err(httparse::Error::TooManyHeaders) => {
                let message = format!("more than {} header lines", limits.headers);
                return Err(HeadError::new(HeadErrorKind::HeadTooLarge, message));
            }
            Ok(_) => return Err(HeadError::reading("the request head is not complete")),
            Err(error) => return Err(HeadError::reading(format!("the request head is malformed: {error}"))),
        }
        if request.version != Some(1) {
            return Err(HeadError::reading("the version is not HTTP/1.1"));
        }
        let range = |part: &[u8]| {
            let start = part.as_ptr() as usize - bytes.as_ptr() as usize;
            start..start + part.len()
        };
        let headers: Vec<_> =
            request.headers.iter().map(|header| (range(header.name.as_bytes()), range(header.value))).collect();
        let target = request.path.unwrap_or_default();
        let lines = Lines { bytes, headers: &headers };
        lines.check_names()?;
        let host = lines.host()?;
        let query = range(read_target(target, host)?.as_bytes());
        if query.len() > limits.query_bytes {
            let message = format!("the query has {} bytes; the limit is {}", query.len(), limits.query_bytes);
            return Err(HeadError::new(HeadErrorKind::QueryTooLarge, message));
        }
        let framing = lines.framing(limits)?;
        let method = read_method(request.method.unwrap_or_default(), framing)?;
        let form = lines.form()?;
        let keep_alive = lines.keep_alive()?;
        Ok(Self { bytes: bytes.into(), method, query, headers, framing, form, keep_alive })
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The raw query; empty if the target has no query.
    pub fn query(&self) -> &[u8] {
        &self.bytes[self.query.clone()]
    }

    /// How the end of the body is determined.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The body's type.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Whether the caller wants to keep the connection open.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// The value of the `Host` header.
    pub fn host(&self) -> &str {
        self.header("host").unwrap_or_default()
    }

    /// The value of the first header with this name, if the value is UTF-8. The name is case-insensitive.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |(other, _): &&(Range<usize>, Range<usize>)| {
            self.bytes[other.clone()].eq_ignore_ascii_case(name.as_bytes())
        };
        let (_, value) = self.headers.iter().find(named)?;
        str::from_utf8(&self.bytes[value.clone()]).ok()
    }

    /// The header lines as received, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        let text = |range: &Range<usize>| str::from_utf8(&self.bytes[range.clone()]).unwrap_or_default();
        self.headers.iter().map(move |(name, value)| (text(name), &self.bytes[value.clone()]))
    }
}

impl Method {
    /// The method's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

fn read_method(method: &str, framing: Framing) -> Result<Method, HeadError> {
    match method {
        "POST" => Ok(Method::Post),
        "GET" if framing == Framing::None => Ok(Method::Get),
        "GET" => Err(HeadError::reading("a GET must not have a body: send the parameters in the query, or use POST")),
        other => {
            let message = format!("the method `{}` is not supported: use GET or POST", excerpt(other));
            Err(HeadError::new(HeadErrorKind::Method, message))
        }
    }
}

/// The query of a target whose path is exactly `/`. A target in absolute form must name the same host as `Host`.
fn read_target<'a>(target: &'a str, host: &str) -> Result<&'a str, HeadError> {
    // The message omits the query, which may contain a signature or token: error messages are logged.
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let refused =
        || HeadError::reading(format!("the request target `{}` is not `/` with an optional query", excerpt(path)));
    if !target.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) || target.contains('#') {
        return Err(refused());
    }
    let origin = match ["http://", "https://"].iter().find_map(|scheme| target.strip_prefix(scheme)) {
        None => target,
        Some(rest) => {
            let slash = rest.find('/').ok_or_else(refused)?;
            if !rest[..slash].eq_ignore_ascii_case(host) {
                let message =
                    format!("the target names `{}` but the `Host` header names `{host}`", excerpt(&rest[..slash]));
                return Err(HeadError::reading(message));
            }
            &rest[slash..]
        }
    };
    match origin.strip_prefix('/') {
        Some("") => Ok(&origin[1..]),
        Some(rest) => rest.strip_prefix('?').ok_or_else(refused),
        None => Err(refused()),
    }
}

/// Every line must end in CR LF, CR and LF must not occur elsewhere, and no line may be folded. `httparse` tolerates
/// some of these.
fn check_line_ends(bytes: &[u8]) -> Result<(), HeadError> {
    let mut previous = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if previous != b'\r' => {
                return Err(HeadError::reading("a line of the head ends with a bare line feed"));
            }
            b'\r' if bytes.get(at + 1) != Some(&b'\n') => {
                return Err(HeadError::reading("the head contains a bare carriage return"));
            }
            b' ' | b'\t' if previous == b'\n' => return Err(HeadError::reading("a header line is folded")),
            0 => return Err(HeadError::reading("the head contains a NUL byte")),
            _ => {}
        }
        previous = *byte;
    }
    if bytes.starts_with(b"\r\n") { Err(HeadError::reading("the head begins with an empty line")) } else { Ok(()) }
}

/// Omits the query and the headers, which may contain credentials.
impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head").field("method", &self.method).field("framing", &self.framing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { head_bytes: 4096, query_bytes: 100, body_bytes: 1000, headers: 8 };

    fn read(head: &str) -> Result<Head, HeadError> {
        Head::read(head.as_bytes(), &LIMITS)
    }

    #[test]
    fn a_head_is_read_once() {
        let head = read(
            "POST http://ecs.test:80/?A=1 HTTP/1.1\r\nHost: ecs.test:80\r\nContent-Length: 3\r\n\
             Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n\r\n",
        )
        .unwrap();
        assert_eq!((head.method(), head.query(), head.host()), (Method::Post, &b"A=1"[..], "ecs.test:80"));
        assert_eq!((head.framing(), head.form(), head.keep_alive()), (Framing::Length(3), Form::UrlEncoded, true));
    }

    #[test]
    fn ambiguous_heads_are_refused() {
        let bad = [
            "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
            "GET //x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /#f HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nx_acs_action: b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nx-acs-a: 1\r\nX-Acs-A: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost : a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: x-acs-date\r\n\r\n",
            "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\n",
        ];
        for head in bad {
            assert!(read(head).is_err(), "{head}");
        }
    }
}
