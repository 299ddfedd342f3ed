//! `ramgate test`: suites, their reports in every format, coverage, mutation, and exit statuses.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::program::{Ran, program, ramgate};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

const SUITES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/suites");
const REFUSED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/suites-refused");
const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

fn test(folder: &Path, arguments: &[&str]) -> Ran {
    ramgate(folder, &[&["test"], arguments].concat())
}

/// A copy of the fixtures' good suite and its policies, for a test to change.
fn copied() -> TempDir {
    let folder = tempdir().unwrap();
    for entry in fs::read_dir(Path::new(SUITES).join("policies")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !matches!(name, "bad.test.toml" | "table.cases.json") {
            fs::copy(&path, folder.path().join(name)).unwrap();
        }
    }
    folder
}

fn add(path: &Path, text: &str) {
    let old = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, format!("{old}\n{text}\n")).unwrap();
}

/// Replaces durations, times and host names, which differ from run to run.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        for (before, after) in [
            (" in ", " ms"),
            (" in ", " µs"),
            ("\"microseconds\": ", ""),
            (" time=\"", "\""),
            (" timestamp=\"", "\""),
            (" hostname=\"", "\""),
        ] {
            line = blanked(&line, before, after);
        }
        steady.push_str(&line);
        steady.push('\n');
    }
    steady
}

/// Replaces a number or word between two texts by `…`.
fn blanked(line: &str, before: &str, after: &str) -> String {
    let (mut done, mut rest) = (String::new(), line);
    while let Some(at) = rest.find(before) {
        let (head, tail) = rest.split_at(at + before.len());
        let end =
            tail.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | ':' | '-')).unwrap_or(tail.len());
        let number = tail.starts_with(|c: char| c.is_ascii_digit()) || before.ends_with('"');
        done.push_str(head);
        if number && tail[end..].starts_with(after) {
            done.push('…');
            rest = &tail[end..];
        } else {
            rest = tail;
        }
    }
    done + rest
}

#[test]
fn the_output_in_each_format_is_exactly_as_expected() {
    for format in ["text", "json", "junit", "tap", "github"] {
        let ran = test(Path::new(SUITES), &["policies", "--coverage", "--format", format]);
        assert_eq!((ran.status, ran.stderr.as_str()), (2, ""), "one case of the fixtures is broken: {format}: {ran:?}");
        let golden = Path::new(SUITES).join(format!("expected.{format}"));
        if std::env::var_os("RAMGATE_GOLDEN").is_some() {
            fs::write(&golden, steady(&ran.stdout)).unwrap();
        }
        assert_eq!(steady(&ran.stdout), fs::read_to_string(golden).unwrap(), "{format}");
    }
}

