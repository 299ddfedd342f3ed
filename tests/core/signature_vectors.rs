//! Runs all signature vectors: each request passes through the stages of verification, and a failure names its stage.

use ramgate::catalog::{Binding, Catalog};
use ramgate::identity::{
    CanonicalQuery, Claim, Credential, KeyStatus, RsaKey, Secret, Signed, StringToSign, UnsignedV3, V1Claim, V3Claim,
    canonical_query, sign_v1, sign_v3,
};
use ramgate::ram::Parameters;
use ramgate::testing::wire::{FormLimits, Head, HeadLimits, Method, percent_encoded, read_parameters};
use serde_json::Value;

const HEAD: HeadLimits = HeadLimits { head_bytes: 65_536, query_bytes: 16_384, body_bytes: 65_536, headers: 100 };
const FORM: FormLimits = FormLimits { parameters: 100 };

/// The first stage whose result differs from the vector, and why.
#[derive(Debug, PartialEq, Eq)]
struct Diverged {
    stage: &'static str,
    why: String,
}

fn diverged<T>(stage: &'static str, why: impl ToString) -> Result<T, Diverged> {
    Err(Diverged { stage, why: why.to_string() })
}

fn same(stage: &'static str, expected: &Value, got: &str) -> Result<(), Diverged> {
    match expected.as_str() {
        Some(text) if text != got => diverged(stage, format!("expected {text:?}, got {got:?}")),
        Some(_) => Ok(()),
        None => diverged(stage, "the vector does not state it"),
    }
}

struct Read {
    head: Head,
    parameters: Parameters,
    body: Vec<u8>,
}

/// Reads the vector's request as the gateway reads one from the wire.
fn read(request: &Value, more: &str) -> Result<Read, Diverged> {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let (query, body) = match (text("raw_query"), text("raw_body")) {
        ("", body) => (String::new(), format!("{body}{more}")),
        (query, body) => (format!("?{query}{more}"), body.to_owned()),
    };
    let mut head = format!("{} /{query} HTTP/1.1\r\n", text("method"));
    let headers: Vec<(String, String)> = match &request["headers"] {
        Value::Array(lines) => lines
            .iter()
            .map(|line| (line[0].as_str().unwrap().to_owned(), line[1].as_str().unwrap().to_owned()))
            .collect(),
        Value::Object(map) => {
            let lines = map.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
            let host = ("host".to_owned(), "ecs.cn-hangzhou.aliyuncs.com".to_owned());
            let kind = text("content_type");
            let kind = (!kind.is_empty() && !map.keys().any(|name| name.eq_ignore_ascii_case("content-type")))
                .then(|| ("content-type".to_owned(), kind.to_owned()));
            lines.chain([host]).chain(kind).collect()
        }
        other => return diverged("vector", format!("headers are {other}")),
    };
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("content-length: {}\r\n", body.len());
    }
    head += "\r\n";
    let head = Head::read(head.as_bytes(), &HEAD).or_else(|error| diverged("head", error))?;
    let parameters =
        read_parameters(head.query(), body.as_bytes(), FORM).or_else(|error| diverged("parameters", error))?;
    Ok(Read { head, parameters, body: body.into_bytes() })
}

fn credential(vector: &Value, id: &str) -> Credential {
    let secret = Secret::new(vector["access_key_secret"].as_str().unwrap_or("none"));
    let principal = ram_policy::Principal::new("1".parse().unwrap(), "user/a".parse().unwrap());
    Credential::new(id.parse().unwrap(), &secret, principal, KeyStatus::Active)
}

fn v1(vector: &Value) -> Result<(), Diverged> {
    let key = credential(vector, vector["access_key_id"].as_str().unwrap());
    let expect = &vector["expect"];
    let unsigned = read(&vector["request"], "")?;
    let canonical: CanonicalQuery = canonical_query(unsigned.parameters.iter().filter(|p| p.name != "Signature"));
    same("canonical query", &expect["canonical_query"], canonical.as_str())?;
    let method = unsigned.head.method();
    same("string to sign", &expect["string_to_sign"], &StringToSign::v1(method, &canonical).to_string())?;
    let signature = sign_v1(method, &unsigned.parameters, &key).signature;
    same("signature", &expect["signature"], &signature)?;
    let complete = match unsigned.parameters.value("Signature") {
        Some(_) => unsigned,
        None => read(&vector["request"], &format!("&Signature={}", percent_encoded(&signature)))?,
    };
    let signed = Signed::new(&complete.head, &complete.parameters, &complete.body);
    let claim = V1Claim::read(&signed).or_else(|error| diverged("claim", error))?;
    claim.verify(&signed, &key).or_else(|error| diverged("verify", error))
}

