//! Methods, bodies, framing, targets, hosts and versions of HTTP: rows 19 to 24 and 38.

use std::io::Write;

use crate::support::crafted::{chunked, replaced, with_lines};
use crate::support::wire::connect;
use crate::support::{Bench, Refused, Setup, V1, V3, read_answers};

#[test]
fn row_19_only_post_and_get_without_a_body_are_accepted() {
    let bench = Bench::new();
    let refused = Refused::with(403, "UnsupportedHTTPMethod", "method", "is not supported").closing();
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "post", "Post", "POSTS", "PROPFIND"]
    {
        bench.refuses(method, &V1::attach().method(method).bytes(), refused);
    }
    bench.refuses("a HEAD with a body", &V1::split().method("HEAD").bytes(), refused);
    let carries = Refused::framing("a GET must not have a body");
    bench.refuses("a GET with a body", &V1::split().get().bytes(), carries);
    let get = V1::split().get();
    let chunks = replaced(&get.bytes(), &length_line(&get.body()), b"Transfer-Encoding: chunked\r\n");
    bench.refuses("a GET with chunks", &replaced(&chunks, &get.body(), chunked(&get.body()).as_bytes()), carries);
    bench.forwards_attach("a GET with no body", &V1::attach().get().header("Content-Length", "0").bytes());

    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        bench.forwards_attach(header, &V1::attach().header(header, "DELETE").bytes());
        bench.forwards_attach(header, &V3::attach().unsigned(header, "DELETE").bytes());
        let head = bench.upstream.requests().pop().unwrap().to_ascii_lowercase();
        assert!(head.starts_with("post /?") && !head.contains("override"), "{head}");
    }
}

#[test]
fn row_20_a_body_must_be_a_form() {
    let bench = Bench::new();
    let not_form = Refused::framing("the body is not a form");
    let types = [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=gbk",
        "application/x-www-form-urlencoded; boundary=x",
        "application/x-www-form-urlencoded; charset=utf-8; charset=gbk",
        "application/x-www-form-urlencoded, application/json",
        "application/x-www-form-urlencodedx",
        "",
    ];
    for kind in types {
        bench.refuses(kind, &V1::split().header("Content-Type", kind).bytes(), not_form);
        // A V1 signature does not cover a body that is not a form.
        let json = V1::attach().header("Content-Type", kind).form("{\"InstanceId\":\"i-other\"}");
        bench.refuses(kind, &json.bytes(), not_form);
    }
    let untyped = replaced(&V1::split().bytes(), "Content-Type: application/x-www-form-urlencoded\r\n", b"");
    bench.refuses("no type", &untyped, not_form);
    let twice = with_lines(&V1::split().bytes(), "content-type: application/json\r\n");
    bench.refuses("twice", &twice, Refused::framing("the header `Content-Type` occurs twice"));

    for kind in ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-URLEncoded;charset=utf-8"]
    {
        bench.forwards_attach(kind, &V1::split().header("Content-Type", kind).bytes());
    }
    for kind in ["application/x-www-form-urlencoded", "application/json", "application/octet-stream"] {
        bench.forwards_attach("no body", &V1::attach().header("Content-Type", kind).bytes());
    }
}

#[test]
fn row_21_encoded_content_is_refused() {
    let bench = Bench::new();
    for encoding in ["gzip", "deflate", "br", "identity", ""] {
        let refused = Refused::framing("the content encoding");
        bench.refuses(encoding, &V1::split().header("Content-Encoding", encoding).bytes(), refused);
        bench.refuses(encoding, &V3::attach().unsigned("Content-Encoding", encoding).bytes(), refused);
    }
}

