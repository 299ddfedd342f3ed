//! Identity: two schemes at once, values in two places, parts that a signature does not cover, replay.

use std::time::Duration;

use ramgate::gateway::now;
use ramgate::identity::format_timestamp;

use crate::support::crafted::{replaced, sha256, with_lines};
use crate::support::{Bench, Caller, ENI, INSTANCE, PROD_INSTANCE, Refused, V1, V3};

const V1_FAILED: (u16, &str, &str) = (400, "IncompleteSignature", "signature-v1");
const V3_FAILED: (u16, &str, &str) = (400, "SignatureDoesNotMatch", "signature-v3");

#[test]
fn row_04_two_different_actions_are_refused() {
    let bench = Bench::new();
    for (header, value) in
        [("x-acs-action", "DescribeInstances"), ("x-acs-action", ""), ("x-acs-version", "2016-04-28")]
    {
        let refused = Refused::two_readings("differ: send one value");
        bench.refuses(header, &V1::attach().header(header, value).bytes(), refused);
    }
    // In V1, the parameter decides: one client writes the header's first letter in lower case.
    bench.forwards_attach("case", &V1::attach().header("x-acs-action", "attachNetworkInterface").bytes());
    for piece in ["Action=DescribeInstances", "Action=attachNetworkInterface", "Version=2016-04-28", "Action="] {
        bench.refuses(piece, &V3::attach().raw(piece).bytes(), Refused::two_readings("differ: send one value"));
    }
    let java = V3::attach().raw("Action=AttachNetworkInterface&Version=2014-05-26&Format=JSON");
    bench.forwards_attach("old Java sends both, equal", &java.bytes());
    for header in ["x-acs-action", "x-acs-version"] {
        let request = V3::attach().uncovered(header).bytes();
        bench.refuses(header, &request, Refused::two_readings("must be listed in SignedHeaders"));
    }
    let altered = replaced(&V3::attach().bytes(), ": AttachNetworkInterface", b": DetachNetworkInterface");
    bench.refuses("altered", &altered, failed(V3_FAILED, "does not match"));
}

#[test]
fn row_05_two_schemes_at_once_are_refused() {
    let bench = Bench::new();
    let two = Refused::two_readings("use one scheme");
    let acs3 = V3::attach().authorization();
    let requests = [
        V1::attach().header("Authorization", &acs3).bytes(),
        V1::attach().header("Authorization", "Bearer eyJ").bytes(),
        V1::attach().header("Authorization", "").bytes(),
        V1::attach().header("x-acs-bearer-token", "eyJ").bytes(),
        V1::attach().header("x-acs-zero-trust-idtoken", "eyJ").bytes(),
        V1::attach().raw("BearerToken=eyJ").bytes(),
        V1::attach().raw("SignatureType=BEARERTOKEN").bytes(),
        V3::attach().raw("Signature=AAAA").bytes(),
        V3::attach().raw("Signature=").bytes(),
        V3::attach().raw("BearerToken=eyJ").bytes(),
        V3::attach().raw("SignatureType=BEARERTOKEN").bytes(),
        V3::attach().unsigned("x-acs-bearer-token", "eyJ").bytes(),
        V3::attach().signed("x-acs-bearer-token", "eyJ").bytes(),
    ];
    for (at, request) in requests.iter().enumerate() {
        bench.refuses(&format!("request {at}"), request, two);
    }
    let whole = with_lines(&V3::attach().bytes(), "");
    let both = replaced(&whole, "/?", format!("{}&", V1::from(&Caller::terway(), &[]).target()).as_bytes());
    bench.refuses("two complete signatures", &both, two);
}

