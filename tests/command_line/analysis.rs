//! `who-can`, `can`, `test`, and `eval` under all layers: the real binary on policy directories.

use std::fs;
use std::path::Path;

use crate::support::{Ran, ramgate};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

const ACCOUNT: &str = r#"
account = "1234567890123456"

[users.alice]
groups = ["netops"]
policies = ["guard"]

[users.bob]
scoped = [{ resource_group = "rg-a", policies = ["all"] }]

[users.carol]
policies = ["office"]

[users.dave]
policies = ["legacy", "all"]

[groups.netops]
policies = ["hangzhou"]

[roles.linked]
policies = ["all"]
service_linked = true

[roles.tagged]
policies = ["tagged"]

[[control]]
level = "root-folder"
policies = ["all"]

[[control]]
level = "member"
policies = ["no-prod"]

[[quarantine]]
policy = "legacy"
reason = "short ARN, to be rewritten"
until = "2999-01-31"
"#;

const RESOURCES: &str = r#"
schema = 1
["eni/eni-a"]
tags = { team = "network" }
resource_group = "rg-a"
["instance/i-a"]
tags = { team = "network" }
resource_group = "rg-a"
["instance/i-b"]
tags = { team = "web" }
resource_group = "rg-b"
"#;

fn policies() -> TempDir {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("account.toml", ACCOUNT);
    write("resources.toml", RESOURCES);
    let document = |name: &str, statements: Value| {
        write(&format!("{name}.json"), &json!({"Version": "1", "Statement": statements}).to_string());
    };
    document("all", json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]));
    document("hangzhou", json!([{"Effect": "Allow", "Action": "ecs:*", "Resource": "acs:ecs:cn-hangzhou:*:*"}]));
    document("guard", json!([{"Effect": "Deny", "Action": "*", "Resource": "acs:ecs:*:*:instance/i-guarded*"}]));
    document(
        "office",
        json!([{"Effect": "Allow", "Action": "ecs:*", "Resource": "*",
            "Condition": {"IpAddress": {"acs:SourceIp": "203.0.113.0/24"}}}]),
    );
    document(
        "tagged",
        json!([{"Effect": "Allow", "Action": "ecs:Attach*", "Resource": "*",
            "Condition": {"StringEquals": {"ecs:tag/team": "network"}}}]),
    );
    document(
        "no-prod",
        json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "acs:ecs:*:*:instance/i-prod*"}]),
    );
    write(
        "legacy.json",
        r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"odps:*","Resource":"acs:odps:*"}]}"#,
    );
    folder
}

fn eval(folder: &Path, principal: &str, eni: &str, instance: &str, more: &[&str]) -> Ran {
    let flags = ["eval", "--policies", ".", "--principal", principal, "--region", "cn-hangzhou"];
    ramgate(folder, &[&flags[..], &["--eni", eni, "--instance", instance], more].concat())
}

#[test]
fn every_layer_takes_part_in_the_verdict() {
    let folder = policies();
    let layer = |principal: &str, eni: &str, instance: &str, more: &[&str]| {
        let ran = eval(folder.path(), principal, eni, instance, &[&["--format", "json"], more].concat());
        let document = ran.json();
        (document["Verdict"].as_str().unwrap().to_owned(), document["PolicyType"].as_str().map(str::to_owned))
    };
    let outcome = |verdict: &str, layer: Option<&str>| (verdict.to_owned(), layer.map(str::to_owned));
    let account = Some("AccountLevelIdentityBasedPolicy");
    for (principal, eni, instance, expected) in [
        ("user/alice", "eni-a", "i-a", outcome("Allow", None)),
        ("user/alice", "eni-a", "i-guarded1", outcome("ExplicitDeny", account)),
        ("user/alice", "eni-a", "i-prod1", outcome("ExplicitDeny", Some("ControlPolicy"))),
        ("role/linked", "eni-a", "i-prod1", outcome("Allow", None)),
        ("root", "eni-a", "i-prod1", outcome("Allow", None)),
        ("user/bob", "eni-a", "i-a", outcome("Allow", None)),
        ("user/bob", "eni-a", "i-b", outcome("ImplicitDeny", account)),
        ("user/dave", "eni-a", "i-a", outcome("ImplicitDeny", account)),
        ("role/tagged", "eni-a", "i-a", outcome("Allow", None)),
        ("role/tagged", "eni-a", "i-b", outcome("ImplicitDeny", account)),
    ] {
        assert_eq!(layer(principal, eni, instance, &[]), expected, "{principal} {eni} {instance}");
    }
    let session = folder.path().join("session.json.txt");
    fs::write(&session, r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}"#).unwrap();
    let narrowed = ["--session-policy", "session.json.txt"];
    assert_eq!(layer("role/linked", "eni-a", "i-a", &narrowed), outcome("ImplicitDeny", Some("SessionPolicy")));
    let user = eval(folder.path(), "user/alice", "eni-a", "i-a", &narrowed);
    assert_eq!((user.status, user.stdout.as_str()), (2, ""));
    assert!(user.stderr.contains("only roles have"), "{user:?}");
    fs::write(&session, " ".repeat(2049)).unwrap();
    let long = eval(folder.path(), "role/linked", "eni-a", "i-a", &narrowed);
    assert!(long.status == 2 && long.stderr.contains("is 2049 characters long"), "{long:?}");
}

