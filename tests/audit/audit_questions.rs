//! `audit query`, `show`, `tail` and `stats`: questions that are answered from the log.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::log::gzip;
use crate::support::program::{Server, finish};
use crate::support::{Ran, program, ramgate};
use serde_json::{Value, json};

const SIX: &str = include_str!("../fixtures/audit/chain-of-six.jsonl");
const DENIED: &str = "0A1B2C3D-4E5F-4071-8293-A4B5C6D7E803";

fn log() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (first, rest) = SIX.split_at(SIX.match_indices('\n').nth(2).unwrap().0 + 1);
    fs::write(folder.path().join("audit.000000000001-000000000003.jsonl.gz"), gzip(first.as_bytes())).unwrap();
    fs::write(folder.path().join("audit.jsonl"), rest).unwrap();
    folder
}

fn audit(folder: &Path, arguments: &[&str]) -> Ran {
    ramgate(folder, &[&["audit"], arguments].concat())
}

#[test]
fn each_filter_of_query_selects_its_attempts() {
    let folder = log();
    let all = audit(folder.path(), &["query"]);
    assert_eq!(all.status, 0, "{all:?}");
    let lines: Vec<&str> = all.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "the two lines of the allowed call are one attempt: {all:?}");
    assert_eq!(
        lines[0],
        "2026-03-01T08:00:00Z  Allow         user/alice  AttachNetworkInterface  \
         eni-bp17pdijfczax1huji01 to i-bp16qstyvxj9gpqw0001  [NetopsAttach#0]  200  0A1B2C3D-4E5F-4071-8293-A4B5C6D7E801"
    );
    assert!(lines[2].contains("ExplicitDeny  role/terway-role:terway-node-7  "), "{}", lines[2]);
    assert!(lines[4].contains("Refused       unknown (LTAI****************Qq11)"), "{}", lines[4]);
    let cases: [(&[&str], &[&str]); 19] = [
        (&["--principal", "user/alice"], &["E801", "E802"]),
        (&["--principal", "acs:ram::1234567890123456:role/Terway-Role"], &["E803"]),
        (&["--principal", "1234567890123456:role/terway-role:terway-node-7"], &["E803"]),
        (&["--principal", "role/terway-role:other"], &[]),
        (&["--verdict", "allow"], &["E801", "E804"]),
        (&["--verdict", "deny"], &["E802", "E803"]),
        (&["--verdict", "implicit-deny"], &["E802"]),
        (&["--verdict", "refused"], &["E805"]),
        (&["--code", "Forbidden.*"], &["E802", "E803"]),
        (&["--code", "SignatureDoesNotMatch"], &["E805"]),
        (&["--source", "203.0.113.0/24"], &["E803"]),
        (&["--source", "203.0.113.99"], &["E803"]),
        (&["--statement", "OfficeOnly#1"], &["E803"]),
        (&["--statement", "NetopsAttach", "--verdict", "deny"], &["E802"]),
        (&["--statement", "OfficeOnly#0"], &[]),
        (&["--since", "2026-03-01T08:00:09Z", "--until", "2026-03-01T08:00:21Z"], &["E803", "E804"]),
        (&["--since", "1h"], &[]),
        (&["--instance", "i-bp16qstyvxj9gpqw0001", "--limit", "2"], &["E804", "E805"]),
        (&["--eni", "eni-other"], &[]),
    ];
    for (arguments, expected) in cases {
        let ran = audit(folder.path(), &[&["query"], arguments].concat());
        let found: Vec<&str> = ran.stdout.lines().map(|line| &line[line.len() - 4..]).collect();
        assert_eq!(found, expected, "{arguments:?}: {ran:?}");
        assert_eq!(ran.status, i32::from(expected.is_empty()), "{arguments:?}");
        let json = audit(folder.path(), &[&["query", "--format", "json"], arguments].concat()).json();
        assert_eq!(json["attempts"].as_array().unwrap().len(), expected.len(), "{arguments:?}");
        assert_eq!(json["schema"], 1);
    }
    for arguments in [["--since", "yesterday"], ["--source", "here"], ["--verdict", "maybe"]] {
        assert_eq!(audit(folder.path(), &[&["query"], &arguments[..]].concat()).status, 2);
    }
    assert_eq!(audit(folder.path(), &["query", "--log", "absent.jsonl"]).status, 2);
}

