//! `ALIBABA_CLOUD_CREDENTIALS_URI`: a key for a workload at a permitted address.

use std::net::SocketAddr;

use super::issuing::{Issued, Issuing};
use crate::support::caller::raw;
use crate::support::wire::ask_from;
use crate::support::{Answer, Shape, ask};

const URI: &str = "[identity.issuer.credentials]\nlisten = \"127.0.0.1:0\"\n[[identity.issuer.credentials.uri]]\n\
                   path = \"/terway\"\nrole = \"role/terway\"\nfrom = [\"127.0.0.0/8\"]\nduration = \"30m\"\n\
                   [[identity.issuer.credentials.uri]]\npath = \"/elsewhere\"\nrole = \"role/terway\"\n\
                   from = [\"10.0.0.0/8\"]\n[[identity.issuer.credentials.uri]]\npath = \"/untrusted\"\n\
                   role = \"role/Operator\"\nfrom = [\"127.0.0.1\"]\nsession = \"operator-1\"\n";

fn endpoint(gateway: &Issuing) -> SocketAddr {
    let stdout = gateway.server.stdout();
    let line = stdout.lines().find(|line| line.starts_with("credentials of role/terway at ")).unwrap().to_owned();
    line.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap()
}

fn get(gateway: &Issuing, target: &str) -> Answer {
    ask(endpoint(gateway), &raw("GET", target, &[("Host", "127.0.0.1")], ""))
}

fn start() -> Issuing {
    let gateway = Issuing::with(URI);
    crate::support::wait_for("the address of the credentials listener", || {
        gateway.server.stdout().contains("/untrusted")
    });
    gateway
}

#[test]
fn a_workload_at_a_permitted_address_gets_a_key() {
    let gateway = start();
    let answer = get(&gateway, "/terway");
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["Code"], "Success");
    let key = Issued::read(&body);
    for shape in [Shape::V1Query, Shape::V3Query] {
        assert_eq!(gateway.attach(&key, shape).status, 200);
    }
    let left = key.expiration.parse::<jiff::Timestamp>().unwrap().as_second() - super::issuing::now();
    assert!((1700..=1800).contains(&left), "{left}");
    let session = &gateway.last_event()["additionalEventData"]["gateway"]["session"];
    assert_eq!((&session["name"], &session["address"]), (&"127.0.0.1".into(), &"127.0.0.1".into()));
    gateway.never_shows(&[&key.secret, &key.token]);
}

#[test]
fn other_addresses_paths_and_roles_get_no_key() {
    let gateway = start();
    for (method, target, status, code) in [
        ("GET", "/elsewhere", 403, "NoPermission"),
        ("GET", "/untrusted", 403, "AuthenticationFail.NoPermission"),
        ("GET", "/", 400, "InvalidParameter"),
        ("GET", "/terway/", 400, "InvalidParameter"),
        ("GET", "/terway?role=operator", 400, "InvalidParameter"),
        ("GET", "//terway", 400, "InvalidParameter"),
        ("GET", "/%74erway", 400, "InvalidParameter"),
        ("POST", "/terway", 400, "InvalidParameter"),
    ] {
        let answer = ask(endpoint(&gateway), &raw(method, target, &[("Host", "127.0.0.1")], ""));
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {target} {answer:?}");
        assert!(!answer.body.contains("AccessKeySecret"), "{answer:?}");
    }
    // Addresses that a header claims do not count.
    let claimed = [("Host", "127.0.0.1"), ("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1")];
    assert_eq!(ask(endpoint(&gateway), &raw("GET", "/elsewhere", &claimed, "")).status, 403);
    let events = gateway.events();
    assert_eq!(events.len(), 9, "each attempt is logged");
    let reason = events[0]["additionalEventData"]["gateway"]["reason"].as_str().unwrap();
    assert!(reason.contains("the address `127.0.0.1` may not get credentials"), "{reason}");
}

/// The listener for calls does not serve the path, and the listener for credentials does not serve calls.
#[test]
fn calls_and_credentials_are_served_on_separate_listeners() {
    let gateway = start();
    let answer = gateway.ask(&raw("GET", "/terway", &[("Host", "gateway.test")], ""));
    assert_eq!(answer.status, 400, "{answer:?}");
    let mut alice = super::issuing::alice();
    let answer = ask(endpoint(&gateway), &alice.attach(Shape::V1Query));
    assert_eq!((answer.status, answer.code().as_str()), (403, "NoPermission"), "for another host: {answer:?}");
    alice.host = endpoint(&gateway).to_string();
    let answer = ask(endpoint(&gateway), &alice.attach(Shape::V1Query));
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidParameter"), "{answer:?}");
}

