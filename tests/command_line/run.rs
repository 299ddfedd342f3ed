//! `ramgate run`: a gateway and an embedded ECS while one command runs.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::support::program::{Ran, finish, program, ramgate};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::tempdir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ramgate");
const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

/// Runs a line of shell, in which `$0` is `ramgate`.
fn run(folder: &Path, arguments: &[&str], line: &str) -> Ran {
    ramgate(folder, &[&["run"], arguments, &["--", "sh", "-c", line, PROGRAM]].concat())
}

const CALL: &str = "\"$0\" call --endpoint \"$RAMGATE_ENDPOINT\" --keyring \"$RAMGATE_KEYRING\" --key \"$RAMGATE_KEY\" \
                    --region \"$ALIBABA_CLOUD_REGION_ID\" --eni eni-bp1demopod0000000001";

#[test]
fn run_exits_with_the_status_of_its_command() {
    let folder = tempdir().unwrap();
    let allowed = run(folder.path(), &[], &format!("{CALL} --instance i-bp1demoworker00000001"));
    assert_eq!((allowed.status, allowed.stderr.as_str()), (0, ""), "{allowed:?}");
    assert!(allowed.stdout.starts_with("HTTP 200 OK"), "{allowed:?}");
    let denied =
        run(folder.path(), &["--principal", "user/alice"], &format!("{CALL} --instance i-bp1demoprod000000001"));
    assert_eq!(denied.status, 1, "{denied:?}");
    assert!(denied.stdout.contains("\"Forbidden.SubUser\""), "{denied:?}");
    assert!(denied.stderr.contains("denied by protect-production#0"), "the reason is logged: {denied:?}");
    assert_eq!(run(folder.path(), &[], "exit 7").status, 7);
    assert_eq!(run(folder.path(), &[], "kill -9 $$").status, 128 + 9);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "files were left behind");
}

#[test]
fn a_requested_audit_log_is_kept() {
    let folder = tempdir().unwrap();
    let ran = run(folder.path(), &["--audit", "kept.jsonl"], &format!("{CALL} --instance i-bp1demoworker00000001"));
    assert_eq!(ran.status, 0, "{ran:?}");
    let log = fs::read_to_string(folder.path().join("kept.jsonl")).unwrap();
    let lines = crate::support::schema::checked_lines(&log);
    assert!(lines.len() == 2 && log.contains("eni-bp1demopod0000000001"), "{log}");
}

#[test]
fn the_environment_points_to_the_gateway_and_contains_no_real_credential() {
    let folder = tempdir().unwrap();
    let mut command = program(folder.path(), &["run", "--", "env"]);
    for name in [
        "ALIBABA_CLOUD_SECURITY_TOKEN",
        "ALICLOUD_SECURITY_TOKEN",
        "ALIBABA_CLOUD_CREDENTIALS_URI",
        "ALIBABA_CLOUD_PROFILE",
    ] {
        command.env(name, "the-real-one");
    }
    command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "the-real-one").env("NO_PROXY", "example.com").env("KEPT", "yes");
    let ran = finish(&mut command, "");
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(!ran.stdout.contains("the-real-one"), "{}", ran.stdout);
    let variable = |name: &str| {
        let line =
            ran.stdout.lines().find(|line| line.starts_with(&format!("{name}="))).unwrap_or_else(|| panic!("{name}"));
        line.split_once('=').unwrap().1.to_owned()
    };
    let address = variable("ECS_ENDPOINT");
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{address}");
    assert_eq!(variable("ALIBABA_CLOUD_ENDPOINT"), address);
    assert_eq!(variable("ALIBABA_CLOUD_ENDPOINT_ECS"), address);
    assert_eq!(variable("RAMGATE_ENDPOINT"), format!("http://{address}"));
    assert_eq!(variable("ALIBABA_CLOUD_ACCESS_KEY_ID"), variable("RAMGATE_KEY"));
    assert_eq!(variable("ALICLOUD_SECRET_KEY"), variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
    assert_eq!((variable("ALICLOUD_REGION").as_str(), variable("KEPT").as_str()), ("cn-hangzhou", "yes"));
    assert_eq!(variable("NO_PROXY"), "example.com,127.0.0.1");
    assert!(!Path::new(&variable("RAMGATE_KEYRING")).exists(), "the key ring was not removed");
    let mode = run(folder.path(), &[], "stat -c %a \"$RAMGATE_KEYRING\"");
    assert_eq!(mode.stdout, "600\n", "{mode:?}");
}

