//! `ramgate key token-file`: writes the file that Terway reads, and keeps it current.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::issuing::{Issued, Issuing, KEYRING, PROVIDER, ROLE, read};
use crate::support::program::{Ran, Server, close_to_others, program, ramgate};
use crate::support::{Shape, wait_for};

fn arguments<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let shown = ["--oidc-token-file", "token", "--oidc-provider", PROVIDER, "--role", ROLE];
    [&["key", "token-file", "--endpoint", url, "--out", "token-config"][..], &shown, more].concat()
}

fn run(gateway: &Issuing, more: &[&str]) -> Ran {
    fs::write(gateway.path("token"), format!("{}\n", gateway.token())).unwrap();
    ramgate(gateway.folder.path(), &arguments(&gateway.server.url(), more))
}

/// Opens the file as Terway does: base64, then AES in CBC mode under `keyring`, the initialization vector in front.
fn opened(path: &Path) -> Issued {
    let file: Value = serde_json::from_str(&read(path)).unwrap();
    let text = |name: &str| file[name].as_str().unwrap().to_owned();
    let keyring = text("keyring");
    let open = |name: &str| {
        let bytes = BASE64_STANDARD.decode(text(name)).unwrap();
        let (vector, sealed) = bytes.split_at(16);
        let key = UnboundCipherKey::new(&AES_256, keyring.as_bytes()).unwrap();
        let context = DecryptionContext::Iv128(vector.try_into().unwrap());
        let mut sealed = sealed.to_vec();
        let opened = PaddedBlockDecryptingKey::cbc_pkcs7(key).unwrap().decrypt(&mut sealed, context).unwrap();
        String::from_utf8(opened.to_vec()).unwrap()
    };
    let expiration = text("expiration");
    assert!(expiration.len() == 20 && expiration.ends_with('Z'), "{expiration}");
    Issued { id: open("access.key.id"), secret: open("access.key.secret"), token: open("security.token"), expiration }
}

#[test]
fn terway_can_use_the_key_in_the_file() {
    let gateway = Issuing::start();
    let ran = run(&gateway, &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let key = opened(&gateway.path("token-config"));
    // Terway signs attaches as the old Go client does.
    assert_eq!(gateway.attach(&key, Shape::V1Query).status, 200);
    let output = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!output.contains(&key.secret) && !output.contains(&key.token), "{output}");
    let mode = |name: &str| fs::metadata(gateway.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("token-config"), 0o600);
    assert_eq!(run(&gateway, &["--mode", "640"]).status, 0);
    assert_eq!(mode("token-config"), 0o640);
    assert_eq!(run(&gateway, &["--mode", "644"]).status, 2);
    let left: Vec<_> = fs::read_dir(gateway.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "{left:?}");
}

#[test]
fn the_command_accepts_a_key_of_the_ring_and_a_session_policy() {
    let gateway = Issuing::start();
    fs::write(gateway.path("ring.toml"), KEYRING).unwrap();
    close_to_others(&gateway.path("ring.toml"));
    let policy = r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    fs::write(gateway.path("policy.json"), policy).unwrap();
    let url = gateway.server.url();
    let by_key = ["key", "token-file", "--endpoint", &url, "--out", "f", "--as", "json", "--role", ROLE];
    let by_key = [&by_key[..], &["--keyring", "ring.toml", "--key", "LTAI5tAlice", "--session-name", "s-1"]].concat();
    let ran = ramgate(gateway.folder.path(), &by_key);
    assert_eq!(ran.status, 0, "{ran:?}");
    let key = Issued::read(&serde_json::from_str(&read(&gateway.path("f"))).unwrap());
    assert_eq!(gateway.attach(&key, Shape::V1Query).status, 200);
    let narrow = [&by_key[..], &["--session-policy", "policy.json", "--duration", "15m"]].concat();
    assert_eq!(ramgate(gateway.folder.path(), &narrow).status, 0);
    let key = Issued::read(&serde_json::from_str(&read(&gateway.path("f"))).unwrap());
    assert_eq!(gateway.attach(&key, Shape::V1Query).status, 403);
}

#[test]
fn a_refusal_exits_with_1_and_a_call_that_cannot_be_made_with_2() {
    let gateway = Issuing::start();
    let refused = run(&gateway, &["--duration", "2h"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("InvalidParameter.DurationSeconds"), "{refused:?}");
    assert!(!gateway.path("token-config").exists(), "no file is written");
    for (more, word) in [
        (&["--endpoint", "http://127.0.0.1:1"][..], "cannot be reached"),
        (&["--endpoint", "gateway"], "is not a valid endpoint"),
        (&["--role", "terway"], "is not the ARN of a role"),
        (&["--oidc-token-file", "none"], "cannot be read"),
        (&["--out", "none/file"], "cannot be written"),
        (&["--session-policy", "none"], "is not a valid session policy"),
    ] {
        let mut command = program(gateway.folder.path(), &[]);
        let url = gateway.server.url();
        let mut all = arguments(&url, &[]);
        all.retain(|argument| *argument != more[0] && !paired(&arguments(&url, &[]), more[0], argument));
        command.args(&all).args(more);
        let ran = crate::support::program::finish(&mut command, "");
        assert_eq!(ran.status, 2, "{more:?} {ran:?}");
        assert!(ran.stderr.contains(word), "{more:?} {ran:?}");
    }
    let nothing =
        ramgate(gateway.folder.path(), &["key", "token-file", "--endpoint", "http://x", "--out", "f", "--role", ROLE]);
    assert!(nothing.status == 2 && nothing.stderr.contains("no credential is given"), "{nothing:?}");
}

/// Whether an argument is the value of a flag.
fn paired(all: &[&str], flag: &str, argument: &str) -> bool {
    all.windows(2).any(|pair| pair[0] == flag && pair[1] == argument)
}

/// The sidecar tries again until its token is accepted, and stops on SIGTERM.
#[test]
fn a_sidecar_retries_until_it_gets_a_key_and_stops_on_sigterm() {
    let gateway = Issuing::start();
    fs::write(gateway.path("token"), "not a token").unwrap();
    let url = gateway.server.url();
    let mut command = program(gateway.folder.path(), &arguments(&url, &["--renew"]));
    let mut sidecar = Server::start(&mut command, "");
    wait_for("the refusal", || sidecar.stderr().contains("AuthenticationFail.OIDCToken.Invalid"));
    fs::write(gateway.path("token"), gateway.token()).unwrap();
    wait_for("the key", || gateway.path("token-config").exists());
    let key = opened(&gateway.path("token-config"));
    assert_eq!(gateway.attach(&key, Shape::V1Query).status, 200);
    assert_eq!(sidecar.terminate(Duration::from_secs(10)), Some(0), "{}", sidecar.stderr());
}
