//! The command line as scripts see it: exit statuses, standard output and error, and JSON.

use std::fs;
use std::path::Path;

use crate::support::parts::has;
use crate::support::program::{Ran, Server, bare, finish, program, ramgate};
use crate::support::{ENI, INSTANCE, PROD_INSTANCE};
use tempfile::{TempDir, tempdir};

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
const SUBCOMMANDS: [&str; 15] = [
    "audit", "serve", "check", "lint", "eval", "who-can", "can", "test", "run", "actions", "ecs", "call", "key",
    "replay", "generate",
];

#[test]
fn eval_answers_in_one_line_and_in_its_exit_status() {
    for (principal, instance, status, line) in [
        ("role/terway", INSTANCE, 0, "allow: guardrails#0 (Sid `AllowEverythingElse`, "),
        ("role/terway", INSTANCE, 0, ", terway#0 (Sid `OwnInterfaces`, "),
        ("user/alice", INSTANCE, 0, ", attach-eni#0 (Sid `AttachInHangzhou`, "),
        ("user/alice", PROD_INSTANCE, 1, "explicit deny on acs:ecs:cn-hangzhou:1234567890123456:instance/"),
        ("user/bob", INSTANCE, 1, "implicit deny on acs:ecs:cn-hangzhou:1234567890123456:eni/"),
        ("root", INSTANCE, 0, "allow: the account's root owns it"),
        ("1234567890123456:role/terway", INSTANCE, 0, "allow: "),
        ("acs:ram::1234567890123456:role/terway", INSTANCE, 0, "allow: "),
    ] {
        let ran = eval(principal, instance, &[]);
        assert_eq!((ran.status, ran.stderr.as_str()), (status, ""), "{principal} {instance}: {ran:?}");
        let said = if line.starts_with(", ") { ran.stdout.contains(line) } else { ran.stdout.starts_with(line) };
        assert!(said && ran.stdout.lines().count() == 1, "{principal} {instance}: {ran:?}");
    }
}

#[test]
fn eval_compares_the_verdict_with_each_word_of_expect() {
    let verdicts = [
        ("user/alice", INSTANCE, ["allow"].as_slice()),
        ("user/bob", INSTANCE, ["implicit-deny", "deny"].as_slice()),
        ("user/alice", PROD_INSTANCE, ["explicit-deny", "deny"].as_slice()),
    ];
    for (principal, instance, right) in verdicts {
        for word in ["allow", "implicit-deny", "explicit-deny", "deny"] {
            let ran = eval(principal, instance, &["--expect", word]);
            let status = if right.contains(&word) { 0 } else { 1 };
            assert_eq!(ran.status, status, "{principal} {instance} --expect {word}: {ran:?}");
        }
    }
    assert_eq!(eval("user/bob", INSTANCE, &["--expect", "maybe"]).status, 2);
}

#[test]
fn eval_rejects_malformed_questions() {
    let question = |flags: [&str; 4]| {
        let [principal, region, eni, instance] = flags;
        let flags = ["eval", "--policies", POLICIES, "--principal", principal, "--region", region];
        run(&[&flags[..], &["--eni", eni, "--instance", instance]].concat())
    };
    for (flags, said) in [
        (
            ["user/unknown", "cn-hangzhou", ENI, INSTANCE],
            "`1234567890123456:user/unknown` is not in any policy directory",
        ),
        (["9:user/alice", "cn-hangzhou", ENI, INSTANCE], "is not in any policy directory"),
        (["alice", "cn-hangzhou", ENI, INSTANCE], "alice"),
        (["user/alice", "Hangzhou", ENI, INSTANCE], "`Hangzhou` is not a region id"),
        (["user/alice", "cn-hangzhou", "bp1", INSTANCE], "an ENI id is"),
        (["user/alice", "cn-hangzhou", "eni-*", INSTANCE], "an ENI id is"),
        (["user/alice", "cn-hangzhou", ENI, "i-BIG"], "an instance id is"),
        (["user/alice", "cn-hangzhou", ENI, ""], "InstanceId"),
    ] {
        let ran = question(flags);
        could_not_run(&ran, said);
    }
    could_not_run(&eval("user/alice", INSTANCE, &["--now", "tomorrow"]), "`tomorrow` is not a valid time");
    could_not_run(&eval("user/alice", INSTANCE, &["--context", "acs:SourceIp"]), "is not of the form `KEY=VALUE`");
    let asked = ["--principal", "user/alice", "--region", "cn-hangzhou", "--eni", ENI, "--instance", INSTANCE];
    let nowhere = run(&[&["eval", "--policies", "no-such-folder"], &asked[..]].concat());
    could_not_run(&nowhere, "no-such-folder: the directory cannot be read");
}

