//! Row 37: requests over a limit are refused with the reason, and requests at the limit are accepted.

use crate::support::bench::ATTACH;
use crate::support::crafted::{chunked, replaced, with_lines};
use crate::support::{Bench, Refused, V1};

#[test]
fn row_37_the_query_is_limited() {
    let bench = Bench::new();
    let padded = |bytes: usize| {
        let bare = V1::attach().raw("on=").target().len() - "/?".len();
        // The signature's length on the wire varies with its bytes: pad until it fits.
        let mut call = V1::attach().raw(&format!("on={}", "a".repeat(bytes - bare)));
        while call.target().len() - "/?".len() != bytes {
            call = V1::attach().raw(&format!("on={}", "a".repeat(bytes - bare)));
        }
        call.bytes()
    };
    bench.forwards("16 KiB", &padded(16_384), &ATTACH);
    let refused = Refused::with(413, "InvalidParameter", "query-too-large", "the query has 16385 bytes").closing();
    bench.refuses("a byte more", &padded(16_385), refused);
}

#[test]
fn row_37_the_body_is_limited() {
    let bench = Bench::new();
    let padded = |bytes: usize| {
        let bare = V1::split().form("on=").body().len();
        V1::split().form(&format!("on={}", "a".repeat(bytes - bare)))
    };
    let in_chunks = |call: &V1| {
        let length = format!("Content-Length: {}\r\n", call.body().len());
        let head = replaced(&call.bytes(), &length, b"Transfer-Encoding: chunked\r\n");
        replaced(&head, &call.body(), chunked(&call.body()).as_bytes())
    };
    bench.forwards("64 KiB", &padded(65_536).bytes(), &ATTACH);
    bench.forwards("64 KiB in chunks", &in_chunks(&padded(65_536)), &ATTACH);
    let refused = Refused::with(413, "InvalidParameter", "body-too-large", "more than 65536").closing();
    bench.refuses("a byte more", &padded(65_537).bytes(), refused);
    bench.refuses("a byte more in chunks", &in_chunks(&padded(65_537)), refused);
    let announced = with_lines(&V1::attach().bytes(), "Content-Length: 9999999999999999999\r\n");
    bench.refuses("announced but not sent", &announced, refused);
    let not_a_number = with_lines(&V1::attach().bytes(), "Content-Length: 99999999999999999999\r\n");
    bench.refuses("a length that overflows", &not_a_number, Refused::framing("is not a valid length"));
}

#[test]
fn row_37_the_number_of_parameters_is_limited() {
    let bench = Bench::new();
    // Each `x…` is unknown. A call with a hundred parameters is read completely, and refused for the unknown ones.
    let with = |more: usize| (0..more).fold(V1::attach(), |call, at| call.raw(&format!("x{at}=1")));
    let own = V1::attach().target().split('&').count();
    let unknown = Refused::with(400, "UnsupportedParameter", "unknown-parameter", "does not belong");
    bench.refuses("a hundred", &with(100 - own).bytes(), unknown);
    let refused = Refused::with(413, "InvalidParameter", "query-too-large", "more than 100 parameters");
    bench.refuses("one more", &with(101 - own).bytes(), refused);
    let in_both = (0..101 - own).fold(V1::attach(), |call, at| call.form(&format!("x{at}=1")));
    bench.refuses("counted over query and form", &in_both.bytes(), refused);
    bench.refuses("thousands", &with(2000).bytes(), refused);
}

#[test]
fn row_37_the_head_is_limited() {
    let bench = Bench::new();
    let with = |more: usize| (0..more).fold(V1::attach(), |call, at| call.header(&format!("X-{at}"), "1"));
    bench.forwards("a hundred lines", &with(99).bytes(), &ATTACH);
    let refused = Refused::with(431, "InvalidParameter", "head-too-large", "more than 100 header lines").closing();
    bench.refuses("one more", &with(100).bytes(), refused);

    let padded = |bytes: usize| {
        let bare = V1::attach().header("X-Big", "").bytes();
        let pad = "a".repeat(bytes - bare.len());
        replaced(&bare, "X-Big: \r\n", format!("X-Big: {pad}\r\n").as_bytes())
    };
    let limit = 16_384 + 32_768;
    bench.forwards("exactly at the limit", &padded(limit), &ATTACH);
    let refused = Refused::with(431, "InvalidParameter", "head-too-large", "the head has more than").closing();
    for bytes in [limit + 1, limit + 100, 100_000] {
        bench.refuses("too long", &padded(bytes), refused);
    }
}
