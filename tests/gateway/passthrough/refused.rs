//! Calls with one reading that are still not passed on, because of spellings, headers and parameters that a rebuilt
//! call would lose.

use super::door::{LISTED, bench, claimed, terway};
use crate::support::caller::{SHAPES, Shape, attach_parameters};
use crate::support::crafted::replaced;
use crate::support::{Caller, Refused, V1, V3};

#[test]
fn an_escaped_name_is_refused() {
    let bench = bench();
    let escaped = |because| Refused::two_readings(because);
    for caller in [terway(), claimed()] {
        let pieces = "RegionId=cn-hangzhou&NetworkInterfaceId=eni-a&Instance%49d=i-a";
        bench.refuses("query", &V3::from(&caller, pieces, "").bytes(), escaped("the name `Instance%49d` in the query"));
        bench.refuses(
            "form",
            &V3::from(&caller, "", pieces).bytes(),
            escaped("the name `Instance%49d` in the form body"),
        );
        let v1 = V1::from(&caller, &attach_parameters()).without("InstanceId").raw("%49nstanceId=i-a");
        bench.refuses("V1", &v1.bytes(), escaped("the name `%49nstanceId` in the query"));
        let v1 = V1::from(&caller, &attach_parameters()).without("InstanceId").form("InstanceI%64=i-a");
        bench.refuses("V1 form", &v1.bytes(), escaped("the name `InstanceI%64` in the form body"));
    }
}

#[test]
fn a_value_that_some_readers_might_split_or_change_is_refused() {
    let bench = bench();
    for piece in ["on=a;InstanceId=i-evil", "on=\"a\"", "on=<a>", "on=a|b", "on=[a]"] {
        let refused = Refused::two_readings("the value of `on` contains");
        bench.refuses(piece, &V1::attach().raw(piece).bytes(), refused);
        bench.refuses(piece, &V1::split().form(piece).bytes(), refused);
        bench.refuses(piece, &V3::attach().raw(piece).bytes(), refused);
    }
}

/// The strict reader refuses the same calls here, whether they are verified or claimed.
#[test]
fn a_call_with_two_readings_is_refused() {
    let bench = bench();
    for caller in [terway(), claimed()] {
        for (label, more, because) in [
            ("twice", "RegionId=cn-hangzhou", "occurs twice"),
            ("case", "instanceid=i-a", "resembles `InstanceId`"),
            ("blank", "on=%00", "control"),
        ] {
            let call = V1::from(&caller, &attach_parameters()).raw(more);
            bench.refuses(label, &call.bytes(), Refused::two_readings(because));
        }
        let both =
            replaced(&caller.attach(Shape::V1Form), "Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length");
        bench.refuses("framing", &both, Refused::framing("are present: send one of them"));
        let unknown = Refused::with(400, "UnsupportedParameter", "unknown-parameter", "does not belong");
        bench.refuses("unknown", &V1::from(&caller, &attach_parameters()).raw("Foo=1").bytes(), unknown);
    }
}

/// A rebuilt call leaves these parameters out. Here, that would break the signature.
#[test]
fn a_parameter_about_the_callers_location_or_account_is_refused() {
    let bench = bench();
    let refused = |because| Refused::with(400, "UnsupportedParameter", "unknown-parameter", because);
    for shape in SHAPES {
        for caller in [terway(), claimed()] {
            for (name, value, because) in [
                ("SourceIp", "203.0.113.9", "`SourceIp` states the caller's location"),
                ("SecureTransport", "true", "`SecureTransport` states the caller's location"),
                ("OwnerId", "2222222222222222", "names an account other than"),
                ("ResourceOwnerAccount", "other@example.com", "names an account other than"),
            ] {
                let given = [&attach_parameters()[..], &[(name, value)]].concat();
                bench.refuses(name, &caller.request(shape, &given), refused(because));
            }
        }
    }
}

#[test]
fn a_signed_header_that_must_not_be_passed_on_refuses_the_call() {
    let bench = bench();
    let listed = || V3::attach().signed("host", LISTED[0]);
    for name in [
        "x-acs-source-ip",
        "x-acs-secure-transport",
        "x-acs-proxy-source-ip",
        "x-acs-proxy-secure-transport",
        "x-forwarded-for",
        "x-forwarded-host",
        "x_forwarded_for",
        "x-real-ip",
        "forwarded",
    ] {
        let refused = Refused::two_readings("says where the caller is");
        bench.refuses(name, &listed().signed(name, "203.0.113.9").bytes(), refused);
    }
    for (name, value) in [("connection", "keep-alive"), ("te", "trailers"), ("proxy-authorization", "Basic x")] {
        let refused = Refused::two_readings("is signed and belongs to one hop");
        bench.refuses(name, &listed().signed(name, value).bytes(), refused);
    }
    for name in ["x-http-method-override", "x_http_method_override", "x-original-url"] {
        let refused = Refused::two_readings("overrides the method, target or host in some servers");
        bench.refuses(name, &listed().signed(name, "DELETE").bytes(), refused);
    }
    for name in ["x-acs-caller-uid", "x-acs-owner-id", "x-acs-signature-type"] {
        let refused = Refused::two_readings("the gateway does not know what the signed header");
        bench.refuses(name, &listed().signed(name, "1").bytes(), refused);
    }
    let region = Refused::two_readings(
        "the signed header `x-acs-region-id` and the parameter `RegionId` name different regions",
    );
    bench.refuses("region", &listed().signed("x-acs-region-id", "cn-beijing").bytes(), region);
    // The reader's own rule: the name resembles a significant header.
    let underscore = Refused::framing("resembles a significant header");
    bench.refuses("underscore", &listed().signed("x_acs_source_ip", "203.0.113.9").bytes(), underscore);
}

#[test]
fn a_call_without_a_signature_is_refused() {
    let bench = bench();
    let unsigned = Caller::terway().raw("POST", "/?Action=AttachNetworkInterface&Format=JSON", &[], "");
    let refused = Refused::with(400, "MissingParameter", "no-credentials", "AccessKeyId");
    bench.refuses("no signature", &unsigned, refused);
    let token = Caller::terway().raw("POST", "/?Format=JSON", &[("Authorization", "Bearer a.b.c")], "");
    let refused = Refused::with(400, "InvalidParameter", "signature-type", "no token issuer is configured");
    bench.refuses("token", &token, refused);
}

#[test]
fn a_query_longer_than_any_url_is_refused() {
    let mut setup = super::door::setup();
    setup.settings.limits.query_bytes = 70_000;
    let bench = crate::support::Bench::with(setup);
    let long = V1::attach().raw(&format!("on={}", "x".repeat(64_500)));
    bench.refuses("long", &long.bytes(), Refused::with(413, "InvalidParameter", "query-too-large", "too long"));
}