#[test]
fn row_12_a_callers_claims_about_its_address_are_ignored() {
    let bench = Bench::new();
    let claims = [
        "x-acs-source-ip",
        "x-acs-secure-transport",
        "x-acs-proxy-source-ip",
        "x-acs-proxy-secure-transport",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "Forwarded",
        "True-Client-IP",
    ];
    let requests = claims.iter().flat_map(|name| {
        [V1::attach().header(name, "10.9.8.7").bytes(), V3::attach().unsigned(name, "10.9.8.7").bytes()]
    });
    let parameters = ["SourceIp=10.9.8.7", "SecureTransport=true"]
        .iter()
        .flat_map(|piece| [V1::attach().raw(piece).bytes(), V3::attach().raw(piece).bytes()]);
    for request in requests.chain(parameters) {
        let label = String::from_utf8_lossy(&request).into_owned();
        let decision = bench.forwards_attach(&label, &request);
        assert_eq!(decision["sourceIpAddress"], "127.0.0.1", "{label}");
        let conditions = &decision["additionalEventData"]["gateway"]["decision"]["AuthConditions"];
        let value = |key: &str| {
            let condition = conditions.as_array().unwrap().iter().find(|condition| condition["ConditionKey"] == key);
            condition.unwrap_or_else(|| panic!("{key}: {conditions}"))["ConditionValues"].clone()
        };
        assert_eq!(value("acs:SourceIp"), serde_json::json!(["127.0.0.1"]), "{label}");
        assert_eq!(value("acs:SecureTransport"), serde_json::json!(["false"]), "{label}");
        let head = bench.upstream.requests().pop().unwrap().to_ascii_lowercase();
        assert!(!head.contains("10.9.8.7") && !head.contains("forwarded") && !head.contains("-ip:"), "{head}");
    }
}

#[test]
fn row_25_a_body_other_than_the_signed_one_is_refused() {
    let bench = Bench::new();
    let form = format!("InstanceId={INSTANCE}&NetworkInterfaceId={ENI}&RegionId=cn-hangzhou");
    let other = form.replace(INSTANCE, PROD_INSTANCE);
    let signed = || V3::from(&Caller::terway(), "", &form);
    bench.forwards_attach("as signed", &signed().bytes());
    let refused = failed(V3_FAILED, "is not the digest of the body");
    bench.refuses("another body", &signed().body_after_signing(&other).bytes(), refused);
    bench.refuses("no body", &signed().body_after_signing("").bytes(), refused);
    let digests =
        [sha256(&other), sha256(&form).to_uppercase(), format!("{} ", &sha256(&form)[..63]), "UNSIGNED".into()];
    for digest in digests {
        bench.refuses(&digest, &signed().signed("x-acs-content-sha256", &digest).bytes(), refused);
    }
    // The digest matches the body that was received, but it is not the signed digest.
    let swapped = replaced(&signed().body_after_signing(&other).bytes(), &sha256(&form), sha256(&other).as_bytes());
    bench.refuses("digest and body swapped", &swapped, failed(V3_FAILED, "does not match"));
}

