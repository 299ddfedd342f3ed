//! A caller that signs as real clients do (`docs/spec/wire-protocol.md` 1.3).

use ram_policy::Principal;
use ramgate::gateway::now;
use ramgate::identity::{
    Credential, KeyStatus, Secret, UnsignedV3, canonical_query, format_timestamp, sign_v1, sign_v3,
};
use ramgate::ram::{Parameters, ParametersBuilder, Place};
use ramgate::testing::envelope::unique_id;
use ramgate::testing::wire::{Method, percent_encoded};

/// Where a client puts its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// V1, POST, everything in the query: old Python and Go, the CLI, Terway.
    V1Query,
    /// V1, GET: old Node.
    V1Get,
    /// V1, POST, everything in the form: old Node with POST.
    V1Form,
    /// V1, POST, common parameters in the query and the others in the form: Terraform.
    V1Split,
    /// V3, POST, parameters in the query: every new SDK.
    V3Query,
    /// V3, POST, parameters in a form body.
    V3Form,
}

pub const SHAPES: [Shape; 6] =
    [Shape::V1Query, Shape::V1Get, Shape::V1Form, Shape::V1Split, Shape::V3Query, Shape::V3Form];

#[derive(Clone, Debug)]
pub struct Caller {
    pub id: String,
    pub secret: String,
    pub host: String,
    pub nonce: Option<String>,
    pub timestamp: Option<String>,
    pub action: String,
    pub version: String,
    pub format: Option<String>,
    /// A security token beside the key: a parameter in V1, a signed header in V3.
    pub token: Option<String>,
}

