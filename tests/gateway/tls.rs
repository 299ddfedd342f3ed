//! TLS on the listener: connections that are served or turned away, client certificates, and certificate reloads.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::caller::{Shape, raw};
use crate::support::program::close_to_others;
use crate::support::tls::{Authority, Pair, ask, ask_on, caller, config, listener, open, trusting};
use crate::support::wire::connect;
use crate::support::{Caller, ENI, INSTANCE, Server, Setup, TestGateway, program, ramgate, wait_for};
use ramgate::gateway::ClientCertificates;
use ramgate::store::PolicyFiles;
use rustls::version::{TLS12, TLS13};
use serde_json::json;
use tempfile::{TempDir, tempdir};

fn attach() -> Vec<u8> {
    Caller::terway().attach(Shape::V3Query)
}

/// A gateway with TLS, and the authority that signed its certificate.
fn with_tls(change: impl FnOnce(&mut Setup)) -> (TestGateway, Authority) {
    let authority = Authority::new();
    let mut setup = Setup { tls: Some(listener(config(&authority.server(), None)).0), ..Setup::default() };
    change(&mut setup);
    (TestGateway::start(setup), authority)
}

#[test]
fn both_versions_of_tls_are_served_and_logged() {
    let (gateway, authority) = with_tls(|_| {});
    for version in [&TLS12, &TLS13] {
        for shape in crate::support::caller::SHAPES {
            let mut stream = open(gateway.address, caller(&authority.pem, &[version], None), "gateway.test").unwrap();
            assert_eq!(stream.conn.protocol_version(), Some(version.version));
            let answer = ask_on(&mut stream, &Caller::terway().attach(shape)).unwrap();
            assert_ne!(answer.status, 403, "{answer:?}");
            let event = gateway.last_event();
            assert_eq!(event["additionalEventData"]["Scheme"], "https");
            assert_eq!(event["additionalEventData"]["gateway"]["verdict"], "Allow");
        }
    }
}

