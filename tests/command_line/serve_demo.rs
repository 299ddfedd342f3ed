//! The demo as a newcomer runs it: started in an empty folder, its printed calls pasted into a shell.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::program::{Ran, Server, bare, finish, program, ramgate};
use crate::support::{ENI, INSTANCE, PROD_INSTANCE, wait_for};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

#[test]
fn the_printed_calls_have_the_printed_results() {
    let folder = tempdir().unwrap();
    let mut server = demo(folder.path());
    let stdout = server.stdout();
    assert!(stdout.lines().next().unwrap().contains("no configuration, so this is the demo"), "{stdout}");
    let [allowed, denied] = printed_calls(&stdout);

    let ran = paste(folder.path(), &allowed);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stdout.starts_with("HTTP 200 OK\n") && ran.stdout.contains("\"RequestId\""), "{ran:?}");
    let shown = describe(folder.path(), &server.url());
    assert!(["Attaching", "InUse"].contains(&shown["Status"].as_str().unwrap()), "{shown}");
    assert_eq!(shown["InstanceId"], INSTANCE, "{shown}");

    let ran = paste(folder.path(), &denied);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stdout.contains("403") && ran.stdout.contains("\"Forbidden.SubUser\""), "{ran:?}");
    let log = server.stderr();
    let [line] = log.lines().filter(|line| line.contains("denied:")).collect::<Vec<_>>()[..] else { panic!("{log}") };
    for said in ["protect-production#0", "NoAttachToProduction", PROD_INSTANCE, "user/alice"] {
        assert!(line.contains(said), "no `{said}`: {line}");
    }

    let stages = ["Decision", "Outcome", "Decision"];
    assert_eq!(stages_of_attach(&folder.path().join("audit.jsonl")), stages);
    assert_eq!(server.terminate(Duration::from_secs(5)), Some(0), "{}", server.stderr());
}

/// Callers control how often calls are denied, so no log level makes a denial render every statement. `audit show` and
/// `eval --explain` render the whole proof on demand.
#[test]
fn the_debug_log_contains_the_reason_but_not_the_whole_proof() {
    let folder = tempdir().unwrap();
    let mut command = program(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start(command.env("RAMGATE_LOG", "trace"), "Ctrl-C stops");
    let [_, denied] = printed_calls(&server.stdout());
    assert_eq!(paste(folder.path(), &denied).status, 1);
    wait_for("the reason in the log", || server.stderr().contains("protect-production#0"));
    let log = server.stderr();
    assert_eq!(log.matches("protect-production#0").count(), 1, "the reason is not logged exactly once: {log}");
    for whole in ["statement by statement", "AccountLevelIdentityBasedPolicy:", "applies, but does not decide"] {
        assert!(!log.contains(whole), "`{whole}` belongs to a whole proof: {log}");
    }
}

#[test]
fn the_printed_calls_work_wherever_the_program_is_installed() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("it's here");
    fs::create_dir(&home).unwrap();
    let installed = home.join("ramgate");
    if fs::hard_link(env!("CARGO_BIN_EXE_ramgate"), &installed).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_ramgate"), &installed).unwrap();
    }
    for run_in in [home.as_path(), folder.path(), Path::new("/")] {
        let mut command = Command::new(&installed);
        bare(command.args(["serve", "--listen", "127.0.0.1:0", "--audit"]).arg(folder.path().join("log")), run_in);
        let server = Server::start(&mut command, "Ctrl-C stops");
        let [allowed, _] = printed_calls(&server.stdout());
        assert_eq!(paste(run_in, &allowed).status, 0, "{allowed}");
    }
}