#[test]
fn row_26_headers_of_the_protocol_must_be_signed() {
    let bench = Bench::new();
    let must = ["x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];
    for name in must {
        let refused = Refused::two_readings("must be listed in SignedHeaders");
        bench.refuses(name, &V3::attach().uncovered(name).bytes(), refused);
        let missing = Refused::with(400, "MissingParameter", "missing-signature-part", "is mandatory");
        bench.refuses(name, &V3::attach().without(name).bytes(), missing);
        let line = format!("{}: x\r\n", name.to_uppercase());
        let twice = with_lines(&V3::attach().bytes(), &line);
        bench.refuses(name, &twice, Refused::framing("occurs twice"));
        let underscored = with_lines(&V3::attach().bytes(), &format!("{}: x\r\n", name.replace('-', "_")));
        bench.refuses(name, &underscored, Refused::framing("resembles a significant header"));
    }
    for (name, value) in [("x-acs-security-token", "t"), ("x-acs-accesskey-id", "LTAI5tDemoTerway0000")] {
        let refused = Refused::two_readings("must be listed in SignedHeaders");
        bench.refuses(name, &V3::attach().unsigned(name, value).bytes(), refused);
    }
    bench.forwards_attach("old Java does not sign the host", &V3::attach().uncovered("host").bytes());
    bench.forwards_attach("Python signs more", &V3::attach().signed("user-agent", "x y").bytes());

    let call = V3::attach();
    let authorization = call.authorization();
    let list = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap().to_owned();
    let odd = [
        (format!("{list};x-not-there"), "which the request must carry exactly once", "two-readings"),
        (format!("{list};x-acs-version"), "not sorted, or names a header twice", "signature-type"),
        (format!("x-acs-version;{list}"), "not sorted, or names a header twice", "signature-type"),
        (list.replace("host", "Host"), "not in lower case", "signature-type"),
        (list.replace(';', ";;"), "empty or not in lower case", "signature-type"),
        (String::new(), "empty or not in lower case", "signature-type"),
    ];
    for (names, because, refusal) in odd {
        let authorization = authorization.replace(&list, &names);
        let refused = Refused::with(400, "InvalidParameter", refusal, because);
        bench.refuses(&names, &call.bytes_with(&authorization), refused);
    }
    let twice = V3::attach().signed("x-extra", "1").unsigned("X-Extra", "2");
    bench.refuses("a signed header twice", &twice.bytes(), Refused::two_readings("must carry exactly once"));
}

#[test]
fn row_27_different_key_ids_are_refused() {
    let bench = Bench::new();
    let other = "LTAI5tDemoAlice00000";
    let differ = Refused::two_readings("differ: send one value");
    bench.refuses("header", &V3::attach().signed("x-acs-accesskey-id", other).bytes(), differ);
    bench.refuses("parameter", &V3::attach().raw(&format!("AccessKeyId={other}")).bytes(), differ);
    bench.refuses("empty parameter", &V3::attach().raw("AccessKeyId=").bytes(), differ);
    bench.refuses("V1 header", &V1::attach().header("x-acs-accesskey-id", other).bytes(), differ);
    let same =
        V3::attach().signed("x-acs-accesskey-id", "LTAI5tDemoTerway0000").raw("AccessKeyId=LTAI5tDemoTerway0000");
    bench.forwards_attach("all equal", &same.bytes());
    let stolen = V3::attach().authorization().replace("Terway0000", "Alice00000");
    bench.refuses("another caller's key", &V3::attach().bytes_with(&stolen), failed(V3_FAILED, "does not match"));
    let stolen = V1::attach().bytes();
    let stolen = replaced(&stolen, "LTAI5tDemoTerway0000", other.as_bytes());
    bench.refuses("another caller's key", &stolen, failed(V1_FAILED, "does not match"));
}

#[test]
fn row_28_a_token_in_the_wrong_place_is_refused() {
    let bench = Bench::new();
    let misplaced = Refused::two_readings("belongs to another signature scheme");
    bench.refuses("V1", &V1::attach().header("x-acs-security-token", "t").bytes(), misplaced);
    bench.refuses("V3", &V3::attach().raw("SecurityToken=t").bytes(), misplaced);
    let both = V1::attach().raw("SecurityToken=t").header("x-acs-security-token", "t");
    bench.refuses("V1, both", &both.bytes(), misplaced);
    let both = V3::attach().raw("SecurityToken=t").signed("x-acs-security-token", "t");
    bench.refuses("V3, both", &both.bytes(), misplaced);
    let code = "InvalidSecurityToken.MismatchWithAccessKey";
    let permanent = Refused::with(400, code, "token-mismatch", "with a permanent key");
    bench.refuses("V1, permanent key", &V1::attach().raw("SecurityToken=t").bytes(), permanent);
    bench.refuses("V3, permanent key", &V3::attach().signed("x-acs-security-token", "t").bytes(), permanent);
}

#[test]
fn row_29_a_nonce_is_accepted_once_and_only_in_time() {
    let bench = Bench::new();
    let used = Refused::with(400, "SignatureNonceUsed", "nonce-used", "has been used");
    for request in [V1::attach().bytes(), V3::attach().bytes()] {
        bench.forwards_attach("once", &request);
        bench.refuses("again", &request, used);
    }
    let caller = Caller { nonce: Some("one nonce, two schemes".to_owned()), ..Caller::terway() };
    let pair = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE)];
    bench.forwards_attach("V1", &V1::from(&caller, &pair).bytes());
    let query = format!("InstanceId={INSTANCE}&NetworkInterfaceId={ENI}&RegionId=cn-hangzhou");
    bench.refuses("the nonce again in V3", &V3::from(&caller, &query, "").bytes(), used);

    // Space around a header's value is not signed, so it does not make another nonce.
    for space in [" ", "\t", "  \t "] {
        let once = V3::attach().bytes();
        bench.forwards_attach("once", &once);
        let text = String::from_utf8(once.clone()).unwrap();
        let at = text.to_ascii_lowercase().find("x-acs-signature-nonce:").unwrap() + "x-acs-signature-nonce:".len();
        let end = at + text[at..].find('\r').unwrap();
        let padded = format!("{}{space}{}{space}{}", &text[..at], text[at..end].trim(), &text[end..]);
        bench.refuses("with space around its nonce", padded.as_bytes(), used);
    }

    // A nonce is used up only by its owner's call, not by a forged one.
    let victim = V1::attach();
    let forged = replaced(&victim.bytes(), "InstanceId=i-bp1demoworker", b"InstanceId=i-bp1demoforged");
    bench.refuses("forged", &forged, failed(V1_FAILED, "does not match"));
    bench.forwards_attach("the owner's own call", &victim.bytes());

    let expired = Refused::with(400, "InvalidTimeStamp.Expired", "clock", "outside the accepted window");
    for off in [-3600, -905, 905, 3600, 40 * 365 * 86_400] {
        let time = format_timestamp(now() + jiff::SignedDuration::from_secs(off));
        bench.refuses(&time, &V1::attach().set("Timestamp", &time).bytes(), expired);
        bench.refuses(&time, &V3::attach().signed("x-acs-date", &time).bytes(), expired);
    }
    for off in [Duration::from_secs(890), Duration::from_secs(0)] {
        bench.forwards_attach("late", &V1::attach().set("Timestamp", &format_timestamp(now() - off)).bytes());
        bench.forwards_attach("early", &V1::attach().set("Timestamp", &format_timestamp(now() + off)).bytes());
    }
    let malformed = Refused::with(400, "InvalidTimeStamp.Format", "clock-format", "malformed");
    for time in ["now", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00+00:00", "1767225600"] {
        bench.refuses(time, &V1::attach().set("Timestamp", time).bytes(), malformed);
        bench.refuses(time, &V3::attach().signed("x-acs-date", time).bytes(), malformed);
    }
    let missing = |name| Refused::with(400, "MissingParameter", "missing-signature-part", name);
    for name in ["SignatureNonce", "Timestamp"] {
        bench.refuses(name, &V1::attach().without(name).bytes(), missing(name));
    }
    for name in ["x-acs-signature-nonce", "x-acs-date"] {
        bench.refuses(name, &V3::attach().without(name).bytes(), missing(name));
        bench.refuses(name, &V3::attach().signed(name, "").bytes(), missing(name));
    }
    for nonce in ["n".repeat(257), "\u{e9}".to_owned()] {
        let refused = Refused::with(400, "InvalidParameter", "nonce-malformed", "1 to 256 printable");
        bench.refuses(&nonce, &V1::attach().set("SignatureNonce", &nonce).bytes(), refused);
    }
}