/// Several calls on one connection, some with large bodies, and then a graceful close.
#[test]
fn a_connection_serves_several_calls_and_closes_gracefully() {
    let (gateway, authority) = with_tls(|_| {});
    let mut stream = open(gateway.address, trusting(&authority.pem), "127.0.0.1").unwrap();
    assert_eq!(ask_on(&mut stream, &attach()).unwrap().status, 200);
    for size in [1, 20_000, 60_000] {
        let body = format!("Pad={}", "x".repeat(size));
        let answer = ask_on(&mut stream, &Caller::bob().v3("", &body, &[])).unwrap();
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(!answer.closed);
    }
    let last = String::from_utf8(attach()).unwrap().replacen("\r\n", "\r\nConnection: close\r\n", 1);
    ask_on(&mut stream, last.as_bytes()).unwrap();
    // Without a `close_notify` alert this is an error: an attacker in the path could have cut the answer.
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn a_failed_handshake_is_turned_away_without_an_answer_or_an_event() {
    let (gateway, authority) = with_tls(|_| {});
    let old_hello = [&[0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2][..], &[7; 32], &[0, 0, 2, 0x00, 0x2f, 1, 0]].concat();
    for bytes in [attach(), old_hello, b"\x16\x03\x01\xff\xff".to_vec(), vec![0x80; 64], b"\r\n\r\n".to_vec()] {
        let mut stream = connect(gateway.address);
        stream.write_all(&bytes).unwrap();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut received = Vec::new();
        // A reset is acceptable too.
        let _ = stream.read_to_end(&mut received);
        assert!(received.is_empty() || received[0] == 0x15, "an alert, or nothing: {}", received.escape_ascii());
    }
    let mut http2 = trusting(&authority.pem);
    http2.alpn_protocols = vec![b"h2".to_vec()];
    assert!(open(gateway.address, http2, "127.0.0.1").is_err());
    assert!(gateway.events().is_empty());
    assert_eq!(ask(gateway.address, trusting(&authority.pem), &attach()).unwrap().status, 200);
}

/// Silent connections hold both slots and cannot be displaced yet. The call is served after their handshake deadline
/// has closed them.
#[test]
fn a_handshake_that_times_out_frees_its_slot() {
    let (gateway, authority) = with_tls(|setup| {
        setup.settings.limits.connections = 2;
        setup.tls.as_mut().unwrap().handshake_timeout = Duration::from_millis(200);
    });
    let mut silent = connect(gateway.address);
    let mut halting = connect(gateway.address);
    halting.write_all(b"\x16\x03\x01").unwrap();
    for stream in [&mut silent, &mut halting] {
        assert_eq!(stream.read(&mut [0; 1]).unwrap_or_default(), 0, "closed");
    }
    assert_eq!(ask(gateway.address, trusting(&authority.pem), &attach()).unwrap().status, 200);
}

/// The handshake deadline is further away than a test waits, so it is not the reason that the call is served.
#[test]
fn other_connections_are_served_while_a_handshake_is_pending() {
    let (gateway, authority) = with_tls(|setup| {
        setup.tls.as_mut().unwrap().handshake_timeout = Duration::from_secs(600);
    });
    let silent = connect(gateway.address);
    assert_eq!(ask(gateway.address, trusting(&authority.pem), &attach()).unwrap().status, 200);
    drop(silent);
}

#[test]
fn the_host_must_be_the_server_name_of_the_handshake() {
    let (gateway, authority) = with_tls(|_| {});
    let mut stream = open(gateway.address, trusting(&authority.pem), "other.test").unwrap();
    let answer = ask_on(&mut stream, &attach()).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidParameter"));
    assert!(answer.message().contains("the TLS handshake asked for `other.test`"), "{answer:?}");
    let mut with_port = Caller::terway();
    with_port.host = "OTHER.test:8620".to_owned();
    assert_eq!(ask_on(&mut stream, &with_port.attach(Shape::V3Query)).unwrap().status, 200);
}

/// The policy and the call are the same; only the listener differs.
#[test]
fn a_condition_on_secure_transport_depends_on_the_listener() {
    let policies = || -> PolicyFiles {
        let account =
            "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"tls\"]\n[users.alice]\n[users.bob]\n";
        let policy = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*",
            "Condition": {"Bool": {"acs:SecureTransport": "true"}}}]}"#;
        crate::support::policies(account, &[("tls", policy)])
    };
    let (gateway, authority) = with_tls(|setup| setup.policies = policies());
    assert_eq!(ask(gateway.address, trusting(&authority.pem), &attach()).unwrap().status, 200);
    let plain = TestGateway::start(Setup { policies: policies(), ..Setup::default() });
    let answer = plain.ask(&attach());
    assert_eq!((answer.status, answer.code().as_str()), (403, "Forbidden.SubUser"));
}

mod clients {
    use super::*;

    const CALL: &str = "Action=AttachNetworkInterface&Version=2014-05-26&Format=JSON&RegionId=cn-hangzhou";

    pub(super) fn unsigned() -> Vec<u8> {
        let target = format!("/?{CALL}&NetworkInterfaceId={ENI}&InstanceId={INSTANCE}");
        raw("POST", &target, &[("host", "gateway.test")], "")
    }

    /// A gateway that maps the subject `CN=terway,O=netops` to the role.
    fn asking(required: bool, change: impl FnOnce(&mut Setup)) -> (TestGateway, Authority) {
        let authority = Authority::new();
        let clients = ClientCertificates { ca: authority.pem.as_bytes(), required };
        let (mut tls, _) = listener(config(&authority.server(), Some(clients)));
        let role = "acs:ram::1234567890123456:role/terway".parse::<ram_policy::PrincipalName>().unwrap();
        let role = role.in_account(None).unwrap();
        tls.principals = Arc::new([("CN=terway,O=netops".to_owned(), role)].into());
        let mut setup = Setup { tls: Some(tls), ..Setup::default() };
        change(&mut setup);
        (TestGateway::start(setup), authority)
    }

