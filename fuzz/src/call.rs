//! Calls: from parameters to the bytes that ECS receives, and their signatures.

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use ram_policy::{AccountId, Resource};
use ramgate::catalog::{Binding, Call, Catalog};
use ramgate::identity::{
    Claim, Clock, Credential, KeyRing, KeyStatus, Secret, Signed, StringToSign, UnsignedV3, V1Claim, V3Claim,
    canonical_query, format_timestamp, sign_v3,
};
use ramgate::ram::{Parameter, Parameters, ParametersBuilder, Place, Region, Scheme};
use ramgate::testing::text::hex;
use ramgate::testing::wire::{FormLimits, Head, Method, read_parameters};

use super::wire::{FORM, LIMITS, decoded, header_lines, parts, sorted};

static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| vec!["cn-hangzhou".parse().unwrap()]);
static ACCOUNT: LazyLock<AccountId> = LazyLock::new(|| "1234567890123456".parse().unwrap());

static KEY: LazyLock<Credential> = LazyLock::new(|| credential(SECRET));
static OTHER_KEY: LazyLock<Credential> = LazyLock::new(|| credential("a secret that signed none of the seeds"));
const SECRET: &str = "secret";

fn credential(secret: &str) -> Credential {
    let principal = ram_policy::Principal::new(ACCOUNT.clone(), "user/alice".parse().unwrap());
    Credential::new("LTAI5tFuzz".parse().unwrap(), &Secret::new(secret), principal, KeyStatus::Active)
}

/// ECS reads exactly the call that the gateway bound: it is bound, rebuilt, signed, and parsed again by the HTTP library's
/// parser. The input is a query, a line feed and a form.
pub(crate) fn rebuilt(data: &[u8]) {
    let (query, form) = parts(data);
    let Ok(parameters) = read_parameters(query, form, FORM) else { return };
    let catalog = Catalog::bundled();
    let Some(operation) = parameters.value("Action").and_then(|name| catalog.operation(name)) else { return };
    let binding = Binding { account: &ACCOUNT, regions: &REGIONS };
    let Ok(call) = catalog.bind(operation, &parameters, binding) else { return };
    let format = Parameter { name: "Format", value: "JSON", place: Place::Query };
    let query = canonical_query(call.parameters().iter().chain([format]));
    let now = Timestamp::from_second(1_767_225_600).unwrap();
    let unsigned = UnsignedV3 {
        method: Method::Post,
        host: "ecs.cn-hangzhou.aliyuncs.com",
        action: call.operation().name(),
        version: call.operation().version(),
        timestamp: &format_timestamp(now),
        nonce: "fuzz",
        query: &query,
    };
    let mut sent = format!("POST /?{} HTTP/1.1\r\n", query.as_str());
    for (name, value) in sign_v3(&unsigned, &KEY) {
        sent += &format!("{name}: {value}\r\n");
    }
    sent += "\r\n";
    if query.as_str().len() > LIMITS.query_bytes {
        return;
    }

    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    assert_eq!(request.parse(sent.as_bytes()), Ok(httparse::Status::Complete(sent.len())), "{sent}");
    let theirs = request.path.unwrap().split_once('?').map_or("", |(_, query)| query);
    let mut wanted: Vec<_> = call.parameters().iter().map(|it| (it.name.to_owned(), it.value.to_owned())).collect();
    wanted.push(("Format".to_owned(), "JSON".to_owned()));
    assert_eq!(sorted(decoded(theirs.as_bytes())), sorted(wanted), "ECS reads what was judged");

    let head = Head::read(sent.as_bytes(), &LIMITS).expect("what the gateway sends, it would take");
    let read = read_parameters(head.query(), b"", FormLimits { parameters: 200 }).unwrap();
    let signed = Signed::new(&head, &read, b"");
    let claim = Claim::read(&signed).expect("a signed call");
    claim.verify(&signed, &KEY).expect("the signature that was made verifies");
    assert!(claim.verify(&signed, &OTHER_KEY).is_err(), "and by no other key");
    let again = catalog.bind(operation, &without_format(&read), binding).expect("what was bound is bound again");
    every_named_resource_is_judged(&call);
    // Not in their order: a canonical query has its parameters sorted.
    let names = |call: &Call| sorted(call.resources().iter().map(|resource| resource.as_str().to_owned()).collect());
    assert_eq!(names(&call), names(&again), "the resources that are judged are those that ECS acts on");
}

fn without_format(parameters: &Parameters) -> Parameters {
    let mut kept = ParametersBuilder::default();
    for given in parameters.iter().filter(|given| given.name != "Format") {
        kept.push(given.name, given.value, Place::Query);
    }
    kept.finish().unwrap()
}