#[test]
fn eval_reads_a_request_in_both_forms() {
    let folder = tempdir().unwrap();
    let flat = |instance| {
        serde_json::json!({ "principal": "user/alice", "region": "cn-hangzhou", "eni": ENI, "instance": instance,
            "context": { "acs:SourceIp": "10.0.0.1" }, "now": "2026-01-01T00:00:00Z" })
    };
    let case = |instance| {
        let arn = |relative: String| format!("acs:ecs:cn-hangzhou:1234567890123456:{relative}");
        serde_json::json!({
            "principal": { "type": "user", "account_id": "1234567890123456", "name": "alice", "groups": ["netops"] },
            "action": "ecs:AttachNetworkInterface",
            "resources": [arn(format!("eni/{ENI}")), arn(format!("instance/{instance}"))],
            "context": { "acs:SourceIp": "10.0.0.1" },
        })
    };
    for (instance, status) in [(INSTANCE, 0), (PROD_INSTANCE, 1)] {
        for request in [flat(instance), case(instance)] {
            let file = folder.path().join("request.json");
            fs::write(&file, request.to_string()).unwrap();
            let read = run(&["eval", "--policies", POLICIES, "--request", file.to_str().unwrap()]);
            assert_eq!(read.status, status, "{request}: {read:?}");
            let piped = piped_request(folder.path(), &request.to_string());
            assert_eq!((piped.status, &piped.stdout), (status, &read.stdout), "{request}: {piped:?}");
        }
    }
    let mut misspelt = flat(INSTANCE);
    misspelt["instanceId"] = INSTANCE.into();
    let mut with_attributes = case(INSTANCE);
    with_attributes["resource_context"] = serde_json::json!({ "eni": { "team": "network" } });
    for (bad, said) in [
        (misspelt.to_string(), "`<stdin>` is not a valid request"),
        (with_attributes.to_string(), "`resource_context` names `eni`, which is not among the resources"),
        ("{".to_owned(), "`<stdin>` is not a valid request"),
        (String::new(), "`<stdin>` is not a valid request"),
    ] {
        could_not_run(&piped_request(folder.path(), &bad), said);
    }
    let both = ["eval", "--policies", POLICIES, "--request", "-", "--principal", "user/alice"];
    could_not_run(&run(&both), "cannot be used with");
}

#[test]
fn eval_applies_conditions_to_the_given_context() {
    let folder = one_policy(
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*","Condition":{
            "IpAddress":{"acs:SourceIp":"10.0.0.0/8"},
            "DateLessThan":{"acs:CurrentTime":"2026-06-01T00:00:00Z"}}}]}"#,
    );
    let question = |more: &[&str]| {
        let flags = ["eval", "--policies", ".", "--principal", "user/carol", "--region", "cn-hangzhou"];
        ramgate(folder.path(), &[&flags[..], &["--eni", "eni-1", "--instance", "i-1"], more].concat()).status
    };
    let (near, far) = ("acs:SourceIp=10.1.2.3", "acs:SourceIp=192.0.2.1");
    let (before, after) = ("2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z");
    assert_eq!(question(&["--context", near, "--now", before]), 0);
    assert_eq!(question(&["--context", near, "--now", after]), 1);
    assert_eq!(question(&["--context", far, "--now", before]), 1);
    assert_eq!(question(&["--now", before]), 1);
}