    #[test]
    fn a_client_certificate_is_requested_as_configured() {
        let stranger = Authority::new().client("terway");
        for required in [true, false] {
            let (gateway, authority) = asking(required, |_| {});
            let known = authority.client("unmapped");
            for version in [&TLS12, &TLS13] {
                let ask = |own: Option<&Pair>| {
                    let answer = ask(
                        gateway.address,
                        caller(&authority.pem, &[version], own),
                        &Caller::bob().attach(Shape::V3Query),
                    );
                    answer.map(|answer| answer.status)
                };
                assert_eq!(ask(None), (!required).then_some(403), "no certificate, {version:?}");
                assert_eq!(ask(Some(&known)), Some(403), "a valid certificate; bob is denied by policy, {version:?}");
                assert_eq!(ask(Some(&stranger)), None, "a certificate of another authority, {version:?}");
                let as_server = authority.server();
                let other_use = ask(Some(&as_server));
                assert_eq!(other_use, Some(403), "a certificate that names no key usage is valid for any");
            }
        }
    }

    #[test]
    fn the_caller_of_an_unsigned_call_is_the_principal_of_the_certificate() {
        let (gateway, authority) = asking(true, |_| {});
        let send = |name: &str, request: &[u8]| {
            let own = authority.client(name);
            ask(gateway.address, caller(&authority.pem, &[&TLS13], Some(&own)), request).unwrap()
        };
        assert_eq!(send("terway", &unsigned()).status, 200);
        let event = gateway.last_event();
        let ours = &event["additionalEventData"]["gateway"];
        assert_eq!(ours["signature"], json!({"scheme": "certificate", "verified": true}));
        assert_eq!(event["userIdentity"]["type"], "assumed-role");
        assert_eq!(event["userIdentity"]["userName"], "terway");
        assert_eq!(event["userIdentity"].get("accessKeyId"), None);

        let unmapped = send("mallory", &unsigned());
        let expected = (400, "MissingParameter");
        assert_eq!((unmapped.status, unmapped.code().as_str()), expected, "the certificate maps to no principal");
        let prod = String::from_utf8(unsigned()).unwrap().replace(INSTANCE, "no-instance");
        assert_eq!(send("terway", prod.as_bytes()).code(), "InvalidInstanceID.Malformed");
    }

    #[test]
    fn a_signature_takes_precedence_over_a_certificate() {
        let (gateway, authority) = asking(false, |_| {});
        let own = authority.client("terway");
        let send =
            |request: &[u8]| ask(gateway.address, caller(&authority.pem, &[&TLS13], Some(&own)), request).unwrap();
        assert_eq!(send(&Caller::bob().attach(Shape::V1Query)).code(), "Forbidden.SubUser", "bob, not the role");
        let bent = String::from_utf8(attach()).unwrap().replace("Signature=", "Signature=0");
        assert_eq!(send(bent.as_bytes()).status, 400, "a certificate does not make up for a bad signature");
        let text = String::from_utf8(unsigned()).unwrap();
        for (more, code) in [
            ("AccessKeyId=LTAI5tDemoTerway0000", "MissingParameter"),
            ("Signature=", "MissingParameter"),
            ("SignatureType=BEARERTOKEN", "InvalidParameter"),
            ("SecurityToken=abc", "InvalidParameter"),
        ] {
            let answer = send(text.replacen("/?", &format!("/?{more}&"), 1).as_bytes());
            assert_eq!(answer.status, 400, "{more}: {answer:?}");
            assert!(more.starts_with("SignatureType") || answer.code() == code, "{more}: {answer:?}");
        }
        for header in ["x-acs-action: DeleteNetworkInterface", "x-acs-security-token: t", "x-acs-accesskey-id: x"] {
            let answer = send(text.replacen("\r\n\r\n", &format!("\r\n{header}\r\n\r\n"), 1).as_bytes());
            assert_eq!(answer.code(), "InvalidParameter", "{header}");
        }
        assert!(gateway.events().iter().all(|event| event["additionalEventData"]["gateway"]["verdict"] != "Allow"));
    }

