//! An OpenID Connect issuer over TLS: discovery, keys that roll over, and an issuer that is unavailable.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::made::{Key, but, claims, set};
use super::places::{TokenGateway, now};
use crate::support::FakeUpstream;
use crate::support::upstream::{Behaviour, json};

/// A provider with a discovery document and keys. The keys can change, and the provider can be unavailable.
struct Provider {
    server: FakeUpstream,
    certificate: Vec<u8>,
    keys: Arc<Mutex<String>>,
    away: Arc<AtomicBool>,
    reads: Arc<AtomicUsize>,
}

impl Provider {
    fn start(keys: &[&Key]) -> Self {
        let keys = Arc::new(Mutex::new(published(keys)));
        let (away, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (shared, gone, counted) = (Arc::clone(&keys), Arc::clone(&away), Arc::clone(&reads));
        let (server, certificate) = FakeUpstream::tls_answering(move |request| {
            let host = request.lines().find_map(|line| {
                line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, host)| host)
            });
            let host = host.unwrap();
            if gone.load(Ordering::SeqCst) {
                return Behaviour::Answer(json(503, "{}", ""));
            }
            if request.starts_with("GET /.well-known/openid-configuration ") {
                let document = format!(
                    "{{\"issuer\":\"https://{host}\",\"jwks_uri\":\"https://{host}/keys\",\
                     \"id_token_signing_alg_values_supported\":[\"ES256\"]}}"
                );
                return Behaviour::Answer(json(200, &document, ""));
            }
            assert!(request.starts_with("GET /keys "), "{request}");
            counted.fetch_add(1, Ordering::SeqCst);
            Behaviour::Answer(json(200, &shared.lock().unwrap(), ""))
        });
        Self { server, certificate, keys, away, reads }
    }

    fn issuer(&self) -> String {
        self.server.url()
    }

    fn publish(&self, keys: &[&Key]) {
        *self.keys.lock().unwrap() = published(keys);
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    fn gateway(&self, more: &str) -> TokenGateway {
        let settings = format!("ca_file = \"ca.pem\"\n{more}");
        TokenGateway::start(&self.issuer(), &settings, &[("ca.pem", &self.certificate)])
    }

    fn token(&self, key: &Key) -> String {
        key.sign(&but(&claims(now()), "iss", self.issuer().into()))
    }
}

fn published(keys: &[&Key]) -> String {
    set(&keys.iter().map(|key| key.jwk()).collect::<Vec<_>>())
}

/// Whether the policies judged the call, which means that its token was accepted.
fn judged(answer: &crate::support::Answer) -> bool {
    answer.status == 200 || !answer.body.contains("InvalidSecurityToken") && answer.status != 503
}

#[test]
fn the_keys_are_found_by_discovery() {
    let key = Key::ec("one");
    let provider = Provider::start(&[&key]);
    let gateway = provider.gateway("");
    let answer = gateway.with(&provider.token(&key));
    assert_eq!(answer.status, 200, "{answer:?}");
    let paths: Vec<String> =
        provider.server.requests().iter().map(|it| it.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(paths, ["/.well-known/openid-configuration", "/keys"]);
}

/// After a reading, there is no other one for a minimum interval, not even for a key that is newer than the set.
#[test]
fn unknown_key_ids_cause_no_reading_within_the_minimum_interval() {
    let (old, new) = (Key::ec("old"), Key::ec("new"));
    let provider = Provider::start(&[&old]);
    let gateway = provider.gateway("");
    assert!(judged(&gateway.with(&provider.token(&old))));
    assert_eq!(provider.reads(), 1);
    provider.publish(&[&old, &new]);
    let refused = gateway.with(&provider.token(&new));
    assert_eq!(refused.code(), "InvalidSecurityToken.Malformed");
    for at in 0..20 {
        let invented = Key::ec(["a", "b", "c", "d"][at % 4]);
        assert_eq!(gateway.with(&provider.token(&invented)).code(), "InvalidSecurityToken.Malformed");
    }
    assert_eq!(provider.reads(), 1, "a caller that invents key ids cannot cause requests to the issuer");
    assert!(judged(&gateway.with(&provider.token(&old))), "the old key still works");
}

/// A call with a key that is newer than the set waits until the set has been read again, and then proceeds.
#[test]
fn a_new_key_is_read_for_the_call_that_needs_it() {
    let (old, new) = (Key::ec("old"), Key::ec("new"));
    let provider = Provider::start(&[&old]);
    let gateway = provider.gateway("refresh = \"6s\"");
    provider.publish(&[&old, &new]);
    thread::sleep(Duration::from_millis(3100));
    let answers: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| gateway.with(&provider.token(&new)))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(answers.iter().all(judged), "{answers:?}");
    assert_eq!(provider.reads(), 2, "concurrent calls wait for the same reading");
}

