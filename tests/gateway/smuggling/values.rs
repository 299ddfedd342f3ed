//! Values: escapes, blanks, separators, case, empty values, regions, and the format of the answer.

use crate::support::bench::ATTACH;
use crate::support::caller::attach_parameters;
use crate::support::crafted::replaced;
use crate::support::{Bench, Caller, ENI, INSTANCE, Refused, V1, V3};

const BAD_INSTANCE: (u16, &str, &str, &str) =
    (400, "InvalidInstanceID.Malformed", "malformed-parameter", "an instance id is `i-`");

#[test]
fn row_13_plus_and_blank_have_one_decoding() {
    let bench = Bench::new();
    // One value in three spellings; the signature covers the decoded value.
    for piece in ["on=a+b%20c%2Bd", "on=a%20b+c%2bd", "on=%61%20b%20c%2Bd"] {
        bench.forwards_attach(piece, &V1::attach().raw(piece).bytes());
        bench.forwards_attach(piece, &V1::split().form(piece).bytes());
        bench.forwards_attach(piece, &V3::attach().raw(piece).bytes());
    }
    // A reader that takes `+` literally would see another value than the signed one.
    let literal = replaced(&V1::attach().raw("on=a%2Bb").bytes(), "on=a%2Bb", b"on=a+b");
    bench.refuses("+", &literal, Refused::with(400, "IncompleteSignature", "signature-v1", "does not match"));
    for value in ["i-bp1+demo", "i-bp1%20demo", "i-bp1%2Bdemo", "+i-bp1", "i-bp1+"] {
        let request = V1::attach().without("InstanceId").raw(&format!("InstanceId={value}"));
        bench.refuses(value, &request.bytes(), malformed(BAD_INSTANCE));
    }
    for value in ["+1", "%2B1", "1+", "01", "0x1"] {
        let request = V1::attach().raw(&format!("NetworkCardIndex={value}")).bytes();
        let refused = Refused::with(400, "InvalidParameter", "malformed-parameter", "a whole number is expected");
        bench.refuses(value, &request, refused);
    }
}

#[test]
fn row_14_escapes_in_lower_case_are_accepted() {
    let bench = Bench::new();
    let timestamp = Caller::terway().timestamp().replace(':', "%3a");
    let request = V1::attach().without("Timestamp").raw(&format!("Timestamp={timestamp}"));
    bench.forwards_attach("lower", &request.bytes());
    let request = V3::attach().raw("on=%e4%b8%ad%2f");
    bench.forwards_attach("V3", &request.bytes());
}

#[test]
fn row_15_values_are_decoded_once() {
    let bench = Bench::new();
    let timestamp = Caller::terway().timestamp();
    let (once, twice) = (timestamp.replace(':', "%3A"), timestamp.replace(':', "%253A"));
    let signed_once = V1::attach().without("Timestamp").raw(&format!("Timestamp={once}")).bytes();
    let double = replaced(&signed_once, &once, twice.as_bytes());
    bench.refuses("V1", &double, Refused::with(400, "IncompleteSignature", "signature-v1", "does not match"));
    let signed_twice = V1::attach().without("Timestamp").raw(&format!("Timestamp={twice}")).bytes();
    bench.refuses("V1", &signed_twice, Refused::with(400, "InvalidTimeStamp.Format", "clock-format", "malformed"));
    let id = INSTANCE.replace("demo", "%2564emo");
    let request = V1::attach().without("InstanceId").raw(&format!("InstanceId={id}"));
    bench.refuses("an id", &request.bytes(), malformed(BAD_INSTANCE));
    let name = V1::attach().without("InstanceId").raw(&format!("Instance%2549d={INSTANCE}"));
    bench.refuses("a name", &name.bytes(), Refused::two_readings("contains a character other than"));
}