#[test]
fn text_from_callers_cannot_inject_terminal_escapes_or_spreadsheet_formulas() {
    let folder = tempfile::tempdir().unwrap();
    let event = |agent: &str| {
        let mut line: Value = serde_json::from_str(SIX.lines().nth(3).unwrap()).unwrap();
        line["event"]["userAgent"] = agent.into();
        line["event"]["userIdentity"]["userName"] = format!("terway-role:{agent}").into();
        line["event"]["requestParameters"]["InstanceId"] = agent.into();
        line["event"]["errorMessage"] = agent.into();
        line.to_string()
    };
    let hostile = "=HYPERLINK(\"http://x\",\"y\")\u{1b}]0;t\u{7}\u{9b}31m\r\n\u{202e}\u{200b}";
    let text = format!("{}\n{}\n", event(hostile), event("@SUM(1)"));
    fs::write(folder.path().join("audit.jsonl"), text).unwrap();
    let asked: [&[&str]; 5] = [&["query"], &["query", "--format", "csv"], &["show", DENIED], &["stats"], &["tail"]];
    for arguments in asked {
        let ran = audit(folder.path(), arguments);
        assert_eq!(ran.status, 0, "{ran:?}");
        let passed = ran.stdout.chars().find(|c| (c.is_control() && *c != '\n') || "\u{202e}\u{200b}".contains(*c));
        assert_eq!(passed, None, "{ran:?}");
    }
    let csv = audit(folder.path(), &["query", "--format", "csv"]).stdout;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.starts_with("time,verdict,principal,"), "{csv}");
    assert!(csv.contains(",\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\\u{1b}]0;t"), "{csv}");
    assert!(csv.contains("'@SUM(1)"), "{csv}");
    assert!(!csv.contains(",=") && !csv.contains(",\"=") && !csv.contains(",@"), "{csv}");
}

#[test]
fn show_prints_an_attempt_with_the_whole_explanation_of_its_decision() {
    let folder = log();
    let ran = audit(folder.path(), &["show", DENIED]);
    assert_eq!(ran.status, 0, "{ran:?}");
    for piece in [
        "2026-03-01T08:00:09Z  AttachNetworkInterface in cn-hangzhou: ExplicitDeny\n",
        "who       role/terway-role:terway-node-7 of account 1234567890123456, with key STS.****************h2Kq\n",
        "from      203.0.113.99 over https, AlibabaCloud (Linux; x86_64)",
        "signed    V3, verified\n",
        "asked     RegionId = cn-hangzhou\n            NetworkInterfaceId = eni-",
        "decision  ecs:AttachNetworkInterface, refused by AccountLevelIdentityBasedPolicy\n",
        "instance/i-bp16qstyvxj9gpqw0001: ExplicitDeny\n              Deny by OfficeOnly#1, attached to RamRole, sha256:0f1e",
        "with      acs:SourceIp = 203.0.113.99\n",
        "policies  sha256:6b0f",
        "got       403 Forbidden.SubUser: User not authorized to operate on the specified resource.",
        "line      audit.jsonl:1, number 4 of its chain\n",
    ] {
        assert!(ran.stdout.contains(piece), "{piece}\n{}", ran.stdout);
    }
    let allowed = audit(folder.path(), &["show", "5d0c3c58-6f0e-4a0e-9a8d-0d6f2a4b1c01"]).stdout;
    assert!(
        allowed.contains("got       200\n") && allowed.contains("\n  upstream  ecs.cn-hangzhou.aliyuncs.com after "),
        "{allowed}"
    );
    let pasted = format!("Error: code: 403, no. request id: {}\n", DENIED.to_lowercase());
    let found = finish(&mut program(folder.path(), &["audit", "show", "-"]), &pasted);
    assert_eq!((found.status, found.stdout), (0, ran.stdout));
    assert_eq!(finish(&mut program(folder.path(), &["audit", "show", "-"]), "no id").status, 2);
    let absent = audit(folder.path(), &["show", "00000000-0000-0000-0000-000000000000"]);
    assert_eq!(absent.status, 1, "{absent:?}");
    let json = audit(folder.path(), &["show", DENIED, "--format", "json"]).json();
    let statements = &json["attempts"][0]["gateway"]["decision"]["resources"][1]["statements"];
    assert_eq!(statements[0]["policy"], "OfficeOnly");
}

#[test]
fn a_call_without_an_outcome_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("audit.jsonl"), format!("{}\n", SIX.lines().next().unwrap())).unwrap();
    assert!(audit(folder.path(), &["query"]).stdout.contains("  no outcome known  "));
    let shown = audit(folder.path(), &["show", "5d0c3c58-6f0e-4a0e-9a8d-0d6f2a4b1c01"]).stdout;
    assert!(shown.contains("no outcome is recorded"), "{shown}");
}

