//! `ramgate lint`: each rule on a directory that breaks it and on one that does not, the formats, the ignore list.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::program::{Ran, ramgate};
use ramgate::lint::RULES;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/lint");
const FORMATS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/lint-formats");
const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

#[test]
fn every_rule_has_a_fixture_and_every_fixture_a_rule() {
    let ids: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    let folders: BTreeSet<String> =
        fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(ids, folders);
    let listed: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert!(listed.is_sorted(), "{listed:?}");
    for rule in RULES {
        assert!(rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", rule.id);
        assert!(rule.page.starts_with("https://") && rule.why.ends_with('.'), "{}", rule.id);
        assert!(!rule.summary.ends_with('.') && rule.summary.len() < 100, "{}", rule.id);
    }
}

#[test]
fn the_findings_in_a_bad_directory_are_exactly_as_expected() {
    for rule in RULES {
        let case = Path::new(CASES).join(rule.id).join("bad");
        let ran = lint(&case, &[]);
        let expected = fs::read_to_string(case.join("expected")).unwrap();
        assert_eq!((ran.status, ran.stderr.as_str()), (1, ""), "{}: {ran:?}", rule.id);
        assert_eq!(ran.stdout, expected, "{}", rule.id);
        assert!(expected.contains(&format!("[{}]: ", rule.id)), "{}", rule.id);
        for part in expected.split("\n\n").filter(|part| part.contains("]: ")) {
            let place = part.lines().nth(1).unwrap().trim();
            assert!(place.starts_with("--> ") && place.split(':').count() == 3, "{}: {part}", rule.id);
            assert!(part.contains(" = help: "), "{}: {part}", rule.id);
        }
    }
}

#[test]
fn a_good_directory_is_clean() {
    for rule in RULES {
        let ran = lint(&Path::new(CASES).join(rule.id).join("good"), &[]);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{}: {ran:?}", rule.id);
        assert!(ran.stdout.starts_with("0 errors, 0 warnings, 0 notes, "), "{}: {ran:?}", rule.id);
        assert_eq!(ran.stdout.lines().count(), 1, "{}: {ran:?}", rule.id);
    }
    let demo = lint(Path::new(POLICIES), &[]);
    assert_eq!((demo.status, demo.stdout.as_str()), (0, "0 errors, 0 warnings, 0 notes, 3 ignored in 6 documents\n"));
}

#[test]
fn the_threshold_decides_the_status() {
    let case = |rule: &str, threshold: &str| lint(&bad(rule), &["--fail-on", threshold]).status;
    assert_eq!((case("masked-id", "error"), case("masked-id", "warning")), (1, 1));
    assert_eq!((case("variable", "error"), case("variable", "warning")), (0, 1));
    let notes = one_policy(r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#, None);
    let ran = ramgate(notes.path(), &["lint", "."]);
    assert_eq!(ran.status, 0, "a note does not change the exit status: {ran:?}");
    assert!(ran.stdout.starts_with("note[resource-star]: "), "{ran:?}");
    assert_eq!(lint(&bad("variable"), &["--fail-on", "note"]).status, 2);
}

#[test]
fn the_output_in_each_format_is_exactly_as_expected() {
    for (format, file) in [("json", "expected.json"), ("sarif", "expected.sarif"), ("github", "expected.github")] {
        let ran = ramgate(Path::new(FORMATS), &["lint", "--format", format]);
        assert_eq!((ran.status, ran.stderr.as_str()), (1, ""), "{format}: {ran:?}");
        assert_eq!(ran.stdout, fs::read_to_string(Path::new(FORMATS).join(file)).unwrap(), "{format}");
    }
}

#[test]
fn json_contains_the_schema_and_ignored_findings() {
    let document = ramgate(Path::new(FORMATS), &["lint", "--format", "json"]).json();
    assert_eq!((&document["schema"], &document["ignored"]), (&1.into(), &1.into()));
    let findings = document["findings"].as_array().unwrap();
    let ignored: Vec<_> = findings.iter().filter(|finding| !finding["ignored"].is_null()).collect();
    assert_eq!(ignored.len(), 1, "{document:#}");
    assert_eq!(ignored[0]["rule"], "single-address-block");
    assert_eq!(ignored[0]["ignored"], "measured: RAM matches it");
    let clean = lint(&Path::new(CASES).join("variable/good"), &["--format", "json"]);
    assert_eq!((clean.status, &clean.json()["findings"]), (0, &Value::Array(vec![])));
}

/// What SARIF 2.1.0 requires of the properties that are written.
#[test]
fn sarif_output_has_the_required_structure() {
    for folder in RULES.iter().map(|rule| bad(rule.id)).chain([FORMATS.into()]) {
        let log = if folder == Path::new(FORMATS) {
            ramgate(&folder, &["lint", "--format", "sarif"]).json()
        } else {
            lint(&folder, &["--format", "sarif"]).json()
        };
        assert_eq!((&log["version"], log["runs"].as_array().unwrap().len()), (&"2.1.0".into(), 1));
        let run = &log["runs"][0];
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "ramgate");
        let rules = driver["rules"].as_array().unwrap();
        assert_eq!(rules.len(), RULES.len());
        for rule in rules {
            assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string(), "{rule}");
            assert!(rule["help"]["text"].is_string(), "{rule}");
        }
        let results = run["results"].as_array().unwrap();
        assert!(!results.is_empty());
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(result["ruleId"], rules[index]["id"]);
            assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "{result}");
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.starts_with("./") && !uri.contains([' ', '%', '\\']), "{uri}");
            let number = |name: &str| place["region"][name].as_u64().unwrap();
            let (start, end) = ((number("startLine"), number("startColumn")), (number("endLine"), number("endColumn")));
            assert!(number("startLine") >= 1 && number("startColumn") >= 1 && start <= end, "{result}");
        }
        let suppressed = results.iter().filter_map(|result| result["suppressions"].as_array());
        for suppression in suppressed.flatten() {
            assert_eq!((&suppression["kind"], &suppression["status"]), (&"external".into(), &"accepted".into()));
            assert!(suppression["justification"].is_string());
        }
    }
}