    /// A proxy's certificate identifies the proxy, not the callers behind it.
    #[test]
    fn the_certificate_of_a_trusted_proxy_identifies_no_caller() {
        let (gateway, authority) = asking(true, |setup| {
            setup.settings.listener.proxies.trusted = crate::support::trusted(&["127.0.0.0/8"]);
        });
        let own = authority.client("terway");
        let answer = ask(gateway.address, caller(&authority.pem, &[&TLS13], Some(&own)), &unsigned()).unwrap();
        assert_eq!(answer.code(), "MissingParameter");
    }

    /// The same holds if the proxy announces a caller by the PROXY protocol or in a header: a proxy that terminates TLS
    /// and connects anew presents its own certificate.
    #[test]
    fn the_certificate_of_a_trusted_proxy_does_not_identify_an_announced_caller() {
        let (gateway, authority) = asking(true, |setup| {
            setup.settings.listener.proxies.trusted = crate::support::trusted(&["127.0.0.0/8"]);
            setup.settings.listener.proxies.protocol = Some(ramgate::testing::wire::ProxyVersions::Any);
        });
        let own = authority.client("terway");
        for announced in ["PROXY TCP4 203.0.113.7 10.0.0.1 51000 443\r\n", "PROXY UNKNOWN\r\n"] {
            let mut socket = connect(gateway.address);
            socket.write_all(announced.as_bytes()).unwrap();
            let config = caller(&authority.pem, &[&TLS13], Some(&own));
            let mut stream = crate::support::tls::open_on(socket, config, "127.0.0.1").unwrap();
            let answer = ask_on(&mut stream, &unsigned()).unwrap();
            assert_eq!((answer.status, answer.code().as_str()), (400, "MissingParameter"), "{announced}");
            let signed = ask_on(&mut stream, &attach()).unwrap();
            assert_eq!(signed.status, 200, "a signed call is served: {signed:?}");
        }
        let (gateway, authority) = asking(true, |setup| {
            setup.settings.listener.proxies.trusted = crate::support::trusted(&["127.0.0.0/8"]);
        });
        let own = authority.client("terway");
        let forwarded = with_header(&unsigned(), "X-Forwarded-For: 203.0.113.7");
        let answer = ask(gateway.address, caller(&authority.pem, &[&TLS13], Some(&own)), &forwarded).unwrap();
        assert_eq!(answer.code(), "MissingParameter");
    }

    fn with_header(request: &[u8], line: &str) -> Vec<u8> {
        String::from_utf8(request.to_vec()).unwrap().replacen("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"), 1).into()
    }

    /// A browser sends its user's certificate with requests that a page of any site can compose.
    #[test]
    fn a_web_page_cannot_call_with_its_visitors_certificate() {
        let (gateway, authority) = asking(true, |_| {});
        let own = authority.client("terway");
        let send =
            |request: &[u8]| ask(gateway.address, caller(&authority.pem, &[&TLS13], Some(&own)), request).unwrap();
        let get: Vec<u8> = String::from_utf8(unsigned()).unwrap().replacen("POST", "GET", 1).into();
        for line in [
            "Origin: https://evil.example.com",
            "origin: null",
            "Sec-Fetch-Site: cross-site",
            "sec-fetch-site: same-site",
            "Sec-Fetch-Site: same-origin",
            "X-Forwarded-For: 203.0.113.7",
            "Via: 1.1 proxy",
            "Forwarded: for=203.0.113.7",
        ] {
            for request in [&unsigned(), &get] {
                let answer = send(&with_header(request, line));
                assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidParameter"), "{line} {answer:?}");
                let event = gateway.last_event();
                assert_eq!(event["additionalEventData"]["gateway"]["verdict"], "Refused", "{line}");
            }
        }
        assert_eq!(
            send(&with_header(&attach(), "Origin: https://evil.example.com")).status,
            200,
            "a signed call is intended"
        );
        for line in ["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Accept: */*"] {
            let answer = send(&with_header(&unsigned(), line));
            assert!(answer.status == 200 || answer.code() != "InvalidParameter", "{line}: {answer:?}");
        }
        assert!(gateway.events().iter().any(|event| event["additionalEventData"]["gateway"]["verdict"] == "Allow"));
    }
}