#[test]
fn row_16_bytes_that_are_not_valid_in_ids_are_refused() {
    let bench = Bench::new();
    let (broken, not_utf8, invisible) = ("is invalid", "is not UTF-8", "control, zero-width or byte-order");
    let values = [
        ("i-bp1%", broken),
        ("i-bp1%4", broken),
        ("i-bp1%zz", broken),
        ("i-bp1%u0064", broken),
        ("i-bp1%c0%ae", not_utf8),
        ("i-bp1%ff", not_utf8),
        ("i-bp1%ed%a0%80", not_utf8),
        ("i-bp1%00", invisible),
        ("i-bp1%0d%0aX-Evil:%201", invisible),
        ("i-bp1%0a", invisible),
        ("i-bp1%09", invisible),
        ("i-bp1%7f", invisible),
        ("%EF%BB%BFi-bp1", invisible),
        ("i-bp1%E2%80%8B", invisible),
        ("i-bp1%C2%AD", invisible),
        ("i-bp1%E2%80%AE", invisible),
    ];
    for (value, because) in values {
        let piece = format!("InstanceId={value}");
        let request = V1::attach().without("InstanceId").raw(&piece).bytes();
        bench.refuses(value, &request, Refused::two_readings(because));
        let request = V1::split().without("InstanceId").form(&piece).bytes();
        bench.refuses(value, &request, Refused::two_readings(because));
    }
    for value in ["i-bp1%EF%BD%81", "%20i-bp1", "i-bp1%20", "i-bp1%2Fx", "i-bp1%C2%A0", "i-", "i", "i-bp1:x", "i-bp1*"]
    {
        let request = V1::attach().without("InstanceId").raw(&format!("InstanceId={value}")).bytes();
        bench.refuses(value, &request, malformed(BAD_INSTANCE));
    }
    let long = format!("i-{}", "a".repeat(65));
    bench.refuses("65", &V1::attach().set("InstanceId", &long).bytes(), malformed(BAD_INSTANCE));
    for value in ["eni-", "eni-bp1 ", "xeni-bp1", "eni-bp1/../x", "i-bp1", "eni-*"] {
        let refused = Refused::with(400, "InvalidParams.EniId", "malformed-parameter", "an ENI id is");
        bench.refuses(value, &V1::attach().set("NetworkInterfaceId", value).bytes(), refused);
    }
    for raw in [&b"i-\xc3\xa9"[..], b"i-\xff", b"i-\x01", b"i-\x7f"] {
        let request = replaced(&V1::attach().bytes(), INSTANCE, raw);
        bench.refuses("a raw byte in the target", &request, Refused::framing(""));
        let form = V1::split().set("InstanceId", &"x".repeat(raw.len())).bytes();
        let request =
            replaced(&form, &format!("InstanceId={}", "x".repeat(raw.len())), &[b"InstanceId=", raw].concat());
        bench.refuses("a raw byte in the form", &request, Refused::two_readings("must be percent-encoded"));
    }
}

#[test]
fn row_17_semicolons_are_data_and_empty_pieces_are_refused() {
    let bench = Bench::new();
    bench.forwards_attach("`;` is data", &V1::attach().raw("on=a;InstanceId=i-other").bytes());
    let request = V1::attach().without("InstanceId").raw(&format!("InstanceId={INSTANCE};x=y")).bytes();
    bench.refuses("`;` in an id", &request, malformed(BAD_INSTANCE));
    let pieces =
        [("", "empty parameter"), ("InstanceId", "has no `=`"), ("on", "has no `=`"), ("=v", "without a name")];
    for (piece, because) in pieces {
        bench.refuses(piece, &V1::attach().raw(piece).bytes(), Refused::two_readings(because));
        bench.refuses(piece, &V1::split().form(piece).form("on=1").bytes(), Refused::two_readings(because));
        bench.refuses(piece, &V3::attach().raw(piece).raw("on=1").bytes(), Refused::two_readings(because));
    }
    for (old, new) in [("/?", "/?&"), (" HTTP/1.1", "& HTTP/1.1"), ("&Version", "&&Version")] {
        let request = replaced(&V1::attach().bytes(), old, new.as_bytes());
        bench.refuses(new, &request, Refused::two_readings("empty parameter"));
    }
}

#[test]
fn row_18_empty_mandatory_values_count_as_missing() {
    let bench = Bench::new();
    for (name, _) in attach_parameters() {
        let refused = Refused::with(400, "MissingParameter", "missing-parameter", "is mandatory");
        let answer = bench.refuses(name, &V1::attach().set(name, "").bytes(), refused);
        assert!(answer.message().contains(name), "{answer:?}");
        bench.refuses(name, &V1::attach().without(name).bytes(), refused);
    }
    for name in ["AccessKeyId", "SignatureNonce", "Timestamp"] {
        let refused = Refused::with(400, "MissingParameter", "missing-signature-part", name);
        bench.refuses(name, &V1::attach().set(name, "").bytes(), refused);
    }
    bench.forwards_attach("signed and empty", &V1::attach().raw("SignatureType=").bytes());
    let with_index = [&ATTACH[..], &[("NetworkCardIndex", "")]].concat();
    bench.forwards("optional and empty", &V1::attach().raw("NetworkCardIndex=").bytes(), &with_index);
}