#[test]
fn stats_counts_principals_statements_and_codes() {
    let folder = log();
    let ran = audit(folder.path(), &["stats"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let bars = "#".repeat(40);
    for piece in [
        "5 attempts\n".to_owned(),
        format!("  Allow                2  {bars}\n"),
        format!("  acs:ram::1234567890123456:role/terway-role         1  {bars}\n"),
        format!("  OfficeOnly#1                   1  {bars}\n"),
        format!("  Forbidden.SubUser                   2  {bars}\n"),
    ] {
        assert!(ran.stdout.contains(&piece), "{piece}\n{}", ran.stdout);
    }
    let json = audit(folder.path(), &["stats", "--format", "json", "--verdict", "deny"]).json();
    assert_eq!(json["attempts"], 2);
    assert_eq!(json["codes"], json!([{ "name": "Forbidden.SubUser", "count": 2 }]));
    assert_eq!(audit(folder.path(), &["stats", "--since", "1h"]).status, 1);
}

#[test]
fn denials_are_attributed_to_denying_statements_and_summaries_are_not_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let mut denied: Value = serde_json::from_str(SIX.lines().nth(3).unwrap()).unwrap();
    let gateway = "/event/additionalEventData/gateway";
    let matched = denied.pointer_mut(&format!("{gateway}/decision/Resources/0/MatchedPolicies/0")).unwrap();
    (matched["Effect"], matched["PolicyIdentifier"]) = ("Allow".into(), "NetopsAttach".into());
    let mut summary: Value = serde_json::from_str(SIX.lines().nth(5).unwrap()).unwrap();
    let ours = summary.pointer_mut(gateway).unwrap();
    (ours["stage"], ours["reason"]) = ("Summary".into(), "360 attempts were counted".into());
    fs::write(folder.path().join("audit.jsonl"), format!("{denied}\n{summary}\n")).unwrap();
    let listed = audit(folder.path(), &["query"]).stdout;
    assert!(listed.contains("  [OfficeOnly#1]  "), "{listed}");
    assert!(listed.ends_with("2026-03-01T08:00:21Z  Refused       360 attempts were counted\n"), "{listed}");
    let json = audit(folder.path(), &["stats", "--format", "json"]).json();
    assert_eq!(json["attempts"], 1);
    assert_eq!(json["denyingStatements"], json!([{ "name": "OfficeOnly#1", "count": 1 }]));
}

#[test]
fn tail_follows_the_log_across_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let lines: Vec<&str> = SIX.lines().collect();
    fs::write(&path, format!("{}\n", lines[2])).unwrap();
    let mut command = program(folder.path(), &["audit", "tail", "-f"]);
    let server = Server::start(command.stdin(Stdio::null()).stderr(Stdio::piped()), "E802");
    let append = |text: &str| {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    append(&lines[3][..100]);
    append(&format!("{}\n", &lines[3][100..]));
    crate::support::wait_for("a line that was written in two pieces", || server.stdout().contains("E803"));
    fs::rename(&path, folder.path().join("audit.000000000001-000000000004.jsonl")).unwrap();
    // A file that is created and rotated between two polls of `tail`.
    fs::write(folder.path().join("audit.000000000005-000000000005.jsonl"), format!("{}\n", lines[4])).unwrap();
    append(&format!("{}\n", lines[5]));
    crate::support::wait_for("a line of the new current file", || server.stdout().contains("E805"));
    let printed: Vec<String> = server.stdout().lines().map(|line| line.replace("  (outcome)", "")).collect();
    let ids: Vec<&str> = printed.iter().map(|line| &line[line.len() - 4..]).collect();
    assert_eq!(ids, ["E802", "E803", "E804", "E805"], "{printed:?}");
}

#[test]
fn an_actiontrail_export_answers_the_same_queries() {
    let folder = tempfile::tempdir().unwrap();
    let event = json!({
        "eventName": "StopInstance", "eventTime": "2026-03-01T08:00:00Z", "requestId": "R-1", "errorCode": "NoPermission",
        "userIdentity": { "type": "ram-user", "accountId": "1234567890123456", "userName": "bob" },
        "requestParameters": { "InstanceId": "i-1" }, "sourceIpAddress": "10.0.0.7",
    });
    fs::write(folder.path().join("Actiontrail_1.gz"), gzip(json!([event]).to_string().as_bytes())).unwrap();
    let asked = ["query", "--log", "Actiontrail_1.gz", "--principal", "user/bob", "--code", "NoPermission"];
    let ran = audit(folder.path(), &asked);
    assert_eq!(ran.stdout, "2026-03-01T08:00:00Z  Failed        user/bob  StopInstance  NoPermission  R-1\n");
    fs::write(folder.path().join("mixed.jsonl"), format!("{event}\nhello\n")).unwrap();
    let ran = audit(folder.path(), &["query", "--log", "mixed.jsonl"]);
    assert_eq!(ran.status, 0);
    assert!(ran.stderr.starts_with("skipped: mixed.jsonl:2: it is not the JSON object"), "{ran:?}");
}