fn v3(vector: &Value) -> Result<(), Diverged> {
    let key = credential(vector, vector["access_key_id"].as_str().unwrap());
    let expect = &vector["expect"];
    let read = read(&vector["request"], "")?;
    let signed = Signed::new(&read.head, &read.parameters, &read.body);
    let claim = V3Claim::read(&signed).or_else(|error| diverged("claim", error))?;
    same("algorithm", &expect["algorithm"], claim.algorithm().as_str())?;
    same("canonical query", &expect["canonical_query"], canonical_query(signed.query()).as_str())?;
    let request = claim.canonical_request(&signed);
    same("canonical request", &expect["canonical_request"], request.as_str())?;
    let string_to_sign = StringToSign::v3(claim.algorithm(), &request).to_string();
    same("string to sign", &expect["string_to_sign"], &string_to_sign)?;
    let verified = match vector["public_key_pem"].as_str() {
        Some(pem) => claim.verify_rsa(&signed, &RsaKey::from_pem(pem).unwrap()),
        None => claim.verify(&signed, &key),
    };
    verified.or_else(|error| diverged("verify", error))
}

/// Passes a request through every stage. For a vector that must be refused, some stage must fail.
fn accept(vector: &Value) -> Result<(), Diverged> {
    let read = read(&vector["request"], "")?;
    let signed = Signed::new(&read.head, &read.parameters, &read.body);
    let claim = Claim::read(&signed).or_else(|error| diverged("claim", error))?;
    if matches!(claim, Claim::Bearer(_)) {
        return diverged("token", "a call with a token is not signed");
    }
    let key = credential(vector, claim.fields().access_key_id);
    claim.verify(&signed, &key).or_else(|error| diverged("verify", error))?;
    let timestamp = claim.fields().timestamp;
    if ramgate::identity::parse_timestamp(timestamp).is_none() {
        return diverged("clock", timestamp);
    }
    let catalog = Catalog::bundled();
    let operation = catalog.operation(claim.fields().action.unwrap_or_default()).unwrap();
    let (account, regions) = ("1".parse().unwrap(), ["cn-hangzhou".parse().unwrap()]);
    let binding = Binding { account: &account, regions: &regions };
    catalog.bind(operation, &read.parameters, binding).or_else(|error| diverged("parameters", error))?;
    Ok(())
}