/// Parameters that name a resource, and what their ids stand behind in an ARN.
const NAMING: [(&str, &str); 5] = [
    ("NetworkInterfaceId", "eni/"),
    ("InstanceId", "instance/"),
    ("SecurityGroupId", "securitygroup/"),
    ("SecurityGroupIds", "securitygroup/"),
    ("VSwitchId", "vswitch/"),
];

/// Where an operation is judged on resources of a type, it is judged on each that the call names; and no value becomes
/// more of an ARN than one id.
fn every_named_resource_is_judged(call: &Call) {
    let arns: Vec<&str> = call.resources().iter().map(Resource::as_str).collect();
    assert!(!arns.is_empty(), "something is judged");
    for given in call.parameters().iter().filter(|given| !given.value.is_empty()) {
        let stem = given.name.split('.').next().unwrap_or_default();
        let Some((_, kind)) = NAMING.iter().find(|(name, _)| *name == stem) else { continue };
        let mut templates = call.operation().resources().iter().map(|spec| spec.template.as_str());
        if templates.any(|template| template.contains(&format!(":{kind}"))) {
            let end = format!(":1234567890123456:{kind}{}", given.value);
            assert!(arns.iter().any(|arn| arn.ends_with(&end)), "`{}` is not judged: {arns:?}", given.name);
        }
    }
    for arn in arns.into_iter().filter(|arn| *arn != "*") {
        let fields: Vec<&str> = arn.split(':').collect();
        assert_eq!(fields.len(), 5, "{arn}");
        assert_eq!((fields[0], fields[2], fields[3]), ("acs", "cn-hangzhou", "1234567890123456"), "{arn}");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let id = fields[4].split_once('/').map_or(fields[4], |(_, id)| id);
        // All of a type only where the vendor's own table says so, never by a value.
        let all = call
            .operation()
            .resources()
            .iter()
            .any(|spec| spec.template.as_str().ends_with(&format!(":{}", fields[4])));
        assert!(id == "*" && all || !id.is_empty() && id.bytes().all(plain), "{arn}");
    }
}

/// What a call is signed over, as it would come from the wire.
#[derive(Clone)]
struct Sent<'a> {
    method: Method,
    headers: Vec<(&'a str, Vec<u8>)>,
    parameters: Vec<(String, String, Place)>,
    body: Vec<u8>,
}

/// Whatever the scheme, only calls signed with the key verify. A signed call no longer verifies if anything changes that it
/// is judged or forwarded by. The input is header lines, an empty line, a query, a line feed and a form.
pub(crate) fn authorization(data: &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let (query, body) = parts(data.get(end + 2..).unwrap_or_default());
    let Ok(parameters) = read_parameters(query, body, FORM) else { return };
    let headers: Vec<_> = header_lines(&data[..end]).into_iter().map(|(name, value)| (name, value.to_vec())).collect();
    let parameters: Vec<_> = parameters.iter().map(|it| (it.name.to_owned(), it.value.to_owned(), it.place)).collect();
    for method in [Method::Get, Method::Post] {
        let sent = Sent { method, headers: headers.clone(), parameters: parameters.clone(), body: body.to_vec() };
        let Some(scheme) = sent.with_claim(|claim, signed| {
            let claimed = claim.fields();
            let clock = Clock { skew: Duration::from_secs(900) };
            let _ = clock.check(claimed.timestamp, Timestamp::from_second(1_767_225_600).unwrap());
            assert!(claim.verify(signed, &OTHER_KEY).is_err(), "signed by another key");
            claim.scheme()
        }) else {
            continue;
        };
        let signed = match scheme {
            Scheme::V1 => sent.signed_v1(),
            Scheme::V3 => sent.signed_v3(),
            _ => None,
        };
        if let Some(signed) = signed {
            assert!(signed.verifies(&KEY), "what the key signed verifies");
            assert!(!signed.verifies(&OTHER_KEY), "and by no other key");
            for (what, changed) in signed.changed(scheme) {
                assert!(!changed.verifies(&KEY), "a change of {what} shows");
            }
        }
    }
    // The ring is asked for whatever id is claimed.
    let ring = KeyRing::new([KEY.clone()]);
    let id = parameters.iter().find(|(name, ..)| name == "AccessKeyId");
    assert_eq!(id.and_then(|(_, id, _)| ring.find(id)).is_some(), id.is_some_and(|(_, id, _)| id == "LTAI5tFuzz"));
}