impl Caller {
    pub fn new(id: &str, secret: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            host: "gateway.test".to_owned(),
            nonce: None,
            timestamp: None,
            action: "AttachNetworkInterface".to_owned(),
            version: "2014-05-26".to_owned(),
            format: Some("JSON".to_owned()),
            token: None,
        }
    }

    /// The demo's role that may attach.
    pub fn terway() -> Self {
        Self::new("LTAI5tDemoTerway0000", "demo-secret-of-terway")
    }

    /// The demo's user who may attach, but not in production.
    pub fn alice() -> Self {
        Self::new("LTAI5tDemoAlice00000", "demo-secret-of-alice")
    }

    /// The demo's user without policies.
    pub fn bob() -> Self {
        Self::new("LTAI5tDemoBob0000000", "demo-secret-of-bob")
    }

    pub fn calling(mut self, action: &str) -> Self {
        self.action = action.to_owned();
        self
    }

    pub fn credential(&self) -> Credential {
        let principal = Principal::new(super::ACCOUNT.parse().unwrap(), "root".parse().unwrap());
        Credential::new(self.id.parse().unwrap(), &Secret::new(self.secret.as_str()), principal, KeyStatus::Active)
    }

    pub fn timestamp(&self) -> String {
        self.timestamp.clone().unwrap_or_else(|| format_timestamp(now()))
    }

    pub fn nonce(&self) -> String {
        self.nonce.clone().unwrap_or_else(unique_id)
    }

    /// The demo's attach.
    pub fn attach(&self, shape: Shape) -> Vec<u8> {
        self.request(shape, &attach_parameters())
    }

    /// A signed request in that shape.
    pub fn request(&self, shape: Shape, business: &[(&str, &str)]) -> Vec<u8> {
        match shape {
            Shape::V3Query => self.v3(&encode(business), "", &[]),
            Shape::V3Form => self.v3("", &encode(business), &[]),
            Shape::V1Get => {
                let query = self.v1_query(Method::Get, business);
                self.raw("GET", &format!("/?{query}"), &[], "")
            }
            Shape::V1Query => {
                let query = self.v1_query(Method::Post, business);
                self.raw("POST", &format!("/?{query}"), &[], "")
            }
            Shape::V1Form => {
                let form = self.v1_query(Method::Post, business);
                self.raw("POST", "/", &[FORM], &form)
            }
            Shape::V1Split => {
                let common = self.v1_common();
                let all: Vec<_> =
                    common.iter().map(|(n, v)| (*n, v.as_str())).chain(business.iter().copied()).collect();
                let signature = self.v1_signature(Method::Post, &all);
                let common: Vec<_> = common.iter().map(|(n, v)| (*n, v.as_str())).collect();
                let query = format!("{}&Signature={}", encode(&common), percent_encoded(&signature));
                self.raw("POST", &format!("/?{query}"), &[FORM], &encode(business))
            }
        }
    }

    /// All parameters of a V1 call with their signature, as a query.
    pub fn v1_query(&self, method: Method, business: &[(&str, &str)]) -> String {
        let common = self.v1_common();
        let all: Vec<_> = common.iter().map(|(n, v)| (*n, v.as_str())).chain(business.iter().copied()).collect();
        let signature = self.v1_signature(method, &all);
        format!("{}&Signature={}", encode(&all), percent_encoded(&signature))
    }

    pub fn v1_common(&self) -> Vec<(&'static str, String)> {
        let mut common = vec![
            ("Action", self.action.clone()),
            ("Version", self.version.clone()),
            ("AccessKeyId", self.id.clone()),
            ("SignatureMethod", "HMAC-SHA1".to_owned()),
            ("SignatureVersion", "1.0".to_owned()),
            ("SignatureNonce", self.nonce()),
            ("Timestamp", self.timestamp()),
        ];
        common.extend(self.format.clone().map(|format| ("Format", format)));
        common.extend(self.token.clone().map(|token| ("SecurityToken", token)));
        common
    }

    /// The signature that a client would compute. If a name repeats, its last value is signed.
    pub fn v1_signature(&self, method: Method, parameters: &[(&str, &str)]) -> String {
        sign_v1(method, &collect(parameters), &self.credential()).signature
    }

    /// A V3 request over a raw query and body; `extra` headers are sent but not signed.
    pub fn v3(&self, query: &str, body: &str, extra: &[(&str, &str)]) -> Vec<u8> {
        let headers = self.v3_headers(query, body);
        let mut lines: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        lines.push(("accept", "application/json"));
        lines.extend_from_slice(extra);
        let target = if query.is_empty() { "/".to_owned() } else { format!("/?{query}") };
        raw("POST", &target, &lines, body)
    }

    /// The signed headers of a V3 call, `host` and `authorization` among them.
    pub fn v3_headers(&self, query: &str, body: &str) -> Vec<(String, String)> {
        use aws_lc_rs::{digest, hmac};
        let pairs = decode(query);
        let (timestamp, nonce) = (self.timestamp(), self.nonce());
        if body.is_empty() && self.token.is_none() {
            let parameters = collect(&pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>());
            let unsigned = UnsignedV3 {
                method: Method::Post,
                host: &self.host,
                action: &self.action,
                version: &self.version,
                timestamp: &timestamp,
                nonce: &nonce,
                query: &canonical_query(parameters.iter()),
            };
            return sign_v3(&unsigned, &self.credential()).into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        }
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let sha = |text: &str| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        let mut headers = vec![
            ("content-type".to_owned(), FORM.1.to_owned()),
            ("host".to_owned(), self.host.clone()),
            ("x-acs-action".to_owned(), self.action.clone()),
            ("x-acs-content-sha256".to_owned(), sha(body)),
            ("x-acs-date".to_owned(), timestamp),
            ("x-acs-signature-nonce".to_owned(), nonce),
            ("x-acs-version".to_owned(), self.version.clone()),
        ];
        if body.is_empty() {
            headers.remove(0);
        }
        headers.extend(self.token.clone().map(|token| ("x-acs-security-token".to_owned(), token)));
        headers.sort();
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let parameters = collect(&pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>());
        let canonical = format!("POST\n/\n{}\n{lines}\n{names}\n{}", canonical_query(parameters.iter()), sha(body));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, format!("ACS3-HMAC-SHA256\n{}", sha(&canonical)).as_bytes());
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={}", self.id, hex(tag.as_ref()));
        headers.push(("Authorization".to_owned(), authorization));
        headers
    }

    /// A request with this caller's `Host`.
    pub fn raw(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
        let mut lines = vec![("Host", self.host.as_str())];
        lines.extend_from_slice(headers);
        raw(method, target, &lines, body)
    }
}

pub const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

pub fn attach_parameters() -> [(&'static str, &'static str); 3] {
    [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", super::ENI), ("InstanceId", super::INSTANCE)]
}

/// A request exactly as given; only the `Content-Length` of a body is added.
pub fn raw(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    (text + "\r\n" + body).into_bytes()
}

pub fn encode(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| format!("{}={}", percent_encoded(n), percent_encoded(v))).collect();
    pairs.join("&")
}

fn decode(query: &str) -> Vec<(String, String)> {
    if query.is_empty() {
        return Vec::new();
    }
    let text =
        |piece: &str| percent_encoding::percent_decode_str(&piece.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
        .map(|(n, v)| (text(n), text(v)))
        .collect()
}

/// Parameters for signing. If a name repeats, its last value counts; the request itself may still repeat it.
fn collect(pairs: &[(&str, &str)]) -> Parameters {
    let mut builder = ParametersBuilder::default();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if !pairs[at + 1..].iter().any(|(later, _)| later == name) {
            builder.push(name, value, Place::Query);
        }
    }
    builder.finish().unwrap()
}