#[test]
fn eval_explains_every_statement() {
    let ran = eval("user/alice", PROD_INSTANCE, &["--explain"]);
    assert_eq!(ran.status, 1);
    for resource in ["eni/", "instance/"] {
        let judged = format!(" on acs:ecs:cn-hangzhou:1234567890123456:{resource}");
        let part = ran.stdout.split("\n\n").find(|part| part.contains(&judged)).unwrap_or_else(|| panic!("{ran:?}"));
        for statement in ["attach-eni#0", "attach-eni#1", "protect-production#0"] {
            let count = part.lines().skip(1).filter(|line| line.contains(statement)).count();
            assert_eq!(count, 1, "{statement} on {resource}: {part}");
        }
    }
}

#[test]
fn eval_prints_the_whole_decision_as_json() {
    let ran = eval("user/alice", PROD_INSTANCE, &["--format", "json"]);
    let document = ran.json();
    assert_eq!((ran.status, &document["schema"], &document["Verdict"]), (1, &1.into(), &"ExplicitDeny".into()));
    let resources = document["resources"].as_array().or(document["Resources"].as_array()).unwrap();
    assert_eq!(resources.len(), 2, "{document:#}");
    assert_eq!(resources[1]["MatchedPolicies"][0]["PolicyIdentifier"], "protect-production");
    let [control, layer] = &resources[1]["Layers"].as_array().unwrap()[..] else { panic!("{document:#}") };
    assert_eq!((&control["PolicyType"], &control["Verdict"]), (&"ControlPolicy".into(), &"Allow".into()));
    assert_eq!(layer["Verdict"], "ExplicitDeny");
    assert_eq!(layer["Statements"].as_array().unwrap().len(), 3, "{document:#}");
    assert_eq!(eval("role/terway", INSTANCE, &["--format", "json"]).json()["Verdict"], "Allow");
}

