//! Control characters and bidirectional marks from callers and files: no JSON output contains them raw.

use std::fs::{self, File};
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;

use super::sinks::{Collector, Mood, Printing};
use crate::support::house::{House, address};
use crate::support::{Caller, Shape, ask, ramgate, schema, wait_for};

/// The C1 control CSI, a bidirectional override, a zero-width mark, a tag character beyond the BMP, and visible text.
const HOSTILE: &str = "a\u{9b}31mRED\u{202e}X\u{feff}\u{e0041}\"\\é網";
/// The ones that a parameter may contain: other such characters are refused there.
const IN_FORM: &str = "a\u{e0041}\u{fe0f}\u{180e}é";

#[track_caller]
fn is_visible(text: &str, what: &str) {
    let hidden = text.chars().find(|c| {
        c.is_control() && *c != '\n'
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    });
    assert_eq!(hidden, None, "{what}: {}", text.escape_debug());
}

/// A signed call with the given user agent, which the signature does not cover.
fn with_agent(key: &str, shape: Shape, action: &str, agent: &str, given: &[(&str, &str)]) -> Vec<u8> {
    let request = Caller::new(key, crate::support::house::SECRET).calling(action).request(shape, given);
    let text = String::from_utf8(request).unwrap();
    text.replacen("\r\n\r\n", &format!("\r\nUser-Agent: {agent}\r\n\r\n"), 1).into_bytes()
}