#[test]
fn row_30_weaker_signatures_are_refused() {
    let bench = Bench::new();
    let refused = Refused::with(400, "InvalidParameter", "signature-type", "is not valid");
    let downgrades = [
        ("SignatureMethod", "SHA256withRSA"),
        ("SignatureMethod", "HMAC-SHA256"),
        ("SignatureMethod", "none"),
        ("SignatureMethod", "hmac-sha1"),
        ("SignatureVersion", "2.0"),
        ("SignatureVersion", ""),
        ("SignatureType", "PRIVATEKEY"),
    ];
    for (name, value) in downgrades {
        bench.refuses(value, &V1::attach().set(name, value).bytes(), refused);
    }
    for name in ["SignatureMethod", "SignatureVersion"] {
        let missing = Refused::with(400, "MissingParameter", "missing-signature-part", name);
        bench.refuses(name, &V1::attach().without(name).bytes(), missing);
    }
    for algorithm in ["ACS3-RSA-SHA256", "ACS3-HMAC-SM3", "ACS3-HMAC-SHA1", "acs3-hmac-sha256", "Bearer", "Basic"] {
        bench.refuses(algorithm, &V3::attach().algorithm(algorithm).bytes(), refused);
    }
    let malformed = Refused::with(400, "InvalidParameter", "signature-type", "the `Authorization` header is malformed");
    let good = V3::attach().authorization();
    let odd = [
        "ACS3-HMAC-SHA256".to_owned(),
        "ACS3-HMAC-SHA256 ".to_owned(),
        format!("{good},Credential=LTAI5tDemoAlice00000"),
        format!("{good},X=y"),
        format!("{good},"),
        good.replace("Credential=LTAI5tDemoTerway0000,", ""),
        good.replace("LTAI5tDemoTerway0000", ""),
    ];
    for authorization in odd {
        bench.refuses(&authorization, &V3::attach().bytes_with(&authorization), malformed);
    }
    let tag = good.split("Signature=").nth(1).unwrap();
    for bad in [String::new(), tag[..62].to_owned(), tag.to_uppercase(), format!("{tag}00")] {
        let authorization = good.replace(tag, &bad);
        bench.refuses(&bad, &V3::attach().bytes_with(&authorization), failed(V3_FAILED, "does not match"));
    }
}