#[test]
fn a_suite_that_passes_prints_one_line() {
    let ran = test(Path::new(SUITES), &["policies/good.test.toml"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let summary =
        "11 passed, 0 failed, 1 skipped in … ms; coverage 87% (statements 4 of 4, sides of conditions 3 of 4)\n";
    assert_eq!(steady(&ran.stdout).replace(" µs", " ms"), summary);
}

#[test]
fn the_errors_in_malformed_suites_are_exactly_as_expected() {
    let mut folders = 0;
    for entry in fs::read_dir(REFUSED).unwrap() {
        let folder = entry.unwrap().path();
        let ran = test(&folder, &["case.test.toml"]);
        let golden = folder.join("expected");
        if std::env::var_os("RAMGATE_GOLDEN").is_some() {
            fs::write(&golden, &ran.stderr).unwrap();
        }
        let expected = fs::read_to_string(golden).unwrap();
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{}: {ran:?}", folder.display());
        assert_eq!(ran.stderr, expected, "{}", folder.display());
        assert!(expected.contains(" = help: ") && expected.contains("case.test.toml"), "{}", folder.display());
        folders += 1;
    }
    assert_eq!(folders, 40);
}

#[test]
fn a_run_without_a_test_never_succeeds() {
    let folder = copied();
    let run = |arguments: &[&str]| test(folder.path(), arguments);
    let suite = folder.path().join("good.test.toml");
    let text = fs::read_to_string(&suite).unwrap();
    for (arguments, said) in [
        (&[".", "--filter", "nothing"][..], "no test matches the filter `nothing`"),
        (&["elsewhere"], "cannot be read"),
        (&[".", "--min-coverage", "101"], "101 is not in 0..=100"),
        (&[".", "--min-coverage", "-1"], "unexpected argument"),
        (&[".", "--min-score", "5"], "--mutate"),
        (&[".", "--report", "junit"], "write `FORMAT=FILE`"),
        (&[".", "--report", "xml=x"], "unknown format `xml`"),
        (&[".", "--report", "junit=nowhere/x.xml"], "the report `nowhere/x.xml` cannot be written"),
    ] {
        let ran = run(arguments);
        assert!(ran.status == 2 && ran.stderr.contains(said), "{arguments:?}: {ran:?}");
    }
    fs::write(
        &suite,
        text.replace("[defaults]", "[fixtures.s]\nskip = \"all\"\n[defaults]")
            .replace("name =", "use = [\"s\"]\nname =")
            .replace("use = [\"office\"]\n", ""),
    )
    .unwrap();
    let skipped = run(&["."]);
    assert!(skipped.status == 2 && skipped.stderr.contains("every test is skipped"), "{skipped:?}");
    fs::write(&suite, &text).unwrap();
    fs::write(folder.path().join("office.json"), "{}").unwrap();
    let broken = run(&["."]);
    assert!(broken.status == 2 && broken.stderr.contains("office.json"), "{broken:?}");
    fs::remove_file(&suite).unwrap();
    let none = run(&["."]);
    assert!(none.status == 2 && none.stderr.contains("contains no `*.test.toml` or `*.cases.json` file"), "{none:?}");
    let cases = Path::new(SUITES).join("policies/table.cases.json");
    let measured = run(&[cases.to_str().unwrap(), "--coverage"]);
    assert!(measured.status == 2 && measured.stderr.contains("case files have no coverage"), "{measured:?}");
}

#[test]
fn the_exit_status_reflects_cases_coverage_and_score() {
    let folder = copied();
    let status = |arguments: &[&str]| test(folder.path(), arguments).status;
    assert_eq!(status(&["."]), 0);
    assert_eq!(status(&[".", "--min-coverage", "87"]), 0);
    let below = test(folder.path(), &[".", "--min-coverage", "88"]);
    assert_eq!((below.status, below.stderr.as_str()), (1, "coverage is 87%, below 88%\n"));
    assert!(
        below.stdout.contains("uncovered ./office.json:8:53 office#0 condition IpAddress"),
        "the uncovered condition is not named: {below:?}"
    );
    assert_eq!(status(&[".", "--mutate"]), 1, "a mutant survives");
    assert_eq!(status(&[".", "--mutate", "--min-score", "50"]), 0);
    let scored = test(folder.path(), &[".", "--mutate", "--min-score", "99"]);
    assert!(scored.status == 1 && scored.stderr.contains("%, below 99%"), "{scored:?}");
    add(&folder.path().join("good.test.toml"), "[[case]]\nname = \"no\"\nprincipal = \"root\"\nexpect = \"deny\"");
    assert_eq!(status(&["."]), 1);
    let unchanged = test(folder.path(), &[".", "--mutate"]);
    assert!(unchanged.status == 1 && unchanged.stderr.contains("only suites that pass can notice"), "{unchanged:?}");
}

#[test]
fn a_filter_selects_cases_and_fail_fast_stops_at_the_first_failure() {
    let count = |arguments: &[&str]| {
        let ran = test(Path::new(SUITES), &[&["policies", "--format", "json"], arguments].concat()).json();
        ran["cases"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(count(&["--filter", "suite=what holds", "--filter", "principal=user/carol"]).len(), 2);
    assert_eq!(count(&["--filter", "what holds / a matrix"]).len(), 4);
    assert_eq!(
        count(&["--filter", "eni=eni-b", "--filter", "name=a matrix"]),
        ["a matrix [user/alice, eni-b]", "a matrix [user/bob, eni-b]"]
    );
    assert_eq!(count(&["--filter", "*disputed*"]), ["a disputed one"]);
    let all = count(&[]);
    for jobs in ["1", "2", "7"] {
        assert_eq!(count(&["--jobs", jobs]), all, "the order of cases differs from that of the files");
        let stopped = test(Path::new(SUITES), &["policies", "--fail-fast", "--jobs", jobs]);
        assert_eq!(stopped.status, 1);
        assert!(stopped.stdout.contains("0 passed, 1 failed, 28 not run"), "{stopped:?}");
    }
}

/// For each change of the policies that the suite misses, `--mutate` prints a case. Adding these cases makes the suite
/// detect every change.
#[test]
fn each_case_that_mutate_suggests_detects_its_change() {
    let folder = copied();
    let suite = folder.path().join("good.test.toml");
    let mutate = || test(folder.path(), &[".", "--mutate", "--format", "json"]).json();
    let unnoticed = |report: &Value| report["mutation"]["unnoticed"].as_array().unwrap().clone();
    let first = mutate();
    let changes: Vec<String> = unnoticed(&first).iter().map(|it| it["change"].as_str().unwrap().to_owned()).collect();
    // The suite has no case of a call from outside the office with a second factor, on purpose.
    assert!(changes.contains(&"condition IpAddress `acs:SourceIp` removed".to_owned()), "{changes:?}");
    assert!(changes.contains(&"condition IpAddress `acs:SourceIp` widened to any value".to_owned()), "{changes:?}");
    // The suite has a case for each of these changes.
    for noticed in [
        "Deny statement removed",
        "condition Bool `acs:MFAPresent` removed",
        "resource `acs:ecs:*:*:instance/i-prod*` widened",
    ] {
        assert!(!changes.iter().any(|change| change.starts_with(noticed)), "{noticed}: {changes:?}");
    }
    let (noticed, mut left) = (first["mutation"]["noticed"].as_u64().unwrap(), unnoticed(&first));
    assert!(noticed > 10 && !left.is_empty(), "{first:#}");
    let mut rounds = 0;
    while let Some(hole) = left.first() {
        let line = hole["line"].as_u64().unwrap();
        assert!(hole["file"].as_str().unwrap().ends_with(".json") && line > 1, "{hole:#}");
        let case = hole["case"].as_str().unwrap();
        add(&suite, case);
        let ran = test(folder.path(), &["."]);
        assert_eq!(ran.status, 0, "the case fails under the unchanged policies: {case}\n{ran:?}");
        let again = unnoticed(&mutate());
        let same = |it: &&Value| it["change"] == hole["change"] && it["statement"] == hole["statement"];
        assert!(!again.iter().any(|it| same(&it)), "the case does not detect the change: {case}");
        left = again;
        rounds += 1;
        assert!(rounds < 60, "too many rounds");
    }
    assert_eq!(mutate()["mutation"]["percent"], 100);
    assert_eq!(test(folder.path(), &[".", "--mutate"]).status, 0);
}

#[test]
fn the_lessons_detect_every_change_of_their_policies() {
    let ran = test(Path::new(POLICIES), &[".", "--mutate", "--min-coverage", "100", "--min-score", "100"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stdout.contains("coverage 100%") && ran.stdout.contains("mutation score 100%"), "{ran:?}");
    let lessons = fs::read_dir(POLICIES)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".test.toml"));
    assert_eq!(lessons.count(), 6);
}

#[test]
fn update_prints_the_difference_and_rewrites_the_suite() {
    let folder = copied();
    let suite = folder.path().join("bad.test.toml");
    fs::copy(Path::new(SUITES).join("policies/bad.test.toml"), &suite).unwrap();
    add(&suite, "[[case]]\nname = \"kept\" # a comment\nprincipal = \"role/cni\"\nexpect = \"deny\" # why");
    let ran = test(folder.path(), &["bad.test.toml", "--update"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, "1 suite was rewritten\n"), "{ran:?}");
    let difference = [
        "--- bad.test.toml (expected)\n+++ bad.test.toml (got)\n",
        "-expect = \"allow\"\n+expect = \"implicit-deny\"\n",
        "-decided_by = [\"attach#0\"]\n+decided_by = [\"all#0\", \"attach#0\"]\n",
        "-layer = \"ControlPolicy\"\n+layer = \"AccountLevelIdentityBasedPolicy\"\n",
        "-status = 404\n-code = \"Forbidden.RAM\"\n+status = 403\n+code = \"Forbidden.SubUser\"\n",
        "-expect = \"deny\" # why\n+expect = \"allow\" # why\n",
        "+  { principal = \"user/alice\", instance = \"i-prod1\", is = \"explicit-deny\" },\n",
    ];
    for part in difference {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(ran.stdout.contains("\n15 passed, 0 failed in "), "the rewritten suite was not run: {}", ran.stdout);
    let text = fs::read_to_string(&suite).unwrap();
    assert!(text.contains("name = \"kept\" # a comment\n") && text.contains("expect = \"allow\" # why"), "{text}");
    assert!(text.contains("status = 403"), "`deny` accepts both kinds, and needs no change: {text}");
    let again = test(folder.path(), &["bad.test.toml", "--update"]);
    assert_eq!((again.status, again.stderr.as_str()), (0, "no expectation needed a change\n"));
    assert_eq!(fs::read_to_string(&suite).unwrap(), text);
}

#[test]
fn reports_are_also_written_to_files() {
    let folder = copied();
    let ran = test(folder.path(), &[".", "--report", "junit=report.xml", "--report", "json=report.json"]);
    assert_eq!(ran.status, 0);
    assert!(ran.stdout.starts_with("11 passed"), "standard output has another format than the files: {ran:?}");
    assert!(fs::read_to_string(folder.path().join("report.xml")).unwrap().starts_with("<?xml version=\"1.0\""));
    let json: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!((&json["schema"], &json["passed"]), (&1.into(), &11.into()));
}

/// Name, properties and message.
type Annotation = (String, Vec<(String, String)>, String);

/// Parses a workflow command as GitHub Actions does: `::NAME KEY=VALUE,…::MESSAGE`, then the escapes.
fn command(line: &str) -> Option<Annotation> {
    let (head, message) = line.strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let data = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    let property = |text: &str| {
        text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    };
    let pairs = properties.split(',').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.to_owned(), property(value))).collect();
    Some((name.to_owned(), pairs, data(message)))
}

#[test]
fn github_annotations_point_to_the_line_of_the_case() {
    let lines = test(Path::new(SUITES), &["policies", "--format", "github", "--coverage"]).stdout;
    let json = test(Path::new(SUITES), &["policies", "--format", "json"]).json();
    let with_outcome = |outcome: &str| {
        let cases = json["cases"].as_array().unwrap().iter();
        cases.filter(|case| case["outcome"] == outcome).cloned().collect::<Vec<_>>()
    };
    let commands: Vec<_> = lines.lines().filter_map(command).collect();
    let errors: Vec<_> = commands.iter().filter(|(name, ..)| name == "error").collect();
    assert_eq!(
        errors.len(),
        with_outcome("fail").len() - 1 + with_outcome("broken").len(),
        "a failed case that is disputed is a notice"
    );
    for (name, properties, message) in &commands {
        let of =
            |key: &str| properties.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str()).unwrap();
        let line: usize = of("line").parse().unwrap();
        let text = fs::read_to_string(Path::new(SUITES).join(of("file"))).unwrap();
        let shown = text.lines().nth(line - 1).unwrap();
        if name == "error" && of("file").ends_with(".toml") {
            let case =
                with_outcome("fail").into_iter().find(|it| it["line"] == line && of("file") == it["file"]).unwrap();
            assert_eq!(
                of("title"),
                format!("{} / {}", case["suite"].as_str().unwrap(), case["name"].as_str().unwrap())
            );
            assert!(shown.starts_with("name = "), "{shown}");
            assert!(message.starts_with(&format!("expected {}", case["expected"].as_str().unwrap())), "{message}");
        }
    }
    assert!(commands.iter().any(|(name, ..)| name == "notice"));
    let good = test(Path::new(SUITES), &["policies/good.test.toml", "--format", "github", "--coverage"]).stdout;
    let (name, properties, message) = command(good.lines().next().unwrap()).unwrap();
    assert_eq!(
        (name.as_str(), properties[0].1.as_str(), properties[1].1.as_str()),
        ("warning", "policies/office.json", "8")
    );
    assert_eq!(message, "office#0 condition IpAddress `acs:SourceIp` never failed");
}

/// Checks counts only. `tests/junit/validate.sh` validates the report against the two common schemas.
#[test]
fn junit_counts_agree_with_the_listed_cases() {
    let xml = test(Path::new(SUITES), &["policies", "--format", "junit"]).stdout;
    let mut reader = quick_xml::Reader::from_str(&xml);
    let (mut suites, mut counted, mut cases) = (0, [0; 4], [0; 4]);
    loop {
        let event = reader.read_event().unwrap();
        let (quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag)) = &event else {
            if matches!(event, quick_xml::events::Event::Eof) {
                break;
            }
            continue;
        };
        let name = tag.name().as_ref().to_owned();
        let attribute = |key: &str| {
            let found = tag.attributes().map(Result::unwrap).find(|it| it.key.as_ref() == key);
            found.map_or_else(|| "0".to_owned(), |found| found.value.into_owned())
        };
        match name.as_str() {
            "testsuite" => {
                suites += 1;
                for (sum, key) in counted.iter_mut().zip(["tests", "failures", "errors", "skipped"]) {
                    *sum += attribute(key).parse::<usize>().unwrap();
                }
                assert_eq!(attribute("timestamp").len(), "2026-01-01T00:00:00".len());
            }
            "testcase" => cases[0] += 1,
            "failure" => cases[1] += 1,
            "error" => cases[2] += 1,
            "skipped" => cases[3] += 1,
            _ => {}
        }
    }
    assert_eq!((suites, counted), (3, cases));
    assert_eq!(cases, [29, 12, 1, 2]);
}

