//! The admin and credentials listeners: silent connections do not delay other clients there either.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::crowd::{admin, call_on, connect_from, metric, raise_limit};
use crate::support::house::{House, get};
use crate::support::program::{close_to_others, program, ramgate};
use crate::support::{Server, wait_for};

const PROMPT: Duration = Duration::from_secs(10);
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/issuer");

/// Holds `number` silent connections from each address, and checks that a client at another address is answered.
fn is_answered(to: SocketAddr, number: usize, addresses: std::ops::Range<u8>, request: &str) {
    raise_limit();
    let silent: Vec<TcpStream> =
        addresses.flat_map(|from| (0..number).filter_map(move |_| connect_from(from, to))).collect();
    for _ in 0..3 {
        let began = Instant::now();
        let answer = call_on(&mut connect_from(1, to).unwrap(), request.as_bytes()).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    }
    drop(silent);
}

#[test]
fn silent_connections_do_not_block_health_and_metrics() {
    let house = House::new("[admin]\nlisten = \"127.0.0.1:0\"");
    let server = house.start();
    let admin = admin(&server);
    is_answered(admin, 64, 10..14, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(metric(admin, "ramgate_connections_displaced_total{listener=\"admin\"}") > 0);
    assert_eq!(metric(admin, "ramgate_connections_slots{listener=\"admin\"}"), 128);
}

/// A gateway that issues keys, and the address of its credentials listener.
pub fn issuing() -> (tempfile::TempDir, Server, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(ramgate(folder.path(), &["key", "issuer", "--out", "issuer.key"]).status, 0);
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        close_to_others(&folder.path().join(name));
    };
    let key = "[[access_key]]\nid = \"LTAI5tAlice\"\nsecret = \"of-alice\"\nprincipal = \"user/alice\"\n";
    write("keyring.toml", key);
    let settings = format!(
        "listen = \"127.0.0.1:0\"\npolicies = [\"{FIXTURES}\"]\n[upstream]\nurl = \"simulator\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n[identity.issuer]\nenabled = true\nkey_file = \"issuer.key\"\n\
         [identity.issuer.credentials]\nlisten = \"127.0.0.1:0\"\n[[identity.issuer.credentials.uri]]\n\
         path = \"/terway\"\nrole = \"role/terway\"\nfrom = [\"127.0.0.0/8\"]\n"
    );
    write("ramgate.toml", &settings);
    let mut command = program(folder.path(), &["serve", "--config", "ramgate.toml"]);
    let server = Server::start(&mut command, "attempts are written to");
    wait_for("the address of the credentials listener", || server.stdout().contains("/terway"));
    let stdout = server.stdout();
    let line = stdout.lines().find_map(|line| line.strip_prefix("credentials of role/terway at http://")).unwrap();
    let credentials = line.split('/').next().unwrap().parse().unwrap();
    (folder, server, credentials)
}

#[test]
fn silent_connections_do_not_block_credentials() {
    let (_folder, server, credentials) = issuing();
    let request = format!("GET /terway HTTP/1.1\r\nHost: {credentials}\r\n\r\n");
    // First 64 from one address, the number of slots in an earlier version; then more than the slots, from several.
    is_answered(credentials, 64, 9..10, &request);
    is_answered(credentials, 200, 10..14, &request);
    let admin = admin(&server);
    assert!(metric(admin, "ramgate_connections_displaced_total{listener=\"credentials\"}") > 0);
    assert_eq!(get(admin, "/healthz").status, 200);
}