mod reload {
    use super::*;

    #[test]
    fn a_new_certificate_applies_to_new_connections() {
        let (old, new) = (Authority::new(), Authority::new());
        let (tls, current) = listener(config(&old.server(), None));
        let gateway = TestGateway::start(Setup { tls: Some(tls), ..Setup::default() });
        let mut before = open(gateway.address, trusting(&old.pem), "127.0.0.1").unwrap();
        assert_eq!(ask_on(&mut before, &attach()).unwrap().status, 200);
        current.send_replace(config(&new.server(), None));
        assert!(open(gateway.address, trusting(&old.pem), "127.0.0.1").is_err());
        assert!(open(gateway.address, trusting(&new.pem), "127.0.0.1").is_ok());
        assert!(ask_on(&mut before, &attach()).is_some(), "open connections stay open");
    }

    /// The real program, with its files as an operator installs them.
    struct Installed {
        folder: TempDir,
        server: Server,
        address: SocketAddr,
    }

    impl Installed {
        fn start(pair: &Pair) -> Self {
            Self::with(pair, "", &[])
        }

        /// Like `start`, with more settings in the section `[tls]`, and more files.
        fn with(pair: &Pair, settings: &str, more: &[(&str, &str)]) -> Self {
            let folder = tempdir().unwrap();
            let inside = folder.path();
            fs::create_dir(inside.join("policies")).unwrap();
            let configuration = format!(
                "listen = \"127.0.0.1:0\"\n[upstream]\nurl = \"simulator\"\n[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\n{settings}"
            );
            let files = [
                ("policies/account.toml", "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"all\"]\n"),
                (
                    "policies/all.json",
                    "{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}",
                ),
                (
                    "keyring.toml",
                    "[[access_key]]\nid = \"LTAI5tDemoTerway0000\"\nsecret = \"demo-secret-of-terway\"\nprincipal = \"role/terway\"\n",
                ),
                ("ramgate.toml", &configuration),
            ];
            for (name, text) in files.iter().chain(more) {
                fs::write(inside.join(name), text).unwrap();
                close_to_others(&inside.join(name));
            }
            install(inside, pair);
            let server =
                Server::start(&mut program(inside, &["serve", "--config", "ramgate.toml"]), "attempts are written to");
            let stdout = server.stdout();
            let (_, rest) = stdout.split_once("listening on https://").unwrap_or_else(|| panic!("{stdout}"));
            let address = rest.split_whitespace().next().unwrap().parse().unwrap();
            Self { folder, server, address }
        }

        /// Waits until the log contains `what` exactly this many times.
        fn says(&self, what: &str, times: usize) {
            wait_for(what, || self.server.stderr().matches(what).count() == times);
        }

        fn shows(&self, authority: &Authority) -> bool {
            open(self.address, trusting(&authority.pem), "127.0.0.1").is_ok()
        }
    }

    fn install(folder: &Path, pair: &Pair) {
        put(&folder.join("tls.pem"), &pair.certificate);
        put(&folder.join("tls.key"), &pair.key);
    }

    /// Replaces the file atomically, so that the gateway never reads a part of it.
    fn put(path: &Path, text: &str) {
        let beside = path.with_extension("new");
        fs::write(&beside, text).unwrap();
        close_to_others(&beside);
        fs::rename(&beside, path).unwrap();
    }

    const TAKEN: &str = "a new certificate is in use for new connections";
    const NOT_TAKEN: &str = "the new certificate is not valid; the old one stays in use";