#[test]
fn rules_are_listed_as_text_and_json() {
    for flag in ["--rules", "--list-rules"] {
        let text = ramgate(Path::new(CASES), &["lint", flag]);
        assert_eq!((text.status, text.stderr.as_str()), (0, ""));
        let json = ramgate(Path::new(CASES), &["lint", flag, "--format", "json"]).json();
        assert_eq!(json["schema"], 1);
        let rules = json["rules"].as_array().unwrap();
        assert_eq!((rules.len(), text.stdout.lines().count()), (RULES.len(), RULES.len() + 1));
        for rule in rules {
            let id = rule["id"].as_str().unwrap();
            assert!(text.stdout.lines().any(|line| line.starts_with(&format!("{id} "))), "{id}");
        }
    }
    assert_eq!(ramgate(Path::new(CASES), &["lint", "--rules", "--format", "sarif"]).status, 2);
}

const BLOCK: &str = r#"{"Version":"1","Statement":[{"Sid":"S","Effect":"Deny","Action":"ecs:AttachNetworkInterface",
    "Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":"10.0.0.1/32"}}}]}"#;

#[test]
fn an_ignore_entry_selects_by_policy_statement_and_principal() {
    let reason = "reason = \"because\"";
    for (entry, ignored) in [
        ("", 1),
        ("policy = \"mine\"", 1),
        ("policy = \"mine\"\nstatement = 0", 1),
        ("policy = \"mine\"\nstatement = \"S\"", 1),
        ("policy = \"mine\"\nstatement = 1", 0),
        ("policy = \"mine\"\nstatement = \"T\"", 0),
        ("policy = \"other\"", 0),
        ("principal = \"user/carol\"", 0),
    ] {
        let list = format!("[[ignore]]\nrule = \"single-address-block\"\n{entry}\n{reason}\n");
        let folder = one_policy(BLOCK, Some(&list));
        let document = ramgate(folder.path(), &["lint", ".", "--format", "json"]).json();
        assert_eq!(document["ignored"], ignored, "{entry}: {document:#}");
        assert_eq!(document["warnings"], 2 - 2 * ignored, "{entry}: {document:#}");
    }
    let group = fs::read_to_string(bad("unused-group").join("account.toml")).unwrap();
    let folder = tempdir().unwrap();
    for file in ["cni.json", "look.json"] {
        fs::copy(bad("unused-group").join(file), folder.path().join(file)).unwrap();
    }
    fs::write(folder.path().join("account.toml"), group).unwrap();
    let list = format!("[[ignore]]\nrule = \"unused-group\"\nprincipal = \"group/netops\"\n{reason}\n");
    fs::write(folder.path().join("lint.toml"), list).unwrap();
    assert_eq!(ramgate(folder.path(), &["lint", "."]).status, 0);
}