#[test]
fn row_34_calls_without_credentials_are_refused() {
    let bench = Bench::new();
    let pair = format!("InstanceId={INSTANCE}&NetworkInterfaceId={ENI}&RegionId=cn-hangzhou");
    let common = format!("Action=AttachNetworkInterface&Version=2014-05-26&Format=JSON&{pair}");
    let caller = Caller::terway();
    let missing = |name| Refused::with(400, "MissingParameter", "no-credentials", name);
    bench.refuses("V1", &caller.raw("POST", &format!("/?{common}"), &[], ""), missing("\"AccessKeyId\""));
    bench.refuses("GET", &caller.raw("GET", &format!("/?{common}"), &[], ""), missing("\"AccessKeyId\""));
    let headers =
        [("x-acs-action", "AttachNetworkInterface"), ("x-acs-version", "2014-05-26"), ("accept", "application/json")];
    bench.refuses("V3", &caller.raw("POST", &format!("/?{pair}"), &headers, ""), missing("\"AccessKeyId\""));
    bench.refuses(
        "empty id",
        &caller.raw("POST", &format!("/?{common}&AccessKeyId="), &[], ""),
        missing("AccessKeyId"),
    );
    let unsigned = caller.raw("POST", &format!("/?{common}&AccessKeyId={}", caller.id), &[], "");
    let no_signature = Refused::with(400, "MissingParameter", "missing-signature-part", "\"Signature\"");
    bench.refuses("no signature", &unsigned, no_signature);
    let empty = V1::attach().target();
    let empty = empty.split("&Signature=").next().unwrap();
    bench.refuses("empty", &caller.raw("POST", &format!("{empty}&Signature="), &[], ""), no_signature);
    let login = "/?Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON&OIDCToken=eyJ";
    bench.refuses("a call of STS", &caller.raw("POST", login, &[], ""), missing("\"AccessKeyId\""));
}

fn failed((status, code, refusal): (u16, &'static str, &'static str), because: &'static str) -> Refused {
    Refused::with(status, code, refusal, because)
}
