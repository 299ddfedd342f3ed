//! Calls built piece by piece, with signatures computed independently of the code under test: a client can sign a
//! repeated name, a broken escape or a foreign header even though the gateway refuses them.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ramgate::testing::wire::percent_encoded;

use super::caller::{Caller, FORM, attach_parameters};

/// A V1 call: pieces of query and form as sent. The signature covers the values that a form decoder makes of them.
#[derive(Clone, Debug)]
pub struct V1 {
    method: &'static str,
    secret: String,
    query: Vec<String>,
    form: Vec<String>,
    headers: Vec<(String, String)>,
}

/// A V3 call. The signature covers every header in `signed`, sorted by name.
#[derive(Clone, Debug)]
pub struct V3 {
    id: String,
    secret: String,
    query: String,
    body: String,
    algorithm: String,
    signed: Vec<(String, String)>,
    unsigned: Vec<(String, String)>,
}

impl V1 {
    /// The demo's attach, all parameters in the query.
    pub fn attach() -> Self {
        Self::from(&Caller::terway(), &attach_parameters())
    }

    /// The demo's attach, common parameters in the query and the others in the form, as Terraform sends it.
    pub fn split() -> Self {
        let mut call = Self::from(&Caller::terway(), &[]);
        call.form = attach_parameters().iter().map(|(name, value)| piece(name, value)).collect();
        call
    }

    pub fn from(caller: &Caller, business: &[(&str, &str)]) -> Self {
        let mut query: Vec<_> = caller.v1_common().iter().map(|(name, value)| piece(name, value)).collect();
        query.extend(business.iter().map(|(name, value)| piece(name, value)));
        let headers = vec![("Host".to_owned(), caller.host.clone())];
        Self { method: "POST", secret: caller.secret.clone(), query, form: Vec::new(), headers }
    }

    /// Replaces a parameter's value in place, or adds the parameter to the query.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        let mut pieces = self.query.iter_mut().chain(&mut self.form);
        if let Some(text) = pieces.find(|text| names(text, name)) {
            *text = piece(name, value);
            return self;
        }
        self.raw(&piece(name, value))
    }

    pub fn without(mut self, name: &str) -> Self {
        self.query.retain(|text| !names(text, name));
        self.form.retain(|text| !names(text, name));
        self
    }

    /// Adds a piece to the query exactly as written; `Signature=…` is not signed, everything else is.
    pub fn raw(mut self, text: &str) -> Self {
        self.query.push(text.to_owned());
        self
    }

    /// Adds a piece to the form body exactly as written.
    pub fn form(mut self, text: &str) -> Self {
        self.form.push(text.to_owned());
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| name != "Host" || other != "Host");
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn get(self) -> Self {
        self.method("GET")
    }

    pub fn method(mut self, name: &'static str) -> Self {
        self.method = name;
        self
    }

    /// `/?…` with the signature.
    pub fn target(&self) -> String {
        let mut query = self.query.clone();
        query.push(piece("Signature", &self.signature()));
        format!("/?{}", query.join("&"))
    }

    pub fn body(&self) -> String {
        self.form.join("&")
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !self.form.is_empty() && !typed {
            headers.push(FORM);
        }
        super::caller::raw(self.method, &self.target(), &headers, &self.body())
    }

    fn signature(&self) -> String {
        let pieces: Vec<_> = self.query.iter().chain(&self.form).filter(|text| !names(text, "Signature")).collect();
        let text = format!("{}&%2F&{}", self.method, percent_encoded(&canonical(&pieces)));
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, format!("{}&", self.secret).as_bytes());
        STANDARD.encode(hmac::sign(&key, text.as_bytes()))
    }
}

impl V3 {
    /// The demo's attach, parameters in the query.
    pub fn attach() -> Self {
        let pieces = attach_parameters().map(|(name, value)| piece(name, value));
        Self::from(&Caller::terway(), &pieces.join("&"), "")
    }