#[test]
fn attributes_of_resources_can_be_given_with_the_question() {
    let folder = policies();
    let status = |more: &[&str]| eval(folder.path(), "role/tagged", "eni-x", "i-x", more).status;
    assert_eq!(status(&[]), 1);
    assert_eq!(status(&["--eni-tag", "team=network"]), 1);
    assert_eq!(status(&["--eni-tag", "team=network", "--instance-tag", "team=network"]), 0);
    let bob = |more: &[&str]| eval(folder.path(), "user/bob", "eni-x", "i-x", more).status;
    assert_eq!(bob(&["--eni-group", "rg-a", "--instance-group", "rg-a"]), 0);
    assert_eq!(bob(&["--eni-group", "rg-a", "--instance-group", "rg-b"]), 1);
    // Tags given for one resource do not replace the known tags of the other.
    let known = eval(folder.path(), "role/tagged", "eni-a", "i-x", &["--instance-tag", "team=network"]);
    assert_eq!(known.status, 0, "{known:?}");
    fs::remove_file(folder.path().join("resources.toml")).unwrap();
    let unknown = eval(folder.path(), "role/tagged", "eni-x", "i-x", &[]);
    assert!(
        unknown.status == 2 && unknown.stderr.contains("nothing supplies the attributes of resources"),
        "{unknown:?}"
    );
    assert_eq!(status(&["--eni-tag", "team=network", "--instance-tag", "team=network"]), 0);
    for (arguments, expected) in [(&["check", "."][..], 2), (&["check", ".", "--resources", "upstream"], 0)] {
        assert_eq!(ramgate(folder.path(), arguments).status, expected, "{arguments:?}");
    }
}

#[test]
fn a_quarantine_is_a_warning_until_it_ends_and_then_an_error() {
    let folder = policies();
    let checked = ramgate(folder.path(), &["check", "."]);
    assert_eq!(checked.status, 0, "{checked:?}");
    assert!(checked.stderr.contains("warning: under quarantine: Missing ARN field: `acs:odps:*`"), "{checked:?}");
    let dave = eval(folder.path(), "user/dave", "eni-a", "i-a", &[]);
    assert!(dave.status == 1 && dave.stdout.contains("`legacy`, which is under quarantine"), "{dave:?}");
    let ended = fs::read_to_string(folder.path().join("account.toml")).unwrap().replace("2999", "2020");
    fs::write(folder.path().join("account.toml"), ended).unwrap();
    let refused = ramgate(folder.path(), &["check", "."]);
    assert!(
        refused.status == 2 && refused.stderr.contains("the quarantine of `legacy` ended on 2020-01-31"),
        "{refused:?}"
    );
}