/// If keys are read more often than they change, callers do not notice a rotation.
#[test]
fn no_call_fails_while_the_keys_roll_over_under_load() {
    let (old, new) = (Key::ec("old"), Key::ec("new"));
    let provider = Provider::start(&[&old]);
    let gateway = provider.gateway("refresh = \"200ms\"");
    let (rolled, failed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let calls = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..60 {
                    let key = if rolled.load(Ordering::SeqCst) { &new } else { &old };
                    let answer = gateway.with(&provider.token(key));
                    calls.fetch_add(1, Ordering::SeqCst);
                    if !judged(&answer) {
                        failed.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        scope.spawn(|| {
            // Like a real issuer: the new key is published first, and used once all readers have had time to read it.
            provider.publish(&[&old, &new]);
            let read = provider.reads();
            crate::support::wait_for("two readings of the new set", || provider.reads() >= read + 2);
            rolled.store(true, Ordering::SeqCst);
        });
    });
    assert!(rolled.load(Ordering::SeqCst));
    assert_eq!((failed.load(Ordering::SeqCst), calls.load(Ordering::SeqCst)), (0, 240));
    assert!(judged(&gateway.with(&provider.token(&new))));
}

#[test]
fn the_last_valid_set_stays_in_use_while_the_issuer_is_unavailable() {
    let key = Key::ec("one");
    let provider = Provider::start(&[&key]);
    let gateway = provider.gateway("refresh = \"100ms\"");
    assert!(judged(&gateway.with(&provider.token(&key))));
    provider.away.store(true, Ordering::SeqCst);
    crate::support::wait_for("a reading that failed", || gateway.server.stderr().contains("cannot be read"));
    assert!(judged(&gateway.with(&provider.token(&key))));
    // A set that must be refused does not replace the last valid one either.
    provider.away.store(false, Ordering::SeqCst);
    *provider.keys.lock().unwrap() = r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"one"}]}"#.to_owned();
    crate::support::wait_for("a set that is refused", || gateway.server.stderr().contains("symmetric key"));
    assert!(judged(&gateway.with(&provider.token(&key))));
}

#[test]
fn the_keys_are_read_later_if_the_issuer_is_unavailable_at_startup() {
    let key = Key::ec("one");
    let provider = Provider::start(&[&key]);
    provider.away.store(true, Ordering::SeqCst);
    let gateway = provider.gateway("refresh = \"100ms\"");
    let refused = gateway.with(&provider.token(&key));
    assert_eq!((refused.status, refused.code().as_str()), (503, "ServiceUnavailable"), "{refused:?}");
    provider.away.store(false, Ordering::SeqCst);
    crate::support::wait_for("the keys", || judged(&gateway.with(&provider.token(&key))));
}

/// The certificate of the issuer's server is verified.
#[test]
fn keys_of_another_server_are_not_used() {
    let key = Key::ec("one");
    let provider = Provider::start(&[&key]);
    let (_, of_another) = FakeUpstream::tls();
    let gateway = TokenGateway::start(&provider.issuer(), "ca_file = \"ca.pem\"", &[("ca.pem", of_another.as_slice())]);
    assert_eq!(gateway.with(&provider.token(&key)).status, 503);
    assert!(gateway.server.stderr().contains("cannot be read"));
    assert_eq!(provider.reads(), 0);
}