    pub fn from(caller: &Caller, query: &str, body: &str) -> Self {
        let mut signed = vec![
            ("host", caller.host.clone()),
            ("x-acs-action", caller.action.clone()),
            ("x-acs-content-sha256", sha256(body)),
            ("x-acs-date", caller.timestamp()),
            ("x-acs-signature-nonce", caller.nonce()),
            ("x-acs-version", caller.version.clone()),
        ];
        if !body.is_empty() {
            signed.insert(0, ("content-type", FORM.1.to_owned()));
        }
        Self {
            id: caller.id.clone(),
            secret: caller.secret.clone(),
            query: query.to_owned(),
            body: body.to_owned(),
            algorithm: "ACS3-HMAC-SHA256".to_owned(),
            signed: signed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            unsigned: Vec::new(),
        }
    }

    /// Appends to the query as written.
    pub fn raw(mut self, text: &str) -> Self {
        let and = if self.query.is_empty() { "" } else { "&" };
        self.query = format!("{}{and}{text}", self.query);
        self
    }

    /// Changes the body, but not the signed digest.
    pub fn body_after_signing(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    pub fn algorithm(mut self, name: &str) -> Self {
        name.clone_into(&mut self.algorithm);
        self
    }

    /// A header that is sent and signed, in place of one of the same name.
    pub fn signed(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.signed.push((name.to_owned(), value.to_owned()));
        self.signed.sort();
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.signed.retain(|(other, _)| other != name);
        self
    }

    /// A header that is sent but not signed.
    pub fn unsigned(mut self, name: &str, value: &str) -> Self {
        self.unsigned.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Still sends a header, but leaves it out of the signature.
    pub fn uncovered(self, name: &str) -> Self {
        let value = self.signed.iter().find(|(other, _)| other == name).expect("a signed header").1.clone();
        self.without(name).unsigned(name, &value)
    }

    pub fn authorization(&self) -> String {
        let pieces: Vec<_> = self.query.split('&').filter(|text| !text.is_empty()).map(str::to_owned).collect();
        let value = |name: &str| self.signed.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value);
        let names = self.signed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let lines: String = self.signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let query = canonical(&pieces.iter().collect::<Vec<_>>());
        let request = format!("POST\n/\n{query}\n{lines}\n{names}\n{}", value("x-acs-content-sha256"));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hex(hmac::sign(&key, format!("{}\n{}", self.algorithm, sha256(&request)).as_bytes()).as_ref());
        format!("{} Credential={},SignedHeaders={names},Signature={tag}", self.algorithm, self.id)
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_with(&self.authorization())
    }

    pub fn bytes_with(&self, authorization: &str) -> Vec<u8> {
        let mut headers: Vec<_> = self.signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.extend(self.unsigned.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        headers.push(("Authorization", authorization));
        let target = if self.query.is_empty() { "/".to_owned() } else { format!("/?{}", self.query) };
        super::caller::raw("POST", &target, &headers, &self.body)
    }
}

/// The bytes with the first occurrence of `old` replaced.
pub fn replaced(bytes: &[u8], old: &str, new: &[u8]) -> Vec<u8> {
    let at = bytes.windows(old.len()).position(|window| window == old.as_bytes());
    let at = at.unwrap_or_else(|| panic!("`{old}` does not occur"));
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}

/// The request with whole header lines inserted after its request line.
pub fn with_lines(bytes: &[u8], lines: &str) -> Vec<u8> {
    replaced(bytes, "HTTP/1.1\r\n", format!("HTTP/1.1\r\n{lines}").as_bytes())
}

/// A body in chunked encoding: two chunks, or fewer where one would be empty.
pub fn chunked(body: &str) -> String {
    let (first, second) = body.split_at(body.len() / 2);
    let chunks = [first, second].into_iter().filter(|chunk| !chunk.is_empty());
    chunks.map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect::<String>() + "0\r\n\r\n"
}

pub fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn canonical(pieces: &[&String]) -> String {
    let mut decoded: Vec<_> = pieces.iter().map(|text| decoded(text)).collect();
    decoded.sort();
    let pairs = decoded.iter().map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn decoded(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let decode =
        |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    (decode(name), decode(value))
}

fn piece(name: &str, value: &str) -> String {
    format!("{}={}", percent_encoded(name), percent_encoded(value))
}

fn names(text: &str, name: &str) -> bool {
    decoded(text).0 == name
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