#[test]
fn a_command_that_cannot_be_run_exits_2_with_the_reason() {
    let folder = tempdir().unwrap();
    let with = |arguments: &[&str]| ramgate(folder.path(), &[&["run"], arguments].concat());
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/account.toml"), "account = \"7\"\n[users.a]\npolicies = [\"p\"]\n").unwrap();
    let document = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    fs::write(folder.path().join("other/p.json"), document).unwrap();
    for (arguments, said) in [
        (&["--", "no-such-program"][..], "`no-such-program` cannot be run"),
        (&["--"], "required"),
        (&["--policies", POLICIES, "--", "true"], "add `--principal` with one of `user/alice`"),
        (&["--policies", "nowhere", "--", "true"], "cannot be read"),
        (&["--policies", "other", "--", "true"], "the world belongs to account `1234567890123456`"),
        (&["--principal", "user/unknown", "--", "true"], "is not in any policy directory"),
        (&["--world", "nowhere", "--", "true"], "cannot be read"),
    ] {
        let ran = with(arguments);
        assert!(ran.status == 2 && ran.stderr.contains(said) && ran.stdout.is_empty(), "{arguments:?}: {ran:?}");
    }
    let own = with(&["--policies", POLICIES, "--principal", "user/bob", "--", "true"]);
    assert_eq!((own.status, own.stdout.as_str()), (0, ""), "{own:?}");
}

#[test]
fn sigterm_is_forwarded_to_the_command() {
    let folder = tempdir().unwrap();
    let line = "trap 'echo terminated; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
    let mut command = program(folder.path(), &["run", "--", "sh", "-c", line]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "terminated");
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

/// Sends calls to a running gateway, writes a suite that expects its answers, and runs the suite.
#[test]
fn suites_and_the_gateway_give_the_same_answers() {
    let folder = tempdir().unwrap();
    let principals = ["user/alice", "user/bob", "user/carol", "user/dave", "role/terway"];
    let enis = ["eni-bp1demopod0000000001", "eni-bp1demoprodpod0000001", "eni-other00000000001"];
    let instances = ["i-bp1demoworker00000001", "i-bp1demoprod000000001", "i-other00000000001", "i-BAD"];
    let script = format!(
        "n=0; for p in {}; do n=$((n + 1)); for e in {}; do for i in {}; do \
         \"$0\" call --endpoint \"$RAMGATE_ENDPOINT\" --keyring \"$RAMGATE_KEYRING\" --key LTAI5tRun0000000000$n \
         --region cn-hangzhou --eni $e --instance $i --format json | tr -d '\\n '; echo; done; done; done; true",
        principals.join(" "),
        enis.join(" "),
        instances.join(" ")
    );
    // Keys are numbered in the order of the directory: users before roles, sorted by name.
    assert!(principals[..4].is_sorted());
    let ran = run(folder.path(), &[], &script);
    assert_eq!(ran.status, 0, "{ran:?}");
    let answers: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(answers.len(), principals.len() * enis.len() * instances.len(), "{ran:?}");
    let mut suite = format!(
        "policies = \"{POLICIES}\"\n[defaults]\nregion = \"cn-hangzhou\"\n\
         context = {{ \"acs:SourceIp\" = \"127.0.0.1\", \"acs:SecureTransport\" = false }}\n"
    );
    let mut seen = std::collections::BTreeMap::new();
    for (at, answer) in answers.iter().enumerate() {
        let (principal, rest) = (principals[at / 12], at % 12);
        let (eni, instance) = (enis[rest / 4], instances[rest % 4]);
        let (expect, more) = if answer.contains("\"NoPermissionType\":\"ImplicitDeny\"") {
            ("implicit-deny", "status = 403\ncode = \"Forbidden.SubUser\"\n")
        } else if answer.contains("\"NoPermissionType\":\"ExplicitDeny\"") {
            ("explicit-deny", "status = 403\n")
        } else if answer.contains("InvalidInstanceID.Malformed") {
            ("refused", "status = 400\ncode = \"InvalidInstanceID.Malformed\"\n")
        } else {
            ("allow", "")
        };
        *seen.entry(expect).or_insert(0) += 1;
        let _ = write!(
            suite,
            "\n[[case]]\nname = \"{at}\"\nprincipal = \"{principal}\"\neni = \"{eni}\"\ninstance = \"{instance}\"\n\
             expect = \"{expect}\"\n{more}"
        );
    }
    assert_eq!(seen.len(), 4, "not every kind of answer occurred: {seen:?}");
    fs::write(folder.path().join("gateway.test.toml"), suite).unwrap();
    let ran = ramgate(folder.path(), &["test", "gateway.test.toml"]);
    assert_eq!(ran.status, 0, "{ran:?}");
}
