//! The cost of parsing a signed call and verifying its signature, as the gateway does.

use divan::{Bencher, black_box};
use ram_policy::{Principal, Source};
use ramgate::identity::{
    Claim, Credential, Grant, Issuer, IssuerKeyRing, KeyStatus, NewIssuerKey, Secret, Signed, UnsignedV3,
    canonical_query, sign_v1, sign_v3,
};
use ramgate::ram::{Origin, Parameters, ParametersBuilder, Place, Session};
use ramgate::testing::wire::{FormLimits, Head, HeadLimits, Method, percent_encoded, read_parameters};

const HEAD: HeadLimits = HeadLimits { head_bytes: 65_536, query_bytes: 16_384, body_bytes: 65_536, headers: 100 };
const FORM: FormLimits = FormLimits { parameters: 100 };

fn main() {
    divan::main();
}

#[divan::bench]
fn read_head(bencher: Bencher<'_, '_>) {
    let request = v1_request();
    bencher.bench_local(|| Head::read(black_box(&request), &HEAD));
}

#[divan::bench]
fn read_query(bencher: Bencher<'_, '_>) {
    let head = Head::read(&v1_request(), &HEAD).expect("a good head");
    bencher.bench_local(|| read_parameters(black_box(head.query()), b"", FORM));
}

#[divan::bench]
fn verify_v1(bencher: Bencher<'_, '_>) {
    verify(bencher, &v1_request());
}

#[divan::bench]
fn verify_v3(bencher: Bencher<'_, '_>) {
    verify(bencher, &v3_request());
}

/// The additional cost of a call with an issued key: opening its token, which is cached or not.
#[divan::bench(args = [Token::Known, Token::New])]
fn open_token(bencher: Bencher<'_, '_>, token: Token) {
    let (now, account) = (jiff::Timestamp::UNIX_EPOCH, "1234567890123456".parse().expect("an account"));
    let key = NewIssuerKey::random(now);
    let text = format!("[[key]]\nid = \"{}\"\nfrom = \"{now}\"\nsecret = \"{}\"", key.id, key.secret.expose());
    let ring = || IssuerKeyRing::read(&Source::new("issuer.key", text.as_str())).expect("a key file");
    let issuer = Issuer::new(ring());
    let policy = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}"#;
    let session = Session {
        name: "node-1".parse().expect("a name"),
        key: Issuer::new_access_key_id(),
        expires: jiff::Timestamp::MAX,
        origin: Origin::Token { issuer: "https://kubernetes.default.svc".into(), subject: "system:x".into() },
        narrowed_by: None,
    };
    let principal = Principal::new(account, "role/terway".parse().expect("a role"));
    let issued = issuer.issue(&Grant { principal, session, policy: Some(policy.to_owned()) }, now).expect("a key");
    let (id, sealed) = (issued.access_key_id.as_str(), issued.security_token.expose());
    let open = |issuer: &Issuer| issuer.open(black_box(id), black_box(sealed)).expect("a good token");
    match token {
        Token::Known => bencher.bench_local(|| open(&issuer)),
        Token::New => bencher.with_inputs(|| Issuer::new(ring())).bench_local_refs(|issuer| open(issuer)),
    }
}

#[derive(Clone, Copy, Debug)]
enum Token {
    Known,
    New,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Verification of a signature, from parsed values.
fn verify(bencher: Bencher<'_, '_>, request: &[u8]) {
    let head = Head::read(request, &HEAD).expect("a good head");
    let parameters = read_parameters(head.query(), b"", FORM).expect("a good query");
    let key = credential();
    bencher.bench_local(|| {
        let signed = Signed::new(black_box(&head), &parameters, b"");
        let claim = Claim::read(&signed).expect("one scheme");
        claim.verify(&signed, &key).expect("a good signature");
    });
}

fn credential() -> Credential {
    let account = "1234567890123456".parse().expect("an account");
    let principal = Principal::new(account, "user/alice".parse().expect("a user"));
    let id = "LTAI5tBenchKey00000000000".parse().expect("an id");
    Credential::new(id, &Secret::new("benchsecret"), principal, KeyStatus::Active)
}

const BUSINESS: [(&str, &str); 3] = [
    ("RegionId", "cn-hangzhou"),
    ("NetworkInterfaceId", "eni-bp17pdijfczax1huji01"),
    ("InstanceId", "i-bp16qstyvxj9gpqw0001"),
];

fn parameters(more: &[(&str, &str)]) -> Parameters {
    let mut builder = ParametersBuilder::default();
    for (name, value) in BUSINESS.iter().chain(more) {
        builder.push(name, value, Place::Query);
    }
    builder.finish().expect("distinct names")
}

fn v1_request() -> Vec<u8> {
    let parameters = parameters(&[
        ("Action", "AttachNetworkInterface"),
        ("Version", "2014-05-26"),
        ("Format", "JSON"),
        ("AccessKeyId", "LTAI5tBenchKey00000000000"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", "edb2b34af0af9a6d14deaf7c1a5315eb"),
        ("Timestamp", "2024-09-13T08:34:30Z"),
    ]);
    let signature = sign_v1(Method::Get, &parameters, &credential()).signature;
    let query = format!("{}&Signature={}", canonical_query(parameters.iter()), percent_encoded(&signature));
    format!("GET /?{query} HTTP/1.1\r\nHost: ecs.example.test\r\nUser-Agent: bench/1\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

fn v3_request() -> Vec<u8> {
    let query = canonical_query(parameters(&[]).iter());
    let unsigned = UnsignedV3 {
        method: Method::Post,
        host: "ecs.example.test",
        action: "AttachNetworkInterface",
        version: "2014-05-26",
        timestamp: "2024-09-13T08:34:30Z",
        nonce: "edb2b34af0af9a6d14deaf7c1a5315eb",
        query: &query,
    };
    let mut head = format!("POST /?{query} HTTP/1.1\r\n");
    for (name, value) in sign_v3(&unsigned, &credential()) {
        head += &format!("{name}: {value}\r\n");
    }
    (head + "\r\n").into_bytes()
}