#[test]
fn who_can_lists_every_principal_that_may_attach_and_why() {
    let folder = policies();
    let ask = |eni: &str, instance: &str, more: &[&str]| {
        let flags = ["who-can", "--policies", ".", "--region", "cn-hangzhou", "--eni", eni, "--instance", instance];
        ramgate(folder.path(), &[&flags[..], more].concat())
    };
    let all = ask("eni-a", "i-a", &[]);
    assert_eq!(all.status, 0, "{all:?}");
    let names: Vec<_> = all.stdout.lines().map(|line| line.split(": ").next().unwrap()).collect();
    let expected = ["user/alice", "user/bob", "role/linked", "role/tagged"].map(|it| format!("1234567890123456:{it}"));
    assert_eq!(names, expected);
    assert!(all.stdout.contains("hangzhou#0 (./hangzhou.json:1)"), "{all:?}");
    assert!(all.stderr.contains("user/carol might, depending on `acs:SourceIp`"), "{all:?}");

    let with_address = ask("eni-a", "i-a", &["--context", "acs:SourceIp=203.0.113.9"]);
    let listed = with_address.stdout.as_str();
    assert!(listed.contains("user/carol: allow: ") && listed.contains("office#0"), "{with_address:?}");
    let linked = ask("eni-a", "i-prod1", &["--format", "json"]).json();
    assert_eq!(linked["schema"], 1);
    assert_eq!(linked["principals"].as_array().unwrap().len(), 1, "{linked:#}");
    assert_eq!(linked["principals"][0]["principal"], "1234567890123456:role/linked");
    assert_eq!(linked["principals"][0]["statements"][0]["policy"], "all");

    fs::write(
        folder.path().join("account.toml"),
        ACCOUNT.replace("[roles.linked]\npolicies = [\"all\"]", "[roles.linked]"),
    )
    .unwrap();
    let none = ask("eni-a", "i-prod1", &[]);
    assert_eq!((none.status, none.stdout.as_str()), (1, "none of 6 principals may attach it\n"));
    assert_eq!(ask("bp1", "i-a", &[]).status, 2);
}

#[test]
fn can_lists_the_resources_that_a_principal_may_attach() {
    let folder = policies();
    let can = |principal: &str| ramgate(folder.path(), &["can", "--policies", ".", principal]);
    let alice = can("user/alice");
    assert_eq!(alice.status, 0);
    let expected = "\
`user/alice` may attach

ENIs
  ControlPolicy `root-folder`: everything
  ControlPolicy `member`: everything
  AccountLevelIdentityBasedPolicy:
    acs:ecs:cn-hangzhou:*:*  by hangzhou#0 (./hangzhou.json:1)

instances
  ControlPolicy `root-folder`: everything
  ControlPolicy `member`:
    *  by no-prod#0 (./no-prod.json:1)
    but not acs:ecs:*:*:instance/i-prod*  by no-prod#1 (./no-prod.json:1)
  AccountLevelIdentityBasedPolicy:
    acs:ecs:cn-hangzhou:*:*  by hangzhou#0 (./hangzhou.json:1)
    but not acs:ecs:*:*:instance/i-guarded*  by guard#0 (./guard.json:1)
";
    assert_eq!(alice.stdout, expected);
    let carol = can("user/carol");
    assert!(carol.status == 0 && carol.stdout.contains("when IpAddress acs:SourceIp `203.0.113.0/24`"), "{carol:?}");
    let bob = can("user/bob");
    assert!(
        bob.status == 0 && bob.stdout.contains("ResourceGroupLevelIdentityBasedPolicy `rg-a`: everything"),
        "{bob:?}"
    );
    let dave = can("user/dave");
    assert!(dave.status == 1 && dave.stdout.contains("under quarantine"), "{dave:?}");
    let root = can("root");
    assert!(root.status == 0 && root.stdout.contains("needs no policy"), "{root:?}");
    assert!(can("user/unknown").stderr.contains("is not in any policy directory"));
    let json = ramgate(folder.path(), &["can", "--policies", ".", "user/alice", "--format", "json"]).json();
    assert_eq!((&json["schema"], &json["may"]), (&1.into(), &true.into()));
    assert_eq!(json["types"][1]["layers"][2]["denies"][0]["policy"], "guard");

    fs::write(
        folder.path().join("hangzhou.json"),
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"acs:ecs:*:*:eni/*"}]}"#,
    )
    .unwrap();
    let enis_only = can("user/alice");
    assert!(
        enis_only.status == 1
            && enis_only.stdout.starts_with("`user/alice` may attach nothing: no statement allows any instances"),
        "{enis_only:?}"
    );
}