/// A request with another host's name, from a web page, or through a proxy gets no key, even from a permitted address.
#[test]
fn only_the_workload_itself_gets_a_key() {
    let gateway = Issuing::with(&format!("{URI}[admin]\nlisten = \"127.0.0.1:0\"\n"));
    crate::support::wait_for("the address of the credentials listener", || {
        gateway.server.stdout().contains("/untrusted")
    });
    let endpoint = endpoint(&gateway);
    let own = endpoint.to_string();
    let get = |headers: &[(&str, &str)]| ask(endpoint, &raw("GET", "/terway", headers, ""));
    let port = endpoint.port();
    let (local, six) = (format!("localhost:{port}"), format!("[::1]:{port}"));
    for host in [own.as_str(), "127.0.0.1", "localhost", &local, "LOCALHOST", &six] {
        let answer =
            get(&[("Host", host), ("User-Agent", "AlibabaCloud (linux; amd64) Golang/1.24"), ("Accept", "*/*")]);
        assert_eq!(answer.status, 200, "{host}: {answer:?}");
    }
    // The headers of Node's own `fetch`.
    assert_eq!(get(&[("Host", &own), ("sec-fetch-mode", "cors"), ("accept-language", "*")]).status, 200);

    let rebound = format!("evil.example.com:{port}");
    let refused: [&[(&str, &str)]; 19] = [
        &[("Host", "evil.example.com")],
        &[("Host", &rebound)],
        &[("Host", "127.0.0.1.evil.example.com")],
        &[("Host", "localhost:1")],
        &[("Host", "localhost:http")],
        &[("Host", "")],
        &[("Host", &own), ("Host", &own)],
        &[("Host", &own), ("Origin", "http://evil.example.com")],
        &[("Host", &own), ("Origin", "null")],
        &[("Host", &own), ("Sec-Fetch-Site", "cross-site")],
        &[("Host", &own), ("Sec-Fetch-Site", "none")],
        &[("Host", &own), ("sec-fetch-dest", "image")],
        &[("Host", &own), ("Referer", "http://evil.example.com/")],
        &[("Host", &own), ("X-Forwarded-For", "127.0.0.1")],
        &[("Host", &own), ("X-Forwarded-Host", "127.0.0.1")],
        &[("Host", &own), ("X-Real-IP", "127.0.0.1")],
        &[("Host", &own), ("Forwarded", "for=127.0.0.1")],
        &[("Host", &own), ("Via", "1.1 proxy")],
        &[("X-Forwarded-For", "127.0.0.1")],
    ];
    let before = gateway.events().len();
    for headers in refused {
        let answer = get(headers);
        assert_eq!((answer.status, answer.code().as_str()), (403, "NoPermission"), "{headers:?} {answer:?}");
        assert!(!answer.body.contains("AccessKey"), "{headers:?} {answer:?}");
    }
    let target = format!("http://{own}/terway");
    let answer = ask(endpoint, &raw("GET", &target, &[("Host", &own)], ""));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "NoPermission"),
        "a target in the form for a proxy: {answer:?}"
    );
    let events = gateway.events();
    assert_eq!(
        events.len() - before,
        refused.len() + 1,
        "each attempt is logged, within the budget of unknown callers"
    );
    for event in &events[before..] {
        assert_eq!(event["additionalEventData"]["gateway"]["verdict"], "Refused");
    }
    let reason = events[before]["additionalEventData"]["gateway"]["reason"].as_str().unwrap();
    assert!(reason.contains("credentials are not handed out for the host `evil.example.com`"), "{reason}");
    let admin = gateway.server.address_after("health and metrics at http://");
    let page = ask(admin, &raw("GET", "/metrics", &[("Host", "x")], "")).body;
    for line in ["for=\"host\"} 8", "for=\"browser\"} 6", "for=\"proxy\"} 6"] {
        assert!(page.contains(&format!("ramgate_credentials_indirect_total{{{line}\n")), "{line}: {page}");
    }
}

/// Host names that only the operator can know.
#[test]
fn the_operator_can_add_host_names() {
    let hosts = URI.replacen("listen = ", "hosts = [\"Creds.Internal\", \"node:8080\"]\nlisten = ", 1);
    let gateway = Issuing::with(&hosts);
    crate::support::wait_for("the address of the credentials listener", || {
        gateway.server.stdout().contains("/untrusted")
    });
    for (host, status) in [
        ("creds.internal", 200),
        ("CREDS.internal:8623", 200),
        ("node:8080", 200),
        ("creds.internal:http", 403),
        ("creds.internal:", 403),
        ("creds.internal:80:80", 403),
        ("node", 403),
        ("node:8081", 403),
        ("other.internal", 403),
    ] {
        let answer = ask(endpoint(&gateway), &raw("GET", "/terway", &[("Host", host)], ""));
        assert_eq!(answer.status, status, "{host}: {answer:?}");
    }
}

/// 1,500 requests from one address, on six threads.
#[test]
fn the_number_of_keys_for_one_address_is_limited() {
    let gateway = start();
    let endpoint = endpoint(&gateway);
    let keys: Vec<Answer> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..6)
            .map(|_| {
                let get = || ask_from([127, 0, 0, 9], endpoint, &raw("GET", "/terway", &[("Host", "127.0.0.1")], ""));
                scope.spawn(move || (0..250).map(|_| get()).collect::<Vec<_>>())
            })
            .collect();
        asking.into_iter().flat_map(|asking| asking.join().unwrap()).collect()
    });
    let (issued, throttled): (Vec<_>, Vec<_>) = keys.iter().partition(|answer| answer.status == 200);
    assert!((1..=300).contains(&issued.len()), "{}", issued.len());
    assert!(throttled.iter().all(|answer| answer.status == 400 && answer.code() == "Throttling"));
    assert!(throttled[0].header("x-acs-retry-after").is_some());
    assert!(gateway.events().len() <= 1000, "{}", gateway.events().len());
    assert_eq!(get(&gateway, "/terway").status, 200, "another address still gets a key");
}