#[test]
fn a_restarted_demo_continues_its_log() {
    let folder = tempdir().unwrap();
    for _ in 0..2 {
        let mut server = demo(folder.path());
        assert_eq!(paste(folder.path(), &printed_calls(&server.stdout())[1]).status, 1);
        assert_eq!(server.terminate(Duration::from_secs(5)), Some(0));
    }
    let text = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let numbers: Vec<_> = events(&text).map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn the_embedded_ecs_alone_answers_both_signatures() {
    let folder = tempdir().unwrap();
    let server = Server::start(&mut program(folder.path(), &["ecs", "--listen", "127.0.0.1:0"]), "Ctrl-C stops");
    for scheme in ["--v3", "--v1"] {
        let ran = ramgate(folder.path(), &attach(&server.url(), "LTAI5tDemoTerway0000", INSTANCE, &[scheme]));
        assert_eq!(ran.status, 0, "{scheme}: {ran:?}");
        let shown = describe(folder.path(), &server.url());
        assert_eq!(shown["InstanceId"], INSTANCE, "{scheme}: {shown}");
    }
    let refused = ramgate(folder.path(), &["ecs", "--listen", "0.0.0.0:0"]);
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{refused:?}");
    assert!(refused.stderr.contains("is not loopback"), "{refused:?}");
}

#[test]
fn a_whole_configuration_works_in_front_of_a_separate_ecs() {
    let folder = configured();
    let inside = folder.path();
    let ecs = ["ecs", "--listen", "127.0.0.1:0", "--keyring", "upstream/keyring.toml"];
    let ecs = Server::start(&mut program(inside, &ecs), "Ctrl-C stops");
    let text = fs::read_to_string(inside.join("ramgate.toml")).unwrap();
    fs::write(inside.join("ramgate.toml"), text.replace("http://127.0.0.1:1", &ecs.url())).unwrap();

    // Started in another folder: every path in the file is relative to the file.
    let elsewhere = tempdir().unwrap();
    let file = inside.join("ramgate.toml");
    let mut command = program(elsewhere.path(), &["serve", "--config", file.to_str().unwrap()]);
    let mut server = Server::start(&mut command, "attempts are written to");
    assert!(!server.stdout().contains("demo"), "{}", server.stdout());
    assert!(server.stdout().contains(&format!("in front of {}", ecs.url())), "{}", server.stdout());

    let call = |key: &str, instance: &str, more: &[&str]| {
        ramgate(inside, &attach(&server.url(), key, instance, &[&["--keyring", "keyring.toml"], more].concat()))
    };
    let allowed = call("LTAI5tNodeKey0000000", INSTANCE, &[]);
    assert_eq!(allowed.status, 0, "{allowed:?}");
    let denied = call("LTAI5tNodeKey0000000", PROD_INSTANCE, &["--v1", "--format", "json"]);
    assert_eq!((denied.status, &denied.json()["status"]), (1, &403.into()), "{denied:?}");
    let body = &denied.json()["body"];
    assert_eq!(body["Code"], "Forbidden.RAM", "the configured code: {body}");
    assert_eq!(body["HostId"], "replica-a", "{body}");
    assert_eq!(body["Recommend"], "https://runbook.example/Forbidden.RAM", "{body}");
    assert_eq!(body.get("AccessDeniedDetail"), None, "switched off: {body}");
    let inactive = call("LTAI5tRetired0000000", INSTANCE, &[]);
    assert_eq!(inactive.status, 1, "{inactive:?}");
    assert!(inactive.stdout.contains("Abs.InvalidAccount.NotFound"), "{inactive:?}");

    let text = fs::read_to_string(inside.join("log/audit.jsonl")).unwrap();
    let stages = stages_of_attach(&inside.join("log/audit.jsonl"));
    assert_eq!(stages, ["Decision", "Outcome", "Decision", "Decision"], "{text}");
    assert!(events(&text).all(|line| line.to_string().contains("replica-a")), "{text}");
    for secret in ["secret-of-the-node", "secret-of-the-gateway"] {
        let said = [text.clone(), server.stdout(), server.stderr(), ecs.stdout(), ecs.stderr()].concat();
        assert!(!said.contains(secret), "`{secret}` was printed or logged");
    }
    assert_eq!(server.terminate(Duration::from_secs(5)), Some(0));
}

/// The embedded ECS answers `Describe…` calls as ECS does.
#[test]
fn a_gateway_reads_tags_from_the_embedded_ecs() {
    let folder = configured();
    let inside = folder.path();
    let (before, upstream) = CONFIGURATION.split_once("[upstream]").unwrap();
    let (_, after) = upstream.split_once("[identity]").unwrap();
    let upstream = "[upstream]\nurl = \"simulator\"\n[resources]\nsource = \"upstream\"\n[identity]";
    fs::write(inside.join("ramgate.toml"), [before, upstream, after].concat()).unwrap();
    let by_tag = "\"Condition\": {\"StringEquals\": {\"ecs:tag/team\": \"network\"}}, \"Resource\": \"*\"}]}";
    let (head, _) = POLICY.split_once("\"Resource\"").unwrap();
    fs::write(inside.join("policies/node.json"), [head, by_tag].concat()).unwrap();

    let serve = ["serve", "--config", "ramgate.toml"];
    let mut server = Server::start(&mut program(inside, &serve), "attempts are written to");
    for (instance, status) in [(INSTANCE, 0), (PROD_INSTANCE, 1)] {
        let keyring = ["--keyring", "keyring.toml"];
        let ran = ramgate(inside, &attach(&server.url(), "LTAI5tNodeKey0000000", instance, &keyring));
        assert_eq!(ran.status, status, "{instance}: {ran:?} {}", server.stderr());
    }
    let text = fs::read_to_string(inside.join("log/audit.jsonl")).unwrap();
    assert!(text.contains(r#"{"ConditionKey":"acs:ResourceTag/env","ConditionValues":["prod"]}"#), "{text}");
    assert_eq!(server.terminate(Duration::from_secs(5)), Some(0));
}

#[test]
fn an_idle_connection_does_not_delay_the_stop() {
    let folder = tempdir().unwrap();
    let mut server = demo(folder.path());
    let address = server.url().replace("http://", "");
    let idle = std::net::TcpStream::connect(&address).unwrap();
    assert_eq!(paste(folder.path(), &printed_calls(&server.stdout())[1]).status, 1);
    assert_eq!(server.terminate(Duration::from_secs(5)), Some(0), "{}", server.stderr());
    drop(idle);
    assert!(std::net::TcpStream::connect(&address).is_err(), "still listening");
}

#[test]
fn a_full_pipe_at_standard_error_blocks_no_call() {
    let folder = tempdir().unwrap();
    let mut command = program(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Server::start_unread(&mut command, "Ctrl-C stops");
    let [allowed, denied] = printed_calls(&server.stdout());
    for (call, status) in [(&denied, 1), (&allowed, 0), (&denied, 1)] {
        let ran = paste(folder.path(), call);
        assert_eq!(ran.status, status, "{ran:?}");
        assert_eq!(ran.stdout.contains("Forbidden.SubUser"), status == 1, "{ran:?}");
    }
    assert_eq!(stages_of_attach(&folder.path().join("audit.jsonl")), ["Decision", "Decision", "Outcome", "Decision"]);
    assert_eq!(server.terminate(Duration::from_secs(5)), Some(0));
}

fn demo(folder: &Path) -> Server {
    Server::start(&mut program(folder, &["serve", "--listen", "127.0.0.1:0"]), "Ctrl-C stops")
}

/// The two calls in the greeting of a demo.
fn printed_calls(stdout: &str) -> [String; 2] {
    let calls: Vec<_> = stdout.lines().filter(|line| line.contains(" call --endpoint ")).map(str::to_owned).collect();
    calls.try_into().unwrap_or_else(|_| panic!("not two calls: {stdout}"))
}

fn paste(folder: &Path, line: &str) -> Ran {
    let mut shell = Command::new("sh");
    bare(shell.args(["-c", line]), folder);
    finish(&mut shell, "")
}

fn attach<'a>(url: &'a str, key: &'a str, instance: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let call =
        ["call", "--endpoint", url, "--key", key, "--region", "cn-hangzhou", "--eni", ENI, "--instance", instance];
    [&call, more].concat()
}

/// The ENI as DescribeNetworkInterfaces shows it to the demo's Terway.
fn describe(folder: &Path, url: &str) -> Value {
    let named = format!("NetworkInterfaceId.1={ENI}");
    let call = ["call", "--endpoint", url, "--key", "LTAI5tDemoTerway0000", "--region", "cn-hangzhou"];
    let more = ["--operation", "DescribeNetworkInterfaces", "--parameter", &named, "--format", "json"];
    let ran = ramgate(folder, &[&call[..], &more].concat());
    assert_eq!(ran.status, 0, "{ran:?}");
    let body = &ran.json()["body"];
    assert_eq!(body["TotalCount"], 1, "{body}");
    body["NetworkInterfaceSets"]["NetworkInterfaceSet"][0].clone()
}

fn events(text: &str) -> impl Iterator<Item = Value> {
    crate::support::schema::checked_lines(text).into_iter()
}

fn stages_of_attach(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    events(&text)
        .filter(|line| line["event"]["eventName"] == "AttachNetworkInterface")
        .map(|line| line["event"]["additionalEventData"]["gateway"]["stage"].as_str().unwrap().to_owned())
        .collect()
}

/// A folder with every file a configured gateway reads, and the key ring of the ECS behind it.
fn configured() -> TempDir {
    let folder = tempdir().unwrap();
    let inside = folder.path();
    for name in ["policies", "upstream", "log"] {
        fs::create_dir(inside.join(name)).unwrap();
    }
    let files = [
        ("ramgate.toml", CONFIGURATION),
        ("policies/account.toml", "account = \"1234567890123456\"\n[roles.node]\npolicies = [\"node\"]\n"),
        ("policies/node.json", POLICY),
        ("keyring.toml", KEYRING),
        ("node.secret", "secret-of-the-node\n"),
        ("upstream/keyring.toml", UPSTREAM_KEYRING),
        ("upstream/gateway.secret", "secret-of-the-gateway\n"),
    ];
    for (name, text) in files {
        let path = inside.join(name);
        fs::write(&path, text).unwrap();
        crate::support::program::close_to_others(&path);
    }
    folder
}

const CONFIGURATION: &str = r#"
schema = 1
listen = "127.0.0.1:0"
replica = "replica-a"
policies = ["policies"]
keyring = "keyring.toml"

[upstream]
url = "http://127.0.0.1:1"
regions = ["cn-hangzhou"]
access_key_id = "LTAI5tGateway0000000"
secret_file = "upstream/gateway.secret"
timeout = "5s"

[identity]
clock_skew = "10m"
nonce_memory = "20m"
nonce_capacity = 1000

[denial]
code = "Forbidden.RAM"
detail = false
recommend = "https://runbook.example/{code}"

[audit]
path = "log/audit.jsonl"
sync = "none"

[limits]
connections = 16
"#;

const POLICY: &str = r#"{
  "Version": "1",
  "Statement": [{
    "Effect": "Allow",
    "Action": "ecs:AttachNetworkInterface",
    "Resource": ["acs:ecs:*:*:eni/*", "acs:ecs:*:*:instance/i-bp1demoworker*"]
  }]
}"#;

const KEYRING: &str = r#"
[[access_key]]
id = "LTAI5tNodeKey0000000"
secret_file = "node.secret"
principal = "role/node"

[[access_key]]
id = "LTAI5tRetired0000000"
secret = "secret-of-the-node"
principal = "role/node"
status = "inactive"
"#;

const UPSTREAM_KEYRING: &str = r#"
[[access_key]]
id = "LTAI5tGateway0000000"
secret_file = "gateway.secret"
principal = "root"

[[access_key]]
id = "LTAI5tDemoTerway0000"
secret = "demo-secret-of-terway"
principal = "role/terway"
"#;