#[test]
fn case_files_are_run_and_reported_in_each_format() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cases/ram-decisions.cases.json");
    let folder = tempdir().unwrap();
    let run = |arguments: &[&str]| ramgate(folder.path(), &[&["test"], arguments].concat());
    let text = run(&[cases]);
    assert!(text.status == 0 && text.stdout.starts_with("110 passed, 0 failed in "), "{text:?}");
    let tap = run(&[cases, "--format", "tap"]);
    let lines: Vec<_> = tap.stdout.lines().collect();
    assert_eq!((lines[0], lines[1], lines.len()), ("TAP version 14", "1..110", 113));
    assert!(lines[112].starts_with("# 110 passed, 0 failed in "), "{lines:?}");
    assert!(
        lines
            .iter()
            .skip(2)
            .take(110)
            .enumerate()
            .all(|(at, line)| line.starts_with(&format!("ok {} - ram-decisions / ", at + 1)))
    );
    assert!(lines.iter().any(|line| line.ends_with(" # TODO public evidence conflicts")));
    assert_eq!(run(&[cases, "--format", "json"]).json()["passed"], 110);

    let wrong = fs::read_to_string(cases).unwrap().replacen("\"expect\": \"Allow\"", "\"expect\": \"ExplicitDeny\"", 1);
    fs::write(folder.path().join("wrong.cases.json"), &wrong).unwrap();
    let failed = run(&["."]);
    assert_eq!(failed.status, 1);
    assert!(
        failed.stdout.starts_with("FAIL ./wrong.cases.json:") && failed.stdout.contains("\n109 passed, 1 failed in "),
        "{failed:?}"
    );
    assert!(failed.stdout.contains(": expected explicit deny, got allow by policies-0#0"), "{failed:?}");
    let tap = run(&[".", "--format", "tap"]);
    assert!(
        tap.stdout.contains("\nnot ok ") && tap.stdout.contains("\n  ---\n  expected: \"explicit deny\"\n"),
        "{tap:?}"
    );

    let broken = wrong.replacen("\"type\": \"user\"", "\"type\": \"unknown\"", 1);
    fs::write(folder.path().join("wrong.cases.json"), broken).unwrap();
    let ran = run(&["."]);
    assert!(ran.status == 2 && ran.stdout.contains("BROKEN ./wrong.cases.json:"), "{ran:?}");
    for (text, said) in
        [("[]", "contains no case"), ("{", "expected a sequence"), ("[{\"nam\":1}]", "unknown field `nam`")]
    {
        fs::write(folder.path().join("wrong.cases.json"), text).unwrap();
        let ran = run(&["."]);
        assert!(ran.status == 2 && ran.stdout.is_empty() && ran.stderr.contains(said), "{ran:?}");
    }
    fs::remove_file(folder.path().join("wrong.cases.json")).unwrap();
    assert!(run(&["."]).stderr.contains("contains no `*.test.toml` or `*.cases.json` file"));
    assert!(run(&["nowhere.cases.json"]).stderr.contains("cannot be read"));
}

/// Every sample of a system policy loads, and allows an attach or not, as `expected.tsv` says.
#[test]
fn each_sample_policy_allows_an_attach_as_its_table_says() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/system-policies");
    let table = fs::read_to_string(samples.join("expected.tsv")).unwrap();
    let mut rows = 0;
    for row in table.lines().skip(1) {
        let (file, attach) = row.split_once('\t').unwrap();
        let folder = tempdir().unwrap();
        fs::copy(samples.join(file), folder.path().join("sample.json")).unwrap();
        let account = "account = \"1234567890123456\"\n[users.alice]\npolicies = [\"sample\"]\n";
        fs::write(folder.path().join("account.toml"), account).unwrap();
        let ran = eval(folder.path(), "user/alice", "eni-a", "i-a", &[]);
        assert_eq!(ran.status, if attach == "yes" { 0 } else { 1 }, "{file}: {ran:?}");
        rows += 1;
    }
    let count = |folder: &Path| {
        fs::read_dir(folder)
            .unwrap()
            .filter(|it| it.as_ref().unwrap().path().is_dir())
            .map(|year| fs::read_dir(year.unwrap().path()).unwrap().count())
            .sum::<usize>()
    };
    assert_eq!(rows, count(&samples) + 1, "every sample and the custom policy have a row");
}

