//! Remembered exchanges count towards `nonces`: of the principal, and of the source before the principal is known.

use std::fs;

use super::exchange::{AUDIENCE, Sts, exchange, identity, signed_at};
use super::issuing::{Issued, Issuing, now, refused};
use crate::support::caller::raw;
use crate::support::{Answer, Caller, Shape, ask, ramgate};
use crate::tokens::made::Key;

fn gateway(sts: &Sts, sections: &str) -> Issuing {
    let folder = tempfile::tempdir().unwrap();
    let made = ramgate(folder.path(), &["key", "issuer", "--out", "issuer.key"]);
    assert_eq!(made.status, 0, "{made:?}");
    let exchange = format!("[identity.issuer.exchange]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n", sts.server.url());
    Issuing::in_folder(folder, Key::ec("one"), &exchange, &format!("[admin]\nlisten = \"127.0.0.1:0\"\n{sections}"))
}

fn exchanged(gateway: &Issuing, signed: i64) -> Answer {
    exchange(gateway, &signed_at(signed, AUDIENCE), &[])
}

fn throttled(answer: &Answer, code: &str) {
    refused(answer, 400, code);
    let wait: u64 = answer.header("x-acs-retry-after").unwrap().parse().unwrap();
    assert!((1..=60_000).contains(&wait), "{answer:?}");
}

fn counted(gateway: &Issuing, limits: &str) -> u64 {
    let admin = gateway.server.address_after("health and metrics at http://");
    let page = ask(admin, &raw("GET", "/metrics", &[("Host", "x")], "")).body;
    let name = format!("ramgate_budget_refusals_total{{limits=\"{limits}\",key=\"nonces\"}} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("no `{name}`: {page}")).parse().unwrap()
}

#[test]
fn an_exchange_uses_up_the_nonces_of_its_principal() {
    let sts = Sts::start();
    let at = now();
    let gateway = gateway(&sts, "[limits.principal]\nnonces = 3\n");
    let key = Issued::of(&exchanged(&gateway, at - 1));
    Issued::of(&exchanged(&gateway, at - 2));
    // An exchange that is not remembered does not count.
    refused(&exchanged(&gateway, at - 2), 400, "SignatureNonceUsed");
    assert_eq!(gateway.attach(&key, Shape::V3Query).status, 200, "a signed call of the same principal counts too");
    let asked = sts.server.requests().len();
    throttled(&exchanged(&gateway, at - 3), "Throttling.User");
    assert_eq!(sts.server.requests().len(), asked, "STS is not asked for a principal that has used up its nonces");
    throttled(&gateway.attach(&key, Shape::V3Query), "Throttling.User");
    assert!(counted(&gateway, "principal") >= 2);
    // Another principal has nonces of its own.
    *sts.says.lock().unwrap() = identity("acs:ram::1234567890123456:user/dave", "RAMUser");
    let other = Caller::new("LTAI5tAlice", "of-alice");
    assert_eq!(gateway.ask(&other.attach(Shape::V3Query)).code(), "Forbidden.SubUser");
}

#[test]
fn an_exchange_uses_up_the_nonces_of_its_source_before_its_principal_is_known() {
    let sts = Sts::start();
    let at = now();
    let gateway = gateway(&sts, "[limits.source]\nnonces = 2\n");
    Issued::of(&exchanged(&gateway, at - 1));
    Issued::of(&exchanged(&gateway, at - 2));
    let asked = sts.server.requests().len();
    throttled(&exchanged(&gateway, at - 3), "Throttling");
    assert_eq!(sts.server.requests().len(), asked, "STS is not asked for a source that has used up its nonces");
    assert_eq!(counted(&gateway, "source"), 1);
    // The principal of a key in the key ring is known at once, so its calls do not count towards the source's nonces.
    for _ in 0..4 {
        assert_eq!(
            gateway.ask(&Caller::new("LTAI5tAlice", "of-alice").attach(Shape::V3Query)).code(),
            "Forbidden.SubUser"
        );
    }
    let log = fs::read_to_string(gateway.path("audit.jsonl")).unwrap();
    assert!(log.contains("the budget of this source for signed calls is used up: at most 2 a minute"), "{log}");
}

/// Keys of an account that the gateway does not serve share the nonces of one source, from any address.
#[test]
fn an_account_that_is_not_served_has_the_nonces_of_a_source() {
    let sts = Sts::start();
    *sts.says.lock().unwrap() = (
        200,
        serde_json::json!({ "AccountId": "2222222222222222", "Arn": "acs:ram::2222222222222222:user/eve", "IdentityType": "RAMUser" })
            .to_string(),
    );
    let gateway = gateway(&sts, "[limits]\ntrusted_proxies = [\"127.0.0.1/32\"]\n[limits.source]\nnonces = 2\n");
    let at = now();
    let from = |address: &str, signed: i64| {
        let query = "/?Action=AssumeRoleWithCallerIdentity&Version=2015-04-01&Format=JSON";
        let blob = signed_at(signed, AUDIENCE);
        let form = crate::support::caller::encode(&[("CallerIdentity", blob.as_str())]);
        let headers = [
            ("Host", "sts.aliyuncs.com"),
            crate::support::caller::FORM,
            ("X-Forwarded-For", address),
            ("X-Forwarded-Proto", "https"),
        ];
        gateway.ask(&raw("POST", query, &headers, &form))
    };
    for (address, signed) in [("192.0.2.1", at), ("192.0.2.2", at - 1)] {
        let answer = from(address, signed);
        refused(&answer, 403, "NoPermission");
    }
    throttled(&from("192.0.2.3", at - 2), "Throttling");
    assert_eq!(counted(&gateway, "source"), 1);
}