#[test]
fn row_32_malformed_and_foreign_regions_are_refused() {
    let bench = Bench::new();
    for region in ["hangzhou", "CN-hangzhou", "cn-hangzhou ", "cn-hangzhou.evil.com/", "cn-*"] {
        let refused = Refused::with(400, "InvalidOperation.InvalidRegion", "malformed-region", "is not a region id");
        bench.refuses(region, &V1::attach().set("RegionId", region).bytes(), refused);
    }
    let elsewhere = Refused::with(400, "Forbidden.RegionId", "region-not-served", "is not served here");
    bench.refuses("not served", &V1::attach().set("RegionId", "cn-beijing").bytes(), elsewhere);
    let missing = Refused::with(400, "MissingParameter", "missing-parameter", "\"RegionId\"");
    bench.refuses("none", &V1::attach().without("RegionId").bytes(), missing);
    let differ = Refused::with(400, "InvalidParameter", "host", "the host names the region `cn-beijing`");
    for host in ["ecs.cn-beijing.aliyuncs.com", "ECS-VPC.cn-beijing.aliyuncs.com:443", "ecs.cn-beijing.aliyuncs.com."] {
        bench.refuses(host, &V1::attach().header("Host", host).bytes(), differ);
        bench.refuses(host, &V3::attach().signed("host", host).bytes(), differ);
    }
    for host in ["ecs.cn-hangzhou.aliyuncs.com", "ecs.aliyuncs.com"] {
        bench.forwards_attach(host, &V1::attach().header("Host", host).bytes());
    }
}

#[test]
fn row_35_an_unknown_answer_format_is_refused() {
    let bench = Bench::new();
    let refused = Refused::with(400, "InvalidParameter.Format", "format", "neither JSON nor XML");
    for format in ["html", "JSONP", "JSON,XML", "J", "none"] {
        bench.refuses(format, &V1::attach().set("Format", format).bytes(), refused.in_xml());
        let names_json = V1::attach().set("Format", format).header("Accept", "application/json");
        bench.refuses(format, &names_json.bytes(), refused);
        bench.refuses(format, &V3::attach().raw(&format!("Format={format}")).bytes(), refused);
    }
    let bad = |format: &str| V1::attach().set("Format", format).set("InstanceId", "I-1").bytes();
    for (format, xml) in [("JSON", false), ("json", false), ("Xml", true), ("XML", true), ("None", true), ("", true)] {
        let refused = Refused { xml, ..malformed(BAD_INSTANCE) };
        bench.refuses(format, &bad(format), refused);
    }
    let xml = [&[("Format", "XML")], &ATTACH[1..]].concat();
    bench.forwards("None", &V1::attach().set("Format", "None").bytes(), &xml);
    bench.forwards("absent", &V1::attach().without("Format").bytes(), &xml);
    bench.forwards("json", &V1::attach().set("Format", "json").bytes(), &ATTACH);
}

#[test]
fn row_36_ids_with_upper_case_letters_are_refused() {
    let bench = Bench::new();
    let upper = INSTANCE.to_uppercase();
    for value in [upper.as_str(), "I-bp1demoworker00000001", "i-BP1demoworker00000001"] {
        bench.refuses(value, &V1::attach().set("InstanceId", value).bytes(), malformed(BAD_INSTANCE));
    }
    for value in [ENI.to_uppercase().as_str(), "ENI-bp1demopod0000000001", "Eni-bp1demopod0000000001"] {
        let refused = Refused::with(400, "InvalidParams.EniId", "malformed-parameter", "lower-case");
        bench.refuses(value, &V1::attach().set("NetworkInterfaceId", value).bytes(), refused);
    }
}

fn malformed((status, code, refusal, because): (u16, &'static str, &'static str, &'static str)) -> Refused {
    Refused::with(status, code, refusal, because)
}