/// A condition key without a given value may have any value, so the answer names each such key that the verdict depends
/// on, in an Allow and in a Deny.
#[test]
fn a_condition_key_without_a_given_value_is_named_in_the_answer() {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let document = |name: &str, statements: Value| {
        write(&format!("{name}.json"), &json!({"Version": "1", "Statement": statements}).to_string());
    };
    let users =
        ["positive", "negated", "vpc", "mfa", "type"].map(|it| format!("[users.{it}]\npolicies = [\"{it}\"]\n"));
    write("account.toml", &format!("account = \"1234567890123456\"\n{}", users.concat()));
    let deny = |operator: &str, key: &str, value: &str| {
        json!([{"Effect": "Allow", "Action": "ecs:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "ecs:*", "Resource": "*", "Condition": {operator: {key: value}}}])
    };
    document("positive", deny("IpAddress", "acs:SourceIp", "10.0.0.0/8"));
    document("negated", deny("NotIpAddress", "acs:SourceIp", "10.0.0.0/8"));
    document("vpc", deny("StringEquals", "acs:SourceVpc", "vpc-1"));
    document("mfa", deny("Bool", "acs:MFAPresent", "false"));
    document("type", deny("StringEquals", "ecs:InstanceType", "x"));
    let ask = |user: &str, more: &[&str]| eval(folder.path(), &format!("user/{user}"), "eni-a", "i-a", more);
    for (user, key) in [("positive", "acs:SourceIp"), ("negated", "acs:SourceIp"), ("vpc", "acs:SourceVpc")] {
        let ran = ask(user, &[]);
        let reason = format!("a Deny cannot be ruled out: {user}#1 (./{user}.json:1) condition key `{key}`");
        assert!(
            ran.status == 1 && ran.stdout.starts_with("implicit deny on ") && ran.stdout.contains(&reason),
            "{ran:?}"
        );
        let report = ask(user, &["--format", "json"]).json();
        assert_eq!((&report["Resources"][0]["Grounds"], &report["MissingKeys"]), (&"Unknown".into(), &json!([key])));
    }
    // Known to be absent: no call with an AccessKey has `acs:MFAPresent`, and no attach has `ecs:InstanceType`.
    for user in ["mfa", "type"] {
        assert_eq!(ask(user, &[]).status, 0, "{user}");
    }
    let elsewhere = ["--context", "acs:SourceIp=192.0.2.1"];
    assert_eq!(ask("positive", &elsewhere).status, 0);
    assert!(ask("negated", &elsewhere).stdout.starts_with("explicit deny on "));
    for (user, key, word) in [("vpc", "acs:SourceVpc=vpc-1", "explicit deny"), ("vpc", "acs:SourceVpc=vpc-2", "allow")]
        .into_iter()
        .chain([("type", "ecs:InstanceType=x", "explicit deny")])
    {
        let stated = ask(user, &["--context", key]);
        assert!(stated.stdout.starts_with(word), "{stated:?}");
        assert!(stated.stderr.contains("is judged as stated, but the gateway has no value for it"), "{stated:?}");
    }
    let flags = ["who-can", "--policies", ".", "--region", "cn-hangzhou", "--eni", "eni-a", "--instance", "i-a"];
    let listed = ramgate(folder.path(), &flags);
    let names: Vec<_> = listed.stdout.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(names, ["1234567890123456:user/mfa", "1234567890123456:user/type"], "{listed:?}");
    for (user, key) in [("positive", "acs:SourceIp"), ("negated", "acs:SourceIp"), ("vpc", "acs:SourceVpc")] {
        assert!(listed.stderr.contains(&format!("user/{user} might, depending on `{key}`")), "{listed:?}");
    }
    let can = ramgate(folder.path(), &["can", "--policies", ".", "user/vpc"]);
    assert!(can.status == 1 && can.stdout.contains("may attach nothing"), "{can:?}");
    let checked = ramgate(folder.path(), &["check", "."]);
    for (key, operations) in
        [("acs:SourceVpc", "`AssignIpv6Addresses`"), ("ecs:InstanceType", "operations without a file")]
    {
        let warning = format!("warning: `{key}` is not known for {operations}");
        assert!(checked.status == 0 && checked.stderr.contains(&warning), "{checked:?}");
    }
}