#[test]
fn row_22_a_request_with_two_framings_is_refused() {
    let bench = Bench::new();
    let call = V1::split();
    let length = length_line(&call.body());
    let framings: [(&str, &str); 24] = [
        ("{CL}Transfer-Encoding: chunked\r\n", "are present: send one of them"),
        ("Transfer-Encoding: chunked\r\n{CL}", "are present: send one of them"),
        ("transfer-encoding: identity\r\n{CL}", "are present: send one of them"),
        ("{CL}{CL}", "the header `Content-Length` occurs twice"),
        ("{CL}content-length: 0\r\n", "the header `content-length` occurs twice"),
        ("Content-Length: 5, 5\r\n", "is not a valid length"),
        ("Content-Length: +5\r\n", "is not a valid length"),
        ("Content-Length: -1\r\n", "is not a valid length"),
        ("Content-Length: 0x5\r\n", "is not a valid length"),
        ("Content-Length:\r\n", "is not a valid length"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "occurs twice"),
        ("Transfer-Encoding: chunked, chunked\r\n", "the transfer encoding"),
        ("Transfer-Encoding: gzip, chunked\r\n", "the transfer encoding"),
        ("Transfer-Encoding: identity\r\n", "the transfer encoding"),
        ("Transfer-Encoding: xchunked\r\n", "the transfer encoding"),
        ("Transfer-Encoding:\r\n", "the transfer encoding"),
        ("{CL}Transfer-Encoding : chunked\r\n", "malformed"),
        ("{CL}Transfer-Encoding: \x0bchunked\r\n", "malformed"),
        ("{CL}Transfer_Encoding: chunked\r\n", "resembles a significant header"),
        ("{CL}X: y\r\n Transfer-Encoding: chunked\r\n", "folded"),
        ("{CL}X: y\nTransfer-Encoding: chunked\r\n", "bare line feed"),
        ("{CL}X: y\rTransfer-Encoding: chunked\r\n", "bare carriage return"),
        ("{CL}X: y\0\r\n", "NUL"),
        ("{CL}Connection: close, content-length\r\n", "the header `Connection` must not name"),
    ];
    for (lines, because) in framings {
        let lines = lines.replace("{CL}", &length);
        let request = replaced(&V1::split().bytes(), &length, lines.as_bytes());
        bench.refuses(&lines, &request, Refused::framing(because));
    }
    for (lines, because) in [
        ("Expect: 100-continue\r\n", "the header `Expect` is not accepted"),
        ("Expect: x\r\n", "the header `Expect` is not accepted"),
        ("Trailer: Host\r\n", "the header `Trailer` is not accepted"),
        (" X: folded into the request line\r\n", "folded"),
        ("\r\n", "the header `Host` is missing"),
    ] {
        bench.refuses(lines, &with_lines(&V1::attach().bytes(), lines), Refused::framing(because));
    }
    let empty_line_first = [b"\r\n", &V1::attach().bytes()[..]].concat();
    bench.refuses("an empty line first", &empty_line_first, Refused::framing("begins with an empty line"));
    let line_feeds = V1::attach().bytes().into_iter().filter(|byte| *byte != b'\r').collect::<Vec<_>>();
    bench.refuses("line feeds only", &line_feeds, Refused::framing("bare line feed"));
}

