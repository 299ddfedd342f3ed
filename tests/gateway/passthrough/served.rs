//! The real binary in pass-through: its output at startup, and calls passed on to the embedded ECS.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::{TempDir, tempdir};

use crate::support::program::{Server, close_to_others, program, ramgate};
use crate::support::schema::checked_lines;
use crate::support::{ENI, INSTANCE};

const KEYRING: &str = r#"
[[access_key]]
id = "LTAI5tVerified000000"
secret = "a secret of both"
principal = "role/terway"

[[access_key]]
id = "LTAI5tClaimed0000000"
principal = "role/terway"
"#;

fn folder(upstream: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        close_to_others(&folder.path().join(name));
    };
    fs::create_dir(folder.path().join("policies")).unwrap();
    let account = "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"all\"]\n";
    write("policies/account.toml", account);
    let all = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}]}"#;
    write("policies/all.json", all);
    write("keyring.toml", KEYRING);
    let top = "listen = \"127.0.0.1:0\"\nhosts = [\"127.0.0.1\", \"ecs.cn-hangzhou.aliyuncs.com\"]\n[upstream]\n";
    write("ramgate.toml", &format!("{top}{upstream}"));
    folder
}

fn serve(folder: &Path, more: &[&str]) -> Server {
    let serve = [&["serve", "--config", "ramgate.toml"], more].concat();
    Server::start(&mut program(folder, &serve), "attempts are written to")
}

#[test]
fn the_embedded_ecs_verifies_calls_that_are_passed_on() {
    let folder = folder("url = \"simulator\"\nsigning = \"passthrough\"\n");
    let mut server = serve(folder.path(), &[]);
    let call = |key: &str, keyring: &str, more: &[&str]| {
        let url = server.url();
        let fixed = ["call", "--endpoint", &url, "--keyring", keyring, "--key", key, "--region", "cn-hangzhou"];
        ramgate(folder.path(), &[&fixed[..], more].concat())
    };
    let attach = ["--eni", ENI, "--instance", INSTANCE];
    let ran = call("LTAI5tVerified000000", "keyring.toml", &attach);
    assert!(ran.status == 0 && ran.stdout.starts_with("HTTP 200 OK\n"), "{ran:?} {}", server.stderr());
    let list = ["--operation", "DescribeNetworkInterfaces", "--v1"];
    let ran = call("LTAI5tVerified000000", "keyring.toml", &list);
    assert!(ran.status == 0 && ran.stdout.contains(ENI), "{ran:?} {}", server.stderr());

    let ran = call("LTAI5tClaimed0000000", "keyring.toml", &list);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("the key `LTAI5tClaimed0000000` has no secret in the key ring"), "{ran:?}");
    let theirs = KEYRING.replace("0000000\"\nprincipal", "0000000\"\nsecret = \"theirs\"\nprincipal");
    fs::write(folder.path().join("theirs.toml"), theirs).unwrap();
    let ran = call("LTAI5tClaimed0000000", "theirs.toml", &list);
    assert!(
        ran.status == 1 && ran.stdout.contains("InvalidAccessKeyId.NotFound"),
        "the embedded ECS does not know the secret: {ran:?}"
    );

    let log = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let outcomes: Vec<serde_json::Value> =
        checked_lines(&log).into_iter().filter(|event| event.to_string().contains("\"Outcome\"")).collect();
    assert_eq!(outcomes.len(), 3, "{log}");
    assert!(log.contains("\"signing\":\"passthrough\""), "{log}");
    let warning = "callers hold keys that ECS accepts";
    assert_eq!(server.stderr().matches(warning).count(), 1, "{}", server.stderr());
    assert_eq!(server.terminate(Duration::from_secs(5)), Some(0));
}

#[test]
fn the_gateway_starts_without_a_key_of_its_own() {
    let passthrough = "regions = [\"cn-hangzhou\"]\nsigning = \"passthrough\"\n";
    let folder = folder(passthrough);
    let server = serve(folder.path(), &[]);
    assert!(server.stdout().contains("in front of https://ecs.{region}.aliyuncs.com"), "{}", server.stdout());
    drop(server);
    // If a flag names another upstream, no key is required either.
    let embedded = self::folder("url = \"simulator\"\nsigning = \"passthrough\"\n");
    let server = serve(embedded.path(), &["--upstream", "http://127.0.0.1:1"]);
    assert!(server.stdout().contains("in front of http://127.0.0.1:1"), "{}", server.stdout());
}

#[test]
fn outside_pass_through_a_key_needs_its_secret() {
    let own = "regions = [\"cn-hangzhou\"]\naccess_key_id = \"LTAI5tGateway0000000\"\nsecret_file = \"own\"\n";
    let folder = folder(own);
    fs::write(folder.path().join("own"), "own").unwrap();
    close_to_others(&folder.path().join("own"));
    let ran = ramgate(folder.path(), &["serve", "--config", "ramgate.toml"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("the key has no secret, or more than one"), "{ran:?}");
}