#[test]
fn watch_runs_the_suites_again_when_a_policy_changes() {
    let folder = copied();
    let mut command = program(folder.path(), &["test", ".", "--watch"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = stdout.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..length]);
            let _ = sender.send(String::from_utf8_lossy(&seen).into_owned());
        }
    });
    let wait = |wanted: &str| {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if lines.recv_timeout(Duration::from_millis(500)).is_ok_and(|seen| seen.contains(wanted)) {
                return true;
            }
        }
        false
    };
    let first = wait("11 passed, 0 failed");
    let office = folder.path().join("office.json");
    let narrower = fs::read_to_string(&office).unwrap().replace("203.0.113.0/24", "192.0.2.0/24");
    fs::write(&office, narrower).unwrap();
    let second = wait("10 passed, 1 failed");
    fs::write(&office, "{").unwrap();
    fs::write(folder.path().join("good.test.toml"), "x").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    fs::copy(Path::new(SUITES).join("policies/office.json"), &office).unwrap();
    fs::copy(Path::new(SUITES).join("policies/good.test.toml"), folder.path().join("good.test.toml")).unwrap();
    let third = first && second && {
        let end = Instant::now() + Duration::from_secs(30);
        let mut passed = 0;
        while Instant::now() < end && passed < 2 {
            if let Ok(seen) = lines.recv_timeout(Duration::from_millis(500)) {
                passed = seen.matches("11 passed, 0 failed").count();
            }
        }
        passed == 2
    };
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    assert!(first && second && third, "{first} {second} {third}");
}