    #[test]
    fn changed_files_are_loaded_without_a_signal() {
        let (old, new) = (Authority::new(), Authority::new());
        let mut installed = Installed::start(&old.server());
        let mut before = open(installed.address, trusting(&old.pem), "127.0.0.1").unwrap();
        install(installed.folder.path(), &new.server());
        installed.says(TAKEN, 1);
        assert!(installed.shows(&new) && !installed.shows(&old));
        assert!(ask_on(&mut before, &attach()).is_some(), "open connections stay open");
        drop(before);
        assert_eq!(installed.server.terminate(Duration::from_secs(20)), Some(0));
    }

    #[test]
    fn an_invalid_pair_is_logged_and_the_old_one_stays() {
        let (old, new) = (Authority::new(), Authority::new());
        let installed = Installed::start(&old.server());
        let inside = installed.folder.path();
        let key = inside.join("tls.key");
        let another = new.server();

        put(&inside.join("tls.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n");
        installed.says(NOT_TAKEN, 1);
        installed.server.hang_up();
        installed.says(NOT_TAKEN, 2);
        put(&inside.join("tls.pem"), &another.certificate);
        installed.says("the certificate and the key cannot be used", 1);
        put(&key, &another.key);
        installed.says(TAKEN, 1);
        assert!(installed.shows(&new));

        fs::remove_file(&key).unwrap();
        installed.says("`tls.key` cannot be read", 1);
        fs::write(&key, &old.server().key).unwrap();
        installed.says("other users can access `tls.key`", 1);
        assert!(installed.shows(&new), "the last valid pair stays in use");
        let log = installed.server.stderr();
        assert!(!log.contains("PRIVATE KEY"), "{log}");
    }

    /// The authority for client certificates can be replaced while the gateway runs, too.
    #[test]
    fn the_authority_for_client_certificates_is_reloaded_like_other_files() {
        let (authority, next) = (Authority::new(), Authority::new());
        let settings = "client_ca = \"clients.pem\"\n[[tls.principal]]\nsubject = \"CN=terway,O=netops\"\nprincipal = \"role/terway\"\n";
        let installed = Installed::with(&authority.server(), settings, &[("clients.pem", &authority.pem)]);
        let ask = |own: Option<&Pair>| {
            let config = caller(&authority.pem, &[&TLS13], own);
            ask(installed.address, config, &clients::unsigned()).map(|answer| answer.status)
        };
        let (old, new) = (authority.client("terway"), next.client("terway"));
        assert_eq!((ask(Some(&old)), ask(Some(&new)), ask(None)), (Some(200), None, None));
        put(&installed.folder.path().join("clients.pem"), &next.pem);
        installed.server.hang_up();
        installed.says(TAKEN, 1);
        assert_eq!((ask(Some(&old)), ask(None)), (None, None));
        assert!(ask(Some(&new)).is_some(), "a certificate of the new authority is accepted");
    }

    /// A pending handshake does not delay the shutdown.
    #[test]
    fn a_server_that_stops_does_not_wait_for_handshakes() {
        let authority = Authority::new();
        let mut installed = Installed::with(&authority.server(), "handshake_timeout = \"1h\"\n", &[]);
        let mut silent = connect(installed.address);
        silent.write_all(b"\x16").unwrap();
        assert!(installed.shows(&authority), "a later connection is accepted");
        assert_eq!(installed.server.terminate(Duration::from_secs(30)), Some(0));
    }

    #[test]
    fn the_call_command_trusts_its_ca_file() {
        let authority = Authority::new();
        let installed = Installed::start(&authority.server());
        fs::write(installed.folder.path().join("ca.pem"), &authority.pem).unwrap();
        let endpoint = format!("https://{}", installed.address);
        let call = |more: &[&str]| {
            let fixed = ["call", "--endpoint", &endpoint, "--key", "LTAI5tDemoTerway0000", "--region", "cn-hangzhou"];
            let what = ["--eni", ENI, "--instance", INSTANCE];
            ramgate(installed.folder.path(), &[&fixed[..], &what, more].concat())
        };
        let ran = call(&["--ca-file", "ca.pem"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let ran = call(&[]);
        assert_eq!(ran.status, 2, "the certificate is not trusted without the file: {ran:?}");
    }
}
