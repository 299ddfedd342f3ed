//! `ALIBABA_CLOUD_CREDENTIALS_URI`: a key for whoever stands in the right place.

use std::net::SocketAddr;

use super::issuing::{Issued, Issuing};
use super::support::caller::raw;
use super::support::{Answer, Shape, ask};

const URI: &str = "[identity.issuer.credentials]\nlisten = \"127.0.0.1:0\"\n[[identity.issuer.credentials.uri]]\n\
                   path = \"/terway\"\nrole = \"role/terway\"\nfrom = [\"127.0.0.0/8\"]\nduration = \"30m\"\n\
                   [[identity.issuer.credentials.uri]]\npath = \"/elsewhere\"\nrole = \"role/terway\"\n\
                   from = [\"10.0.0.0/8\"]\n[[identity.issuer.credentials.uri]]\npath = \"/untrusted\"\n\
                   role = \"role/Operator\"\nfrom = [\"127.0.0.1\"]\nsession = \"operator-1\"\n";

fn place(gateway: &Issuing) -> SocketAddr {
    let said = gateway.server.stdout();
    let line = said.lines().find(|line| line.starts_with("credentials of role/terway at ")).unwrap().to_owned();
    line.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap()
}

fn get(gateway: &Issuing, target: &str) -> Answer {
    ask(place(gateway), &raw("GET", target, &[("Host", "127.0.0.1")], ""))
}

fn start() -> Issuing {
    let gateway = Issuing::with(URI);
    super::support::wait_for("where the credentials are", || gateway.server.stdout().contains("/untrusted"));
    gateway
}

#[test]
fn standing_in_the_right_place_is_enough() {
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
    gateway.never_told(&[&key.secret, &key.token]);
}

#[test]
fn nobody_else_gets_a_key_there() {
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
        let answer = ask(place(&gateway), &raw(method, target, &[("Host", "x")], ""));
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {target} {answer:?}");
        assert!(!answer.body.contains("AccessKeySecret"), "{answer:?}");
    }
    // Addresses that a header claims are nobody's.
    let claimed = [("Host", "x"), ("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1")];
    assert_eq!(ask(place(&gateway), &raw("GET", "/elsewhere", &claimed, "")).status, 403);
    let events = gateway.events();
    assert_eq!(events.len(), 9, "each attempt is written down");
    let reason = events[0]["additionalEventData"]["gateway"]["reason"].as_str().unwrap();
    assert!(reason.contains("`127.0.0.1` is not among the addresses"), "{reason}");
}

/// Where calls are taken there is no such path, and no call is answered where credentials are.
#[test]
fn the_two_listeners_are_apart() {
    let gateway = start();
    let answer = gateway.ask(&raw("GET", "/terway", &[("Host", "gateway.test")], ""));
    assert_eq!(answer.status, 400, "{answer:?}");
    let answer = ask(place(&gateway), &super::issuing::alice().attach(Shape::V1Query));
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidParameter"), "{answer:?}");
}