fn file(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn walk(list: &Value, count: usize, check: impl Fn(&Value) -> Result<(), Diverged>) {
    let vectors = list.as_array().unwrap();
    assert_eq!(vectors.len(), count);
    let failed: Vec<_> = vectors
        .iter()
        .filter_map(|vector| check(vector).err().map(|diverged| format!("{}: {diverged:?}", vector["name"])))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn every_v1_vector_verifies() {
    walk(&file(include_str!("../fixtures/vectors/v1.json"))["vectors"], 14, v1);
}

#[test]
fn every_v3_vector_verifies() {
    walk(&file(include_str!("../fixtures/vectors/v3.json"))["vectors"], 12, v3);
}

/// The gateway signs calls to ECS exactly as the vendor's SDK does, with a permanent key and with a temporary one.
#[test]
fn calls_to_ecs_are_signed_as_in_the_vectors() {
    let vectors = file(include_str!("../fixtures/vectors/v3.json"));
    for (name, token) in [("upstream-host-attach", None), ("upstream-host-attach-sts", Some("CAIS+tok/en=="))] {
        let mut all = vectors["vectors"].as_array().unwrap().iter();
        let vector = all.find(|vector| vector["name"] == name).unwrap();
        let read = read(&vector["request"], "").unwrap();
        let header = |name: &str| read.head.header(name).unwrap();
        let mut key = credential(vector, vector["access_key_id"].as_str().unwrap());
        if let Some(token) = token {
            key = key.with_security_token(Secret::new(token));
        }
        let unsigned = UnsignedV3 {
            method: Method::Post,
            host: read.head.host(),
            action: header("x-acs-action"),
            version: header("x-acs-version"),
            timestamp: header("x-acs-date"),
            nonce: header("x-acs-signature-nonce"),
            query: &canonical_query(read.parameters.iter()),
        };
        let mut signed = sign_v3(&unsigned, &key);
        signed.retain(|(name, _)| *name != "host");
        for (name, value) in &signed {
            assert_eq!(value, header(name), "{name}");
        }
        assert_eq!(signed.len(), if token.is_some() { 8 } else { 6 }, "{name}");
    }
}

#[test]
fn a_changed_secret_diverges_at_the_signature() {
    for (text, check) in [
        (include_str!("../fixtures/vectors/v1.json"), v1 as fn(&Value) -> _),
        (include_str!("../fixtures/vectors/v3.json"), v3),
    ] {
        let mut vector = file(text)["vectors"][1].clone();
        vector["access_key_secret"] = "another".into();
        let stage = check(&vector).unwrap_err().stage;
        assert!(["signature", "verify"].contains(&stage), "{stage}");
    }
}

#[test]
fn percent_encoding_is_rfc_3986() {
    for row in file(include_str!("../fixtures/vectors/v1.json"))["percent_encoding"].as_array().unwrap() {
        assert_eq!(percent_encoded(row["plain"].as_str().unwrap()), row["encoded"].as_str().unwrap());
    }
}

/// The stage that refuses each vector of the `refuse` lists.
#[test]
fn every_refuse_vector_is_refused_at_its_stage() {
    let stages = [
        (
            include_str!("../fixtures/vectors/v1.json"),
            &[
                ("method-changed-get-to-post", "verify"),
                ("double-encoded-timestamp", "verify"),
                ("extra-unsigned-parameter", "verify"),
                ("same-name-in-query-and-form-signed-as-form-wins", "parameters"),
                ("same-name-in-query-and-form-signed-as-query-wins", "parameters"),
                ("same-name-in-query-and-form-signed-as-both-kept-sorted-by-name-then-value", "parameters"),
                ("duplicate-instance-id-in-query-signed-first", "parameters"),
                ("duplicate-instance-id-in-query-signed-both", "parameters"),
                ("raw-plus-signed-as-literal-plus", "verify"),
                ("case-variant-of-a-known-name", "parameters"),
                ("duplicate-through-encoded-key", "parameters"),
                ("two-actions", "parameters"),
            ][..],
        ),
        (
            include_str!("../fixtures/vectors/v3.json"),
            &[
                ("host-rewritten", "verify"),
                ("action-header-changed", "verify"),
                ("query-changed", "verify"),
                ("body-added-but-digest-of-empty-body", "parameters"),
                ("x-acs-action-not-in-signed-headers", "claim"),
                ("both-signature-schemes", "claim"),
                ("duplicate-x-acs-action-header", "head"),
            ][..],
        ),
    ];
    for (text, expected) in stages {
        let vectors = file(text)["refuse"].clone();
        let found: Vec<_> = vectors
            .as_array()
            .unwrap()
            .iter()
            .map(|vector| (vector["name"].as_str().unwrap(), accept(vector).err().map_or("accepted", |at| at.stage)))
            .collect();
        assert_eq!(found, expected);
    }
}

/// The gateway accepts two algorithms only: the RSA vector verifies in the signature code, but is refused as a claim.
#[test]
fn calls_signed_with_other_algorithms_are_refused() {
    let vectors = file(include_str!("../fixtures/vectors/v3.json"));
    let rsa = vectors["vectors"].as_array().unwrap().iter().find(|vector| vector["name"] == "rsa-sha256").unwrap();
    assert_eq!(accept(rsa).unwrap_err().stage, "claim");
    for request in vectors["bearer_requests"].as_array().unwrap() {
        assert_eq!(
            accept(request).unwrap_err().stage,
            "token",
            "the recorded request of a client is not read as a token"
        );
    }
}

/// The body of this vector repeats a name of the query, which is refused earlier. With another name, only the digest
/// can refuse it.
#[test]
fn a_body_that_its_digest_does_not_cover_is_refused() {
    let vectors = file(include_str!("../fixtures/vectors/v3.json"));
    let mut vector = vectors["refuse"][3].clone();
    vector["request"]["raw_body"] = "NetworkCardIndex=1".into();
    let refused = accept(&vector).unwrap_err();
    assert_eq!(
        (refused.stage, refused.why.as_str()),
        ("verify", "`x-acs-content-sha256` is not the digest of the body")
    );
}

#[test]
fn a_method_is_part_of_the_string_to_sign() {
    let query = canonical_query(std::iter::empty());
    assert_eq!(StringToSign::v1(Method::Get, &query).to_string(), "GET&%2F&");
}