#[test]
fn suites_are_found_in_subfolders_and_may_name_a_policy_directory() {
    let folder = copied();
    let below = folder.path().join("team/deep");
    fs::create_dir_all(&below).unwrap();
    fs::rename(folder.path().join("good.test.toml"), below.join("good.test.toml")).unwrap();
    let ran = test(folder.path(), &["."]);
    assert!(ran.status == 0 && ran.stdout.starts_with("11 passed"), "{ran:?}");
    // The policy directory is found above the current folder.
    let ran = test(&below, &["good.test.toml"]);
    assert!(ran.status == 0 && ran.stdout.starts_with("11 passed"), "{ran:?}");
    let elsewhere = tempdir().unwrap();
    let text = fs::read_to_string(below.join("good.test.toml")).unwrap();
    let named = format!("policies = [\"{}\"]\n{text}", folder.path().display());
    fs::write(elsewhere.path().join("good.test.toml"), named).unwrap();
    let ran = test(elsewhere.path(), &["."]);
    assert!(ran.status == 0 && ran.stdout.starts_with("11 passed"), "{ran:?}");
}

/// A policy directory with this many statements, and a suite with this many cases.
fn large(statements: usize, cases: usize) -> TempDir {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let principals: String = (0..10).map(|it| format!("[roles.r{it}]\npolicies = [\"p{it}\"]\n")).collect();
    write("account.toml", &format!("account = \"1234567890123456\"\n{principals}"));
    for document in 0..10 {
        let statement = |it: usize| {
            format!(
                r#"{{"Effect":"Allow","Action":"ecs:AttachNetworkInterface","Resource":["acs:ecs:cn-hangzhou:*:eni/eni-{it}x*","acs:ecs:cn-hangzhou:*:instance/i-{it}x*"],"Condition":{{"IpAddress":{{"acs:SourceIp":"10.0.0.0/8"}}}}}}"#
            )
        };
        let all: Vec<_> = (0..statements / 10).map(statement).collect();
        write(&format!("p{document}.json"), &format!(r#"{{"Version":"1","Statement":[{}]}}"#, all.join(",")));
    }
    let mut suite =
        String::from("[defaults]\nregion = \"cn-hangzhou\"\ncontext = { \"acs:SourceIp\" = \"10.1.2.3\" }\n");
    for case in 0..cases {
        let (role, it) = (case % 10, case / 10 % (statements / 10));
        let (address, expect) =
            if (case / statements).is_multiple_of(2) { ("10.1.2.3", "allow") } else { ("192.0.2.1", "implicit-deny") };
        suite += &format!(
            "[[case]]\nname = \"{case}\"\nprincipal = \"role/r{role}\"\neni = \"eni-{it}xa\"\ninstance = \"i-{it}xa\"\ncontext = {{ \"acs:SourceIp\" = \"{address}\" }}\nexpect = \"{expect}\"\n"
        );
    }
    write("large.test.toml", &suite);
    folder
}

#[test]
fn every_statement_of_a_large_directory_is_mutated() {
    let folder = large(20, 200);
    let report = test(folder.path(), &[".", "--mutate", "--format", "json"]).json();
    assert_eq!((&report["passed"], &report["failed"]), (&200.into(), &0.into()));
    assert_eq!(report["coverage"]["percent"], 100);
    let mutation = &report["mutation"];
    let of = |key: &str| mutation[key].as_array().unwrap().len();
    let noticed = usize::try_from(mutation["noticed"].as_u64().unwrap()).unwrap();
    // Twelve changes of each statement: it is dropped; its effect inverted; its action widened; each of two resources
    // removed, widened in region, and widened in id; both widened in region; its condition removed, and widened.
    assert_eq!(noticed + of("unnoticed") + of("no_difference"), 20 * 12, "{noticed}");
    assert!(noticed >= 20 * 6, "{noticed}");
}

#[test]
fn the_suite_in_the_help_text_passes() {
    let help = test(Path::new(SUITES), &["--help"]).stdout;
    let suite: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.trim().starts_with("suite = "))
        .take_while(|line| !line.trim().starts_with("A case may"))
        .map(str::trim)
        .collect();
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("account.toml", "account = \"1\"\n[roles.terway]\npolicies = [\"terway\"]\n");
    write("terway.json", r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#);
    write(
        "help.test.toml",
        &suite.join("\n").replace("eni-own", "eni-own1").replace("eni-own1", "eni-0wn").replace("i-node", "i-n0de"),
    );
    let ran = test(folder.path(), &["."]);
    assert!(ran.status == 0 && ran.stdout.starts_with("1 passed"), "{ran:?}\n{}", suite.join("\n"));
}

#[test]
fn a_key_that_the_gateway_cannot_supply_is_judged_as_stated_with_a_warning() {
    let folder = copied();
    let deny = r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Action": "ecs:*", "Resource": "*",
        "Condition": {"StringEquals": {"acs:SourceVpc": "vpc-1"}}}]}"#;
    fs::write(folder.path().join("no-prod.json"), deny).unwrap();
    let case = |name: &str, context: &str, expect: &str| {
        format!(
            "[[case]]\nname = \"{name}\"\nprincipal = \"user/alice\"\nregion = \"cn-hangzhou\"\neni = \"eni-a\"\n\
             instance = \"i-a\"\ncontext = {{ {context} }}\nexpect = \"{expect}\"\n"
        )
    };
    let cases = [
        case("the same", "\"acs:SourceVpc\" = \"vpc-1\"", "explicit-deny"),
        case("another", "\"acs:SourceVpc\" = \"vpc-2\"", "allow"),
        case("absent", "\"ecs:InstanceType\" = \"x\"", "implicit-deny"),
        case("not stated", "\"acs:SourceIp\" = \"192.0.2.1\"", "implicit-deny"),
    ];
    fs::write(folder.path().join("good.test.toml"), format!("suite = \"stated\"\n{}", cases.concat())).unwrap();
    let ran = test(folder.path(), &["good.test.toml"]);
    assert!(ran.status == 0 && ran.stdout.starts_with("4 passed, 0 failed"), "{ran:?}");
    let warned = |key: &str| format!("warning: `{key}` is judged as stated, but the gateway never supplies it (");
    assert_eq!(ran.stderr.matches(&warned("acs:SourceVpc")).count(), 2, "{ran:?}");
    assert_eq!(ran.stderr.matches(&warned("ecs:InstanceType")).count(), 1, "{ran:?}");
    assert_eq!(ran.stderr.matches("warning: ").count(), 3, "{ran:?}");
    assert!(ran.stderr.contains("good.test.toml:8:"), "{ran:?}");
}