#[test]
fn row_22_a_chunked_body_must_be_plain() {
    let bench = Bench::new();
    let call = V1::split();
    let (body, length) = (call.body(), length_line(&call.body()));
    let request = |chunks: &str| {
        let call = V1::split();
        let head = replaced(&call.bytes(), &length, b"Transfer-Encoding: chunked\r\n");
        replaced(&head, &call.body(), chunks.as_bytes())
    };
    bench.forwards_attach("Node sends no length", &request(&chunked(&body)));
    let size = format!("{:X}", body.len());
    let odd = [
        format!("{size};x=1\r\n{body}\r\n0\r\n\r\n"),
        format!("{size} \r\n{body}\r\n0\r\n\r\n"),
        format!("0x{size}\r\n{body}\r\n0\r\n\r\n"),
        format!("+{size}\r\n{body}\r\n0\r\n\r\n"),
        format!("000000{size}f\r\n{body}\r\n0\r\n\r\n"),
        format!("100000000000000{size}\r\n{body}\r\n0\r\n\r\n"),
        format!("\r\n{body}\r\n0\r\n\r\n"),
        format!("{size}\n{body}\r\n0\r\n\r\n"),
        format!("{size}\r\n{body}\n0\r\n\r\n"),
        format!("{size}\r\n{body}0\r\n\r\n"),
        format!("{size}\r\n{body}\r\n0\r\nHost: other\r\n\r\n"),
        format!("{size}\r\n{body}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        format!("{size}\r\n{body}\r\n0\r\n\n"),
        format!("-1\r\n{body}\r\n0\r\n\r\n"),
    ];
    for chunks in odd {
        bench.refuses(&chunks, &request(&chunks), Refused::framing("its framing is malformed"));
    }
}

#[test]
fn row_22_an_incomplete_body_is_refused() {
    let bench = Bench::new();
    let whole = V1::split().bytes();
    let chunks = with_lines(&V1::attach().bytes(), "Transfer-Encoding: chunked\r\n");
    let cut =
        [whole[..whole.len() - 1].to_vec(), [&chunks[..], b"5\r\non=1"].concat(), [&chunks[..], b"0\r\n"].concat()];
    for (at, request) in cut.iter().enumerate() {
        let mut stream = connect(bench.gateway.address);
        stream.write_all(request).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answers = read_answers(&mut stream);
        assert_eq!(answers.len(), 1, "{at}: {answers:?}");
        let refused = Refused::framing("the body is incomplete");
        bench.check_refusal(&at.to_string(), &answers[0], &bench.gateway.last_event(), refused);
    }
    assert_eq!(bench.upstream.requests(), [""; 0]);
}

#[test]
fn row_22_a_request_hidden_in_a_body_gets_no_answer() {
    let bench = Bench::new();
    let hidden = String::from_utf8(V1::attach().bytes()).unwrap();
    let both = with_lines(&V1::attach().form(&hidden).bytes(), "Transfer-Encoding: chunked\r\n");
    let ended = format!("0\r\n\r\n{hidden}");
    let both_ended = with_lines(&V1::attach().form(&ended).bytes(), "Transfer-Encoding: chunked\r\n");
    let not_a_form = V1::attach().header("Content-Type", "text/plain").form(&hidden).bytes();
    let broken_chunk = [
        &with_lines(&V1::attach().bytes(), "Transfer-Encoding: chunked\r\n")[..],
        format!("0\r\nX: y\r\n\r\n{hidden}").as_bytes(),
    ]
    .concat();
    let get = [&V1::attach().get().header("Content-Length", "5").bytes()[..], b"0\r\n\r\n", hidden.as_bytes()].concat();
    for (label, request) in [
        ("both framings", both),
        ("both framings, ended by the chunks", both_ended),
        ("a body that is not a form", not_a_form),
        ("after trailers", broken_chunk),
        ("after a GET's body", get),
    ] {
        let before = bench.gateway.events().len();
        let mut stream = connect(bench.gateway.address);
        stream.write_all(&request).unwrap();
        let answers = read_answers(&mut stream);
        assert_eq!(answers.len(), 1, "{label}: {answers:?}");
        assert_eq!(bench.gateway.events().len(), before + 1, "{label}");
        bench.check_refusal(label, &answers[0], &bench.gateway.last_event(), Refused::framing(""));
    }
    assert_eq!(bench.upstream.requests(), [""; 0]);
}

#[test]
fn row_22_a_pipelined_request_is_read_on_its_own() {
    let bench = Bench::new();
    let malformed = replaced(&V1::attach().bytes(), "Host:", b"Host :");
    for first in [V1::attach().bytes(), V1::split().bytes()] {
        let mut stream = connect(bench.gateway.address);
        stream.write_all(&[&first[..], &malformed, &V1::attach().bytes()].concat()).unwrap();
        let answers = read_answers(&mut stream);
        let [first, second] = &answers[..] else { panic!("a third was answered: {answers:?}") };
        assert_eq!((first.status, first.closed), (200, false), "the first gets its full answer: {first:?}");
        let refused = Refused::framing("the request head is malformed");
        bench.check_refusal("the second", second, &bench.gateway.last_event(), refused);
    }
    assert_eq!(bench.upstream.requests().len(), 2);

    // Several well-formed requests get their own answers, in order.
    let mut stream = connect(bench.gateway.address);
    let bad = V1::attach().set("InstanceId", "I-1").bytes();
    let last = V1::split().header("Connection", "close").bytes();
    stream.write_all(&[&V1::split().bytes()[..], &bad, &last].concat()).unwrap();
    let statuses: Vec<_> = read_answers(&mut stream).iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 400, 200]);
}

#[test]
fn row_23_a_target_other_than_the_root_is_refused() {
    let bench = Bench::new();
    let not_root = Refused::framing("is not `/`");
    for path in ["//", "/%2F", "/./", "/.", "/foo", "/;x", "/index.html", "/%3f", "*", "", "gateway.test:80", "\\"] {
        bench.refuses(path, &replaced(&V1::attach().bytes(), "/?", format!("{path}?").as_bytes()), not_root);
        bench.refuses(path, &replaced(&V3::attach().bytes(), "/?", format!("{path}?").as_bytes()), not_root);
    }
    for origin in ["http://gateway.test", "http://gateway.test/foo", "ftp://gateway.test/", "//gateway.test/"] {
        bench.refuses(origin, &replaced(&V1::attach().bytes(), "/?", format!("{origin}?").as_bytes()), not_root);
    }
    let fragment = replaced(&V1::attach().bytes(), " HTTP/1.1", b"#x HTTP/1.1");
    bench.refuses("a fragment", &fragment, not_root);
    let authority = replaced(&V1::attach().method("CONNECT").bytes(), "/?", b"gateway.test:443 ");
    bench.refuses("authority form", &authority, Refused::framing(""));
    for blanks in ["POST  /?", "POST /? ", "POST\t/?"] {
        bench.refuses(blanks, &replaced(&V1::attach().bytes(), "POST /?", blanks.as_bytes()), Refused::framing(""));
    }
    let absolute = replaced(&V1::attach().bytes(), "/?", b"http://GATEWAY.test/?");
    bench.forwards_attach("absolute form of the same host", &absolute);
}

