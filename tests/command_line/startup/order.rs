//! A port opens only when the start has succeeded, and a start that fails leaves no log behind.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

use tempfile::{TempDir, tempdir};

use crate::support::parts::left_out;
use crate::support::program::{Server, close_to_others, program, ramgate};

/// A folder with the demo's policies replaced by one role, an issuer key, and a configuration that ends with `more`.
fn folder_with(more: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let inside = folder.path();
    fs::create_dir(inside.join("policies")).unwrap();
    let trust = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"Service":["ecs.aliyuncs.com"]}}]}"#;
    let all = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let account = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"all\"]\ntrust = \"trust\"\n";
    let keyring = "[[access_key]]\nid = \"LTAI5tDemoTerway0000\"\nsecret = \"demo\"\nprincipal = \"role/terway\"\n";
    for (name, text) in [
        ("policies/account.toml", account),
        ("policies/all.json", all),
        ("policies/trust.json", trust),
        ("keyring.toml", keyring),
        ("ramgate.toml", more),
    ] {
        fs::write(inside.join(name), text).unwrap();
        close_to_others(&inside.join(name));
    }
    let made = ramgate(inside, &["key", "issuer", "--out", "issuer.key"]);
    assert_eq!(made.status, 0, "{made:?}");
    folder
}

fn configuration(calls: &str, admin: &str, credentials: &str) -> String {
    format!(
        "listen = \"{calls}\"\npolicies = [\"policies\"]\nkeyring = \"keyring.toml\"\n[upstream]\nurl = \"simulator\"\n\
         [admin]\nlisten = \"{admin}\"\n[identity.issuer]\nenabled = true\nkey_file = \"issuer.key\"\n\
         [identity.issuer.credentials]\nlisten = \"{credentials}\"\n[[identity.issuer.credentials.uri]]\n\
         path = \"/terway\"\nrole = \"role/terway\"\nfrom = [\"127.0.0.1\"]\n"
    )
}

fn no_log_in(folder: &Path) {
    for name in ["audit.jsonl", "audit.tag-key", "audit.checkpoints.jsonl"] {
        assert!(!folder.join(name).exists(), "the failed start left `{name}` behind");
    }
}

#[test]
fn each_address_in_use_prevents_the_start_and_no_log_is_begun() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    for (configuration, remedy) in [
        (configuration(&taken, free, free), "choose another address with `--listen`"),
        (configuration(free, &taken, free), "change `listen` in `[admin]`"),
        (configuration(free, free, &taken), "change `listen` in `[identity.issuer.credentials]`"),
    ] {
        let folder = folder_with(&configuration);
        let ran = ramgate(folder.path(), &["serve", "--config", "ramgate.toml"]);
        super::could_not_start(&ran, &format!("cannot listen on `{taken}`"));
        assert!(ran.stderr.contains(remedy), "{}", ran.stderr);
        no_log_in(folder.path());
    }
}

#[test]
fn issuer_keys_that_cannot_be_read_prevent_the_start_and_no_log_is_begun() {
    let folder = folder_with(
        "listen = \"127.0.0.1:0\"\npolicies = [\"policies\"]\nkeyring = \"keyring.toml\"\n[upstream]\n\
         url = \"simulator\"\n[[identity.jwt]]\nissuer = \"https://issuer.example\"\naudience = [\"ramgate\"]\n\
         jwks = \"absent.json\"\nprincipals = [{ sub = \"x\", principal = \"role/terway\" }]\n",
    );
    let ran = ramgate(folder.path(), &["serve", "--config", "ramgate.toml"]);
    super::could_not_start(&ran, "the keys of `https://issuer.example` cannot be read");
    no_log_in(folder.path());
}

/// The start waits for an issuer that does not answer. By then its addresses are reserved, but not yet open.
#[test]
fn no_connection_is_possible_before_the_start_has_succeeded() {
    let issuer = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ports = Vec::new();
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        ports.push(listener);
    }
    let addresses: Vec<SocketAddr> = ports.iter().map(|port| port.local_addr().unwrap()).collect();
    drop(ports);
    let [calls, admin, credentials] = [0, 1, 2].map(|at| addresses[at].to_string());
    let folder = folder_with(&format!(
        "{}[[identity.jwt]]\nissuer = \"https://issuer.example\"\naudience = [\"ramgate\"]\njwks = \"http://{}/keys\"\n\
         principals = [{{ sub = \"x\", principal = \"role/terway\" }}]\n",
        configuration(&calls, &admin, &credentials),
        issuer.local_addr().unwrap()
    ));
    let mut command = program(folder.path(), &["serve", "--config", "ramgate.toml"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let asked = issuer.accept().unwrap();
    for address in &addresses {
        let error = TcpStream::connect(address).err().unwrap_or_else(|| panic!("{address} was open during the start"));
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(TcpListener::bind(address).is_err() || cfg!(target_os = "linux"), "{address} is not reserved");
    }
    no_log_in(folder.path());
    drop((asked, issuer));
    crate::support::wait_for("the ports to open", || addresses.iter().all(|it| TcpStream::connect(it).is_ok()));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// All addresses are free when they are reserved, but another process listens on one of them before the gateway does.
/// The log is open by then: it must be closed cleanly, so that a later start continues it.
#[test]
fn an_address_lost_at_the_last_moment_closes_the_log_cleanly() {
    let issuer = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let jwt = format!(
        "[[identity.jwt]]\nissuer = \"https://issuer.example\"\naudience = [\"ramgate\"]\njwks = \"http://{}/keys\"\n\
         principals = [{{ sub = \"x\", principal = \"role/terway\" }}]\n",
        issuer.local_addr().unwrap()
    );
    let configuration = configuration(&free.to_string(), "127.0.0.1:0", "127.0.0.1:0");
    let folder = folder_with(&format!("{configuration}{jwt}"));
    let mut command = program(folder.path(), &["serve", "--config", "ramgate.toml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let asked = issuer.accept().unwrap();
    // Linux lets a second socket be bound to the address while neither listens.
    let Ok(thief) = TcpListener::bind(free) else {
        left_out("rebind", "an address that another process takes first");
        child.kill().unwrap();
        child.wait().unwrap();
        return;
    };
    drop((asked, issuer));
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(&format!("`{free}`")), "{stderr}");
    assert!(ended.stdout.is_empty(), "the gateway printed that it listens: {ended:?}");
    drop(thief);
    fs::write(folder.path().join("ramgate.toml"), configuration).unwrap();
    let mut command = program(folder.path(), &["serve", "--config", "ramgate.toml"]);
    drop(Server::start(&mut command, "attempts are written to"));
}