#[test]
fn check_distinguishes_success_warnings_and_errors() {
    let clean = run(&["check", POLICIES]);
    assert_eq!((clean.status, clean.stderr.as_str()), (0, ""), "{clean:?}");
    assert!(clean.stdout.starts_with("ok: 6 documents with 10 statements, 5 principals, 0 warnings\nrevision sha256:"));

    let unused = one_policy(r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}"#);
    fs::copy(unused.path().join("mine.json"), unused.path().join("spare.json")).unwrap();
    let warned = ramgate(unused.path(), &["check", "."]);
    assert_eq!(warned.status, 0, "{warned:?}");
    assert!(warned.stdout.contains("1 warning\n") && warned.stderr.starts_with("warning: "), "{warned:?}");
    assert!(warned.stderr.contains("spare.json:1:1"), "{warned:?}");
    let json = ramgate(unused.path(), &["check", ".", "--format", "json"]);
    assert_eq!((json.status, &json.json()["ok"], &json.json()["schema"]), (0, &true.into(), &1.into()));
    assert_eq!(json.json()["complaints"][0]["severity"], "warning");

    let broken = one_policy(r#"{"Version":"1","Statement":[{"Effect":"Maybe","Action":"ecs:*","Resource":"*"}]}"#);
    let refused = ramgate(broken.path(), &["check", "."]);
    could_not_run(&refused, "mine.json:1:");
    let json = ramgate(broken.path(), &["check", ".", "--format", "json"]);
    let document = json.json();
    assert_eq!((json.status, &document["ok"], &document["schema"]), (2, &false.into(), &1.into()));
    let [diagnostic] = &document["complaints"].as_array().unwrap()[..] else { panic!("{document:#}") };
    assert_eq!((&diagnostic["severity"], &diagnostic["line"]), (&"error".into(), &1.into()));
    could_not_run(&run(&["check", "no-such-folder"]), "no-such-folder");
}

#[test]
fn actions_lists_fourteen_operations() {
    let json = run(&["actions", "--format", "json"]);
    let document = json.json();
    assert_eq!((json.status, &document["schema"]), (0, &1.into()));
    let operations = document["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 14);
    let attach = operations.iter().find(|operation| operation["operation"] == "AttachNetworkInterface").unwrap();
    assert_eq!(attach["errors"].as_array().unwrap().len(), 63);
    let text = run(&["actions"]);
    assert_eq!((text.status, text.stderr.as_str()), (0, ""));
    for operation in operations {
        let action = operation["action"].as_str().unwrap();
        let rows = text.stdout.lines().filter(|line| line.split_whitespace().next() == Some(action));
        assert_eq!(rows.count(), 1, "{action}");
    }
    assert_eq!(text.stdout, run(&["actions"]).stdout, "the order is stable");
}

#[test]
fn call_answers_in_its_exit_status() {
    let folder = tempdir().unwrap();
    let server = Server::start(&mut program(folder.path(), &["serve", "--listen", "127.0.0.1:0"]), "Ctrl-C stops");
    let url = server.url();
    let call = |endpoint: &str, key: &str, instance: &str, more: &[&str]| {
        let flags = ["call", "--endpoint", endpoint, "--key", key, "--region", "cn-hangzhou", "--eni", ENI];
        ramgate(folder.path(), &[&flags[..], &["--instance", instance], more].concat())
    };
    let (terway, alice) = ("LTAI5tDemoTerway0000", "LTAI5tDemoAlice00000");
    for scheme in ["--v1", "--v3"] {
        let allowed = call(&url, terway, INSTANCE, &[scheme]);
        assert_eq!((allowed.status, allowed.stderr.as_str()), (0, ""), "{scheme}: {allowed:?}");
        let denied = call(&url, alice, PROD_INSTANCE, &[scheme]);
        assert_eq!((denied.status, denied.stderr.as_str()), (1, ""), "{scheme}: {denied:?}");
        let json = call(&url, alice, PROD_INSTANCE, &[scheme, "--format", "json"]).json();
        assert_eq!((&json["schema"], &json["status"]), (&1.into(), &403.into()), "{scheme}");
        assert_eq!(json["body"]["Code"], "Forbidden.SubUser", "{scheme}");
        assert_eq!(json["body"]["RequestId"], json["request_id"], "{scheme}");
    }
    let slashed = call(&format!("{url}/"), terway, INSTANCE, &["--parameter", "NetworkCardIndex=0"]);
    assert_eq!(slashed.status, 0, "{slashed:?}");
    let refused = call(&url, terway, INSTANCE, &["--parameter", "NetworkCardIndex=first"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stdout.contains("\"InvalidParameter\""), "{refused:?}");

    could_not_run(&call("http://127.0.0.1:1", terway, INSTANCE, &[]), "`127.0.0.1:1` cannot be reached");
    could_not_run(&call(&url, "LTAI5tUnknown0000000", INSTANCE, &[]), "`LTAI5tUnknown0000000` is not in the key ring");
    could_not_run(&call("127.0.0.1:1", terway, INSTANCE, &[]), "`127.0.0.1:1` is not a valid endpoint");
    could_not_run(
        &call(&url, terway, INSTANCE, &["--parameter", "NetworkCardIndex"]),
        "is not of the form `NAME=VALUE`",
    );
    could_not_run(&call(&url, terway, INSTANCE, &["--parameter", "InstanceId=i-2"]), "InstanceId");
    could_not_run(&call(&url, terway, INSTANCE, &["--keyring", "none.toml"]), "none.toml: the file cannot be read");
    could_not_run(&call(&url, terway, INSTANCE, &["--v1", "--v3"]), "cannot be used with");
}

#[test]
fn misuse_exits_2_with_a_message_on_standard_error() {
    for arguments in [
        &[][..],
        &["attach"],
        &["eval"],
        &["eval", "--policies", POLICIES, "--principal", "user/alice"],
        &["check", "--colour"],
        &["actions", "--format", "yaml"],
        &["call", "--key", "x"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--workers", "0"],
        &["ecs", "--listen", "127.0.0.1"],
    ] {
        let ran = run(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains("--help"), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn every_subcommand_shows_an_example() {
    let all = run(&["--help"]);
    assert_eq!((all.status, all.stderr.as_str()), (0, ""));
    assert!(all.stdout.contains("Exit status: 0 yes") && all.stdout.contains("Example:"));
    for name in SUBCOMMANDS {
        assert!(all.stdout.contains(&format!("\n  {name} ")), "{name} is not listed");
        let help = run(&[name, "--help"]);
        assert_eq!((help.status, help.stderr.as_str()), (0, ""), "{name}");
        assert!(help.stdout.contains(&format!("Example: ramgate {name}")), "{name}: {}", help.stdout);
    }
    let listed = all.stdout.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap().lines().count();
    assert_eq!(listed, SUBCOMMANDS.len() + 1, "each subcommand (and `help`) is in this test: {}", all.stdout);
    let version = run(&["--version"]);
    assert_eq!((version.status, version.stdout), (0, format!("ramgate {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn output_is_not_coloured_unless_it_goes_to_a_terminal() {
    let broken = one_policy("{");
    for colour in [None, Some(("NO_COLOR", "1")), Some(("NO_COLOR", ""))] {
        for arguments in [&["check", "."][..], &["--help"], &["eval"], &["actions"]] {
            let mut command = program(broken.path(), arguments);
            command.envs(colour).env("TERM", "xterm-256color");
            let ran = finish(&mut command, "");
            assert!(!format!("{}{}", ran.stdout, ran.stderr).contains('\u{1b}'), "{arguments:?} {colour:?}: {ran:?}");
        }
    }
}

/// The `script` program provides the terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    if !has("script", "colours on a terminal") {
        return;
    }
    let broken = one_policy("{");
    let line = format!("'{}' check .", env!("CARGO_BIN_EXE_ramgate"));
    for (no_color, coloured) in [(None, true), (Some(("NO_COLOR", "")), true), (Some(("NO_COLOR", "1")), false)] {
        let mut command = std::process::Command::new("script");
        bare(command.args(["--quiet", "--return", "--command", &line, "/dev/null"]), broken.path());
        let ran = finish(command.env("TERM", "xterm-256color").envs(no_color), "");
        assert_eq!((ran.status, ran.stdout.contains('\u{1b}')), (2, coloured), "{no_color:?}: {ran:?}");
    }
}

/// A closed pipe, as with `| head`, and a full disk.
#[test]
fn output_that_cannot_be_written_causes_no_panic() {
    let broken = one_policy("{");
    let eval = format!(
        "eval --policies {POLICIES} --region cn-hangzhou --eni {ENI} --principal user/alice --explain --instance"
    );
    for (arguments, status) in [
        (format!("{eval} {INSTANCE}"), 0),
        (format!("{eval} {PROD_INSTANCE}"), 1),
        ("actions --format json".to_owned(), 0),
        ("--help".to_owned(), 0),
        ("check .".to_owned(), 2),
        ("serve --listen 0.0.0.0:0".to_owned(), 2),
    ] {
        let arguments: Vec<_> = arguments.split(' ').collect();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = program(broken.path(), &arguments);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        assert_eq!(command.status().unwrap().code(), Some(status), "{arguments:?}");
    }
    let full = Path::new("/dev/full");
    if full.exists() {
        let mut command = program(broken.path(), &["actions"]);
        let ran = command.stdout(fs::File::options().write(true).open(full).unwrap()).output().unwrap();
        assert_eq!(ran.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&ran.stderr).starts_with("error: standard output cannot be written"));
    }
}

fn run(arguments: &[&str]) -> Ran {
    ramgate(tempdir().unwrap().path(), arguments)
}

fn eval(principal: &str, instance: &str, more: &[&str]) -> Ran {
    let flags = ["eval", "--policies", POLICIES, "--principal", principal, "--region", "cn-hangzhou", "--eni", ENI];
    run(&[&flags[..], &["--instance", instance], more].concat())
}

fn piped_request(folder: &Path, request: &str) -> Ran {
    finish(&mut program(folder, &["eval", "--policies", POLICIES, "--request", "-"]), request)
}

/// Asserts status 2, an empty standard output, and the reason on standard error.
fn could_not_run(ran: &Ran, said: &str) {
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{said}: {ran:?}");
    assert!(ran.stderr.contains(said), "no `{said}`: {}", ran.stderr);
}

/// A policy directory with one user, Carol, and one policy, attached to her.
fn one_policy(document: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let account = "account = \"1234567890123456\"\n[users.carol]\npolicies = [\"mine\"]\n";
    fs::write(folder.path().join("account.toml"), account).unwrap();
    fs::write(folder.path().join("mine.json"), document).unwrap();
    folder
}