#[test]
fn text_from_callers_is_escaped_in_log_lines_and_in_answers_of_audit_commands() {
    let collector = Collector::start(Mood::Takes);
    let house = House::new(&format!(
        "[audit]\nsync = \"none\"\n[audit.stdout]\nrequired = true\n[audit.http]\nurl = \"http://{}/logs\"",
        collector.address
    ));
    let (printed, logged) = (house.path().join("printed"), house.path().join("logged"));
    let mut command = house.serve();
    command.env("RAMGATE_LOG", "debug").stdout(File::create(&printed).unwrap()).stderr(File::create(&logged).unwrap());
    let server = Printing(command.spawn().unwrap());
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    wait_for("the gateway", || read(&logged).contains("attempts are written to"));
    let to = read(&logged).split("http://").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let (known, stranger) = ("LTAI5tCarol000000000", "LTAI5tNobody00000000");
    let attach = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", "eni-a"), ("InstanceId", "i-a")];
    let named = [("RegionId", IN_FORM), ("NetworkInterfaceId", IN_FORM)];
    for (key, shape, action, given) in [
        (known, Shape::V1Form, "AttachNetworkInterface", &attach[..]),
        ("LTAI5tDave0000000000", Shape::V1Form, "AttachNetworkInterface", &attach),
        (stranger, Shape::V1Form, "AttachNetworkInterface", &attach),
        (stranger, Shape::V1Form, IN_FORM, &named),
        (known, Shape::V3Form, HOSTILE, &attach),
        (known, Shape::V1Query, "DescribeInstances", &named),
    ] {
        let answer = ask(to, &with_agent(key, shape, action, HOSTILE, given));
        is_visible(&answer.body, "an answer");
    }
    let log = house.path().join("audit.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text.lines().count(), 7, "{text}");
    is_visible(&text, "the log");
    for line in schema::checked_lines(&text) {
        assert_eq!(line["event"]["userAgent"], HOSTILE, "the value is the user agent that was sent");
    }
    assert!(text.contains("\\u009b31m") && text.contains("\\udb40\\udc41"), "{text}");
    let said: Vec<Value> = schema::checked_lines(&text);
    assert!(said.iter().any(|line| line["event"]["eventName"] == HOSTILE), "{text}");
    assert!(said.iter().any(|line| line["event"]["acsRegion"] == IN_FORM), "{text}");
    wait_for("the collector's lines", || collector.lines().len() == 7);
    assert_eq!(collector.lines().join("\n"), text.trim_end(), "the collector gets the same bytes");
    assert_eq!(read(&printed), text, "standard output gets the same bytes");
    drop(server);
    is_visible(&read(&logged), "the program's own log");

    let verified = ramgate(house.path(), &["audit", "verify"]);
    assert_eq!(verified.status, 0, "{verified:?}");
    let id = said[0]["event"]["eventId"].as_str().unwrap();
    for asked in [
        &["query", "--format", "json"][..],
        &["show", id, "--format", "json"],
        &["show", id, "--policies", "policies", "--format", "json"],
        &["stats", "--format", "json"],
        &["verify", "--format", "json"],
        &["query", "--format", "csv"],
        &["tail"],
    ] {
        let ran = ramgate(house.path(), &[&["audit"], asked].concat());
        assert_eq!(ran.status, 0, "{asked:?}: {ran:?}");
        is_visible(&ran.stdout, &asked.join(" "));
        is_visible(&ran.stderr, &asked.join(" "));
    }
    let asked = ramgate(house.path(), &["audit", "query", "--format", "json"]).json();
    assert!(asked["attempts"].to_string().contains(HOSTILE.split('"').next().unwrap()), "{asked}");
}

#[test]
fn a_refused_call_full_of_escaped_characters_still_gets_a_short_line() {
    let house = House::new("[audit]\nsync = \"none\"");
    let server = house.start();
    for character in ["\u{e0041}", "\u{202e}", "\u{9b}"] {
        let long = character.repeat(1000);
        let names: Vec<String> = (0..40).map(|at| format!("P{at}")).collect();
        let mut given = vec![("RegionId", long.as_str()), ("Version", &long), ("NetworkInterfaceId", &long)];
        given.extend(names.iter().map(|name| (name.as_str(), long.as_str())));
        for (key, action) in [
            ("LTAI5tNobody00000000", long.as_str()),
            ("LTAI5tDave0000000000", "AttachNetworkInterface"),
            ("LTAI5tDave0000000000", &long),
        ] {
            for shape in [Shape::V1Form, Shape::V3Form] {
                for given in [&given[..], &given[1..]] {
                    let answer = ask(address(&server), &with_agent(key, shape, action, &long, given));
                    assert!(answer.status >= 400, "{answer:?}");
                }
            }
        }
    }
    let log = fs::read_to_string(house.path().join("audit.jsonl")).unwrap();
    assert!(log.lines().count() >= 12, "{}", log.lines().count());
    for line in log.lines() {
        assert!(line.len() < 16 << 10, "{} bytes", line.len());
    }
    is_visible(&log, "the log");
    assert_eq!(ramgate(house.path(), &["audit", "verify"]).status, 0);
}

#[test]
fn text_from_policy_files_and_suites_is_escaped_in_reports() {
    let folder = tempdir().unwrap();
    let policies = "p\u{9b}31m\u{202e}";
    let write = |name: &str, text: &str| fs::write(folder.path().join(policies).join(name), text).unwrap();
    fs::create_dir(folder.path().join(policies)).unwrap();
    write("account.toml", "account = \"1234567890123456\"\n[users.bob]\npolicies = [\"all\"]\n");
    let policy =
        "{\"Version\": \"1\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}";
    write("all.json", policy);
    let suite = "suite = \"s\u{202e}31m\"\n[[case]]\nname = \"c31m\u{202e}\"\nprincipal = \"user/bob\"\n\
                 region = \"cn-hangzhou\"\neni = \"eni-a\"\ninstance = \"i-a\"\nexpect = \"deny\"\n";
    write("s.test.toml", suite);
    for asked in [
        &["lint", policies, "--format", "json"][..],
        &["lint", policies, "--format", "sarif"],
        &["lint", policies, "--format", "github"],
        &["test", policies, "--format", "json"],
        &["test", policies, "--format", "junit"],
        &["test", policies, "--format", "tap"],
        &["test", policies, "--format", "github"],
    ] {
        let ran = ramgate(folder.path(), asked);
        assert!(ran.stdout.contains("31m"), "{asked:?}: {ran:?}");
        is_visible(&ran.stdout, &asked.join(" "));
    }
}