#[test]
fn a_malformed_ignore_list_exits_2_and_names_the_place() {
    for (list, said) in [
        ("[[ignore]]\nrule = \"leak-enis\"\nreason = \"x\"", "unknown rule `leak-enis`"),
        ("[[ignore]]\nrule = \"leak-enis\"\nreason = \"x\"", "write `leaks-enis`"),
        ("[[ignore]]\nrule = \"variable\"\nreason = \" \"", "the reason is empty"),
        ("[[ignore]]\nrule = \"variable\"", "missing field `reason`"),
        ("[[ignore]]\nrule = \"variable\"\nreason = \"x\"\nstatement = 0", "`statement` needs a `policy`"),
        ("[[ignore]]\nrule = \"variable\"\nreason = \"x\"\nuntil = 1", "unknown field `until`"),
        ("schema = 2", "the schema is unknown"),
        ("[ignores]", "unknown field `ignores`"),
        ("[[ignore", "lint.toml:1:"),
    ] {
        let folder = one_policy(BLOCK, Some(list));
        for command in ["lint", "check"] {
            let ran = ramgate(folder.path(), &[command, "."]);
            assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{command} {list}: {ran:?}");
            assert!(ran.stderr.contains(said) && ran.stderr.contains("./lint.toml:"), "{command} {list}: {ran:?}");
        }
    }
}

#[test]
fn a_directory_that_does_not_load_exits_2() {
    let broken = one_policy("{", None);
    let empty = tempdir().unwrap();
    fs::write(empty.path().join("account.toml"), "account = \"1\"\n").unwrap();
    for folder in [broken.path(), empty.path(), Path::new(CASES)] {
        let ran = ramgate(folder, &["lint", "."]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains("error: "), "{ran:?}");
    }
}

#[test]
fn check_warns_about_some_rules_and_honours_the_ignore_list() {
    let folder = one_policy(BLOCK, None);
    let warned = ramgate(folder.path(), &["check", "."]);
    assert_eq!(warned.status, 0, "{warned:?}");
    assert!(warned.stderr.contains("`10.0.0.1/32` is a block of one address"), "{warned:?}");
    assert!(warned.stdout.contains(", 1 warning\n"), "{warned:?}");
    let list = "[[ignore]]\nrule = \"single-address-block\"\nreason = \"measured\"\n\
                [[ignore]]\nrule = \"leaks-enis\"\nreason = \"only the linter looks for it\"\n";
    fs::write(folder.path().join("lint.toml"), list).unwrap();
    let quiet = ramgate(folder.path(), &["check", "."]);
    assert_eq!((quiet.status, quiet.stderr.as_str()), (0, ""), "{quiet:?}");
    let never =
        one_policy(&BLOCK.replace("IpAddress", "StringEquals").replace("acs:SourceIp", "ecs:InstanceType"), None);
    let warned = ramgate(never.path(), &["check", "."]);
    assert!(warned.stderr.contains("`ecs:InstanceType` is never part of AttachNetworkInterface"), "{warned:?}");
    let variable = one_policy(&BLOCK.replace("\"*\"", "\"acs:ecs:*:*:eni/${x}\""), None);
    assert!(ramgate(variable.path(), &["check", "."]).stderr.contains("RAM has no variables"));
}

/// Each directory is one account, with its own ignore list.
#[test]
fn an_ignore_list_applies_to_its_own_directory_only() {
    let list = "[[ignore]]\nrule = \"single-address-block\"\nreason = \"measured\"\n";
    let (one, other) = (one_policy(BLOCK, Some(list)), one_policy(BLOCK, None));
    fs::write(other.path().join("account.toml"), ACCOUNT.replace("1234567890123456", "6543210987654321")).unwrap();
    let folders = [one.path().to_str().unwrap(), other.path().to_str().unwrap()];
    let document = ramgate(one.path(), &["lint", folders[0], folders[1], "--format", "json"]).json();
    assert_eq!((&document["ignored"], &document["warnings"]), (&1.into(), &1.into()), "{document:#}");
}

const ACCOUNT: &str = "account = \"1234567890123456\"\n[users.carol]\npolicies = [\"mine\"]\n";

fn one_policy(document: &str, list: Option<&str>) -> TempDir {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("account.toml"), ACCOUNT).unwrap();
    fs::write(folder.path().join("mine.json"), document).unwrap();
    if let Some(list) = list {
        fs::write(folder.path().join("lint.toml"), list).unwrap();
    }
    folder
}

fn bad(rule: &str) -> PathBuf {
    Path::new(CASES).join(rule).join("bad")
}

fn lint(folder: &Path, more: &[&str]) -> Ran {
    ramgate(folder, &[&["lint", "."], more].concat())
}