#[test]
fn row_24_an_ambiguous_or_foreign_host_is_refused() {
    let bench = Bench::new();
    let request = V1::attach().bytes();
    let host = "Host: gateway.test\r\n";
    bench.refuses("none", &replaced(&request, host, b""), Refused::framing("the header `Host` is missing"));
    for second in ["Host: gateway.test\r\n", "host: other\r\n", "HOST: ecs.aliyuncs.com\r\n"] {
        let refused = Refused::framing("ost` occurs twice");
        bench.refuses(second, &with_lines(&request, second), refused);
    }
    for bad in
        ["", "a@b", "gateway.test/x", "a b", "gateway.test:", "gateway.test:99999", "gateway.test:+80", "[::g]", "a,b"]
    {
        let lines = format!("Host: {bad}\r\n");
        let refused = Refused::framing("the header `Host` is not a host name");
        bench.refuses(bad, &replaced(&request, host, lines.as_bytes()), refused);
    }
    for target in ["http://other/?", "http://gateway.test:80/?", "http://gateway.test@other/?", "http:///?"] {
        let refused = Refused::framing("but the `Host` header names `gateway.test`");
        bench.refuses(target, &replaced(&request, "/?", target.as_bytes()), refused);
    }
    for other in
        ["rds.aliyuncs.com", "sts.cn-hangzhou.aliyuncs.com", "ecs.cn-hangzhou.evil.aliyuncs.com", "aliyuncs.com"]
    {
        let refused = Refused::with(400, "InvalidParameter", "host", "is not an ECS endpoint");
        bench.refuses(other, &V1::attach().header("Host", other).bytes(), refused);
        bench.refuses(other, &V3::attach().signed("host", other).bytes(), refused);
    }
    // The upstream is chosen by configuration: a header that a proxy might follow changes nothing.
    for header in ["X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-URL", "X-Rewrite-URL"] {
        bench.forwards_attach(header, &V1::attach().header(header, "other.test").bytes());
        let head = bench.upstream.requests().pop().unwrap();
        assert!(head.contains(&format!("host: {}\r\n", bench.upstream.address)), "{head}");
        assert!(!head.contains("other.test"), "{head}");
    }

    let mut setup = Setup::default();
    setup.settings.hosts = vec!["gateway.test".to_owned()];
    let bench = Bench::with(setup);
    bench.forwards_attach("a configured name", &V1::attach().header("Host", "Gateway.Test:8620").bytes());
    for other in ["other.test", "gateway.test.evil", "127.0.0.1", "ecs.cn-hangzhou.aliyuncs.com"] {
        let refused = Refused::with(400, "InvalidParameter", "host", "is not one this gateway answers for");
        bench.refuses(other, &V1::attach().header("Host", other).bytes(), refused);
    }
}

#[test]
fn row_38_other_versions_of_http_are_refused() {
    let bench = Bench::new();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    bench.refuses("preface", preface, Refused::framing("malformed").in_xml());
    for version in ["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.10", ""] {
        let request = replaced(&V1::attach().bytes(), "HTTP/1.1", version.as_bytes());
        bench.refuses(version, &request, Refused::framing(""));
    }
    let upgrades = [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Upgrade: h2c\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n",
        "HTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    ];
    for lines in upgrades {
        let refused = Refused::framing("this server speaks HTTP/1.1 only");
        bench.refuses(lines, &with_lines(&V1::attach().bytes(), lines), refused);
    }
    for lines in [":authority: other\r\n", ":path: /x\r\n", ":method: DELETE\r\n"] {
        bench.refuses(lines, &with_lines(&V1::attach().bytes(), lines), Refused::framing("malformed"));
    }
    assert_eq!(bench.upstream.requests(), [""; 0]);
}

fn length_line(body: &str) -> String {
    format!("Content-Length: {}\r\n", body.len())
}