/// A V3 `Authorization` header with another signature.
fn resigned(header: &[u8], signature: &str) -> Option<Vec<u8>> {
    let (algorithm, fields) = str::from_utf8(header).ok()?.split_once(' ')?;
    let field = |field: &str| match field.split_once('=') {
        Some(("Signature", _)) => format!("Signature={signature}"),
        _ => field.to_owned(),
    };
    Some(format!("{algorithm} {}", fields.split(',').map(field).collect::<Vec<_>>().join(",")).into_bytes())
}

impl Sent<'_> {
    /// The claim that the call makes, if it makes one.
    fn with_claim<T>(&self, show: impl FnOnce(&Claim<'_>, &Signed<'_>) -> T) -> Option<T> {
        let mut parameters = ParametersBuilder::default();
        for (name, value, place) in &self.parameters {
            parameters.push(name, value, *place);
        }
        let parameters = parameters.finish().ok()?;
        let headers = self.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let signed = Signed { method: self.method, headers, parameters: &parameters, body: &self.body };
        let claim = Claim::read(&signed).ok()?;
        Some(show(&claim, &signed))
    }

    fn verifies(&self, key: &Credential) -> bool {
        self.with_claim(|claim, signed| claim.verify(signed, key).is_ok()).unwrap_or(false)
    }

    /// The same call with the key's signature in place of the one it carries.
    fn signed_v1(&self) -> Option<Self> {
        let text =
            self.with_claim(|_, signed| V1Claim::read(signed).map(|claim| claim.string_to_sign(signed)))?.ok()?;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, format!("{SECRET}&").as_bytes());
        let mut call = self.clone();
        let signature = call.parameters.iter_mut().find(|(name, ..)| name == "Signature")?;
        signature.1 = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        Some(call)
    }

    /// The same, the digest of the body included. None where the header of the signature is itself to be signed.
    fn signed_v3(&self) -> Option<Self> {
        let mut call = self.clone();
        let body = hex(digest::digest(&digest::SHA256, &call.body).as_ref());
        *call.header("x-acs-content-sha256")? = body.into_bytes();
        let (text, covered) = call.with_claim(|_, signed| {
            let claim = V3Claim::read(signed).ok()?;
            let text = StringToSign::v3(claim.algorithm(), &claim.canonical_request(signed));
            Some((text, claim.signed_headers().any(|name| name == "authorization")))
        })??;
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let signature = hex(hmac::sign(&key, text.as_bytes()).as_ref());
        let header = call.header("authorization").filter(|_| !covered)?;
        *header = resigned(header, &signature)?;
        Some(call)
    }

    fn header(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        let header = self.headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value)
    }

    /// The call with one thing different that the signature must cover, and what.
    fn changed(&self, scheme: Scheme) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        let mut change = |what: &str, how: &mut dyn FnMut(&mut Self)| {
            let mut call = self.clone();
            how(&mut call);
            all.push((what.to_owned(), call));
        };
        change("the method", &mut |call| {
            call.method = if call.method == Method::Get { Method::Post } else { Method::Get };
        });
        change("the signature's length", &mut |call| {
            if scheme == Scheme::V1 {
                let signature = call.parameters.iter_mut().find(|(name, ..)| name == "Signature");
                let (_, value, _) = signature.expect("it was signed");
                *value = BASE64_STANDARD.encode(&BASE64_STANDARD.decode(&*value).unwrap()[..1]);
            } else {
                let value = call.header("authorization").expect("it was signed");
                *value = resigned(value, "00").expect("it was signed");
            }
        });
        // A form's parameters are covered by the digest of the body where there is one.
        let covered = |place: Place| scheme == Scheme::V1 || place == Place::Query;
        for (at, (name, _, place)) in self.parameters.iter().enumerate() {
            if covered(*place) {
                change(name, &mut |call| call.parameters[at].1.push('x'));
                change(name, &mut |call| drop(call.parameters.remove(at)));
            }
        }
        for place in [Place::Query, Place::Form].into_iter().filter(|place| covered(*place)) {
            for value in ["", "1"] {
                let added = ("Zz.Added".to_owned(), value.to_owned(), place);
                change("an added parameter", &mut |call| call.parameters.push(added.clone()));
            }
        }
        if scheme == Scheme::V3 {
            change("the body", &mut |call| call.body.push(b'x'));
            let read =
                ["action", "version", "date", "signature-nonce", "content-sha256", "security-token", "accesskey-id"];
            for (at, (name, _)) in self.headers.iter().enumerate() {
                if read.iter().any(|it| name.to_ascii_lowercase().strip_prefix("x-acs-") == Some(it)) {
                    change(name, &mut |call| call.headers[at].1.push(b'x'));
                }
            }
        }
        all
    }
}
