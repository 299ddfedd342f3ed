//! `replay` and `generate`: the real binary judges recorded attempts again, and makes a policy from them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::program::{Ran, Server, finish, program, ramgate};
use crate::support::schema::checked_lines;
use crate::support::{ACCOUNT, Caller, ENI, INSTANCE, PROD_INSTANCE, Shape, ask};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

/// A folder with the demo's policies, and a log of calls that a gateway judged by them.
struct Past {
    folder: TempDir,
}

impl Past {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        copy(Path::new(POLICIES), &folder.path().join("policies"));
        let mut command = program(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        let server = Server::start(&mut command, "attempts are written to");
        let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
        let attach = |caller: &Caller, shape: Shape, instance: &str| {
            let parameters = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", ENI), ("InstanceId", instance)];
            ask(address, &caller.request(shape, &parameters)).status
        };
        for shape in [Shape::V1Query, Shape::V3Query] {
            assert_eq!(attach(&Caller::terway(), shape, INSTANCE), 200);
        }
        for _ in 0..3 {
            assert_eq!(attach(&Caller::alice(), Shape::V3Query, PROD_INSTANCE), 403);
        }
        assert_eq!(attach(&Caller::bob(), Shape::V1Query, INSTANCE), 403);
        assert_eq!(attach(&Caller::bob(), Shape::V1Query, "no-instance"), 400);
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path("policies").join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn replay(&self, more: &[&str]) -> Ran {
        let arguments = ["replay", "audit.jsonl", "--policies", "policies"];
        ramgate(self.folder.path(), &[&arguments[..], more].concat())
    }

    fn generate(&self, principal: &str, more: &[&str]) -> Ran {
        let arguments = ["generate", "audit.jsonl", "--principal", principal];
        ramgate(self.folder.path(), &[&arguments[..], more].concat())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn replay_by_the_same_policies_changes_no_verdict() {
    let past = Past::new();
    let ran = past.replay(&[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.stdout, "6 attempts judged again: 6 as they were, 0 would be allowed now, 0 would be denied now\n");
    let found = past.replay(&["--format", "json"]).json();
    assert_eq!((&found["replayed"], &found["same"]), (&json!(6), &json!(6)));
    // Not judged: the outcomes of two calls, and a call that was refused before the decision.
    assert_eq!((&found["events"], &found["not_judged_then"]), (&json!(9), &json!(3)));
}

#[test]
fn newly_allowed_attempts_come_first_with_the_statement_that_allows_them() {
    let past = Past::new();
    past.edit("account.toml", "policies = [\"attach-eni\", \"protect-production\"]", "policies = [\"attach-eni\"]");
    past.edit("account.toml", "policies = [\"terway\", \"protect-production\"]", "policies = [\"protect-production\"]");
    let ran = past.replay(&[]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let opened =
        ran.stdout.find("denied then, ALLOWED now: 3 attempts by attach-eni#0").unwrap_or_else(|| panic!("{ran:?}"));
    let closed = ran
        .stdout
        .find("allowed then, DENIED now: 2 attempts by no statement of the")
        .unwrap_or_else(|| panic!("{ran:?}"));
    assert!(opened < closed, "{ran:?}");
    assert!(
        ran.stdout.contains("acs:ram::1234567890123456:user/alice ecs:AttachNetworkInterface on acs:ecs:"),
        "{ran:?}"
    );
    let found = past.replay(&["--format", "json"]).json();
    assert_eq!(found["opened"][0]["attempts"], 3);
    assert_eq!(found["opened"][0]["principals"], json!(["acs:ram::1234567890123456:user/alice"]));
    assert_eq!(found["opened"][0]["examples"].as_array().unwrap().len(), 3);
    assert_eq!(found["closed"][0]["attempts"], 2);
    let github = past.replay(&["--format", "github"]);
    assert!(github.stdout.starts_with("::error file=policies/account.toml,line=1"), "{github:?}");
    assert!(github.stdout.contains("\n::warning file=policies/account.toml"), "{github:?}");
    let id = found["opened"][0]["examples"][0]["id"].as_str().unwrap();
    assert!(fs::read_to_string(past.path("audit.jsonl")).unwrap().contains(id));
}

#[test]
fn a_newly_denied_attempt_names_the_explicit_deny() {
    let past = Past::new();
    past.edit("protect-production.json", "i-bp1demoprod*", "i-bp1demowork*");
    let found = past.replay(&["--format", "json"]).json();
    let because =
        |direction: &str| found[direction][0]["because"].as_str().unwrap_or_else(|| panic!("{found}")).to_owned();
    assert!(because("closed").starts_with("protect-production#0"), "{found}");
    assert!(because("opened").contains("attach-eni#0"), "{found}");
}

#[test]
fn attempts_that_cannot_be_judged_are_reported_with_the_reason() {
    let past = Past::new();
    past.edit("account.toml", "[users.bob]", "[users.other]");
    let ran = past.replay(&[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("1 attempt not judged: the caller is not in these policy directories"), "{ran:?}");

    // The new policy depends on tags, which the recorded attempts do not contain.
    let past = Past::new();
    fs::remove_file(past.path("policies/resources.toml")).unwrap();
    let by_tag = "\"Resource\": \"*\", \"Condition\": { \"StringEquals\": { \"acs:ResourceTag/team\": \"network\" } }";
    let policy = format!(
        "{{ \"Version\": \"1\", \"Statement\": [{{ \"Effect\": \"Allow\", \"Action\": \"ecs:*\", {by_tag} }}] }}"
    );
    fs::write(past.path("policies/tags.json"), policy).unwrap();
    past.edit("account.toml", "id = \"200000000000000002\"", "id = \"200000000000000002\"\npolicies = [\"tags\"]");
    let ran = past.replay(&[]);
    assert!(ran.stdout.contains("1 attempt not judged: the policies depend on tags or groups of resources"), "{ran:?}");
    let attributes = format!(
        "[\"eni/{ENI}\"]\ntags = {{ team = \"network\" }}\n[\"instance/{INSTANCE}\"]\ntags = {{ team = \"network\" }}\n"
    );
    fs::write(past.path("policies/resources.toml"), attributes).unwrap();
    let found = past.replay(&["--format", "json"]).json();
    assert_eq!(found["opened"][0]["because"], "tags#0 (policies/tags.json:1)", "{found}");
}

#[test]
fn a_log_is_read_from_folders_compressed_files_and_standard_input() {
    let past = Past::new();
    let text = fs::read_to_string(past.path("audit.jsonl")).unwrap();
    checked_lines(&text);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    fs::create_dir(past.path("logs")).unwrap();
    fs::write(past.path("logs/part.jsonl.gz"), gz.finish().unwrap()).unwrap();
    let same = |ran: Ran| assert!(ran.status == 0 && ran.stdout.starts_with("6 attempts judged again"), "{ran:?}");
    same(ramgate(past.folder.path(), &["replay", "logs", "--policies", "policies"]));
    let mut command = program(past.folder.path(), &["replay", "-", "--policies", "policies"]);
    same(finish(&mut command, &text));
    // A torn line is reported and counted. A period without attempts is an error.
    fs::write(past.path("torn.jsonl"), format!("{text}{{\"seq\":9,\"prev\"")).unwrap();
    let ran = ramgate(past.folder.path(), &["replay", "torn.jsonl", "--policies", "policies"]);
    assert!(ran.stderr.contains("torn.jsonl:10: ") && ran.stdout.ends_with("1 line could not be read\n"), "{ran:?}");
    same(past.replay(&["--since", "1h"]));
    let none = past.replay(&["--until", "2020-01-01T00:00:00Z"]);
    assert!(none.status == 2 && none.stderr.contains("contain no attempt"), "{none:?}");
    for (more, word) in [(&["--since", "soon"][..], "is not a valid time"), (&["--format", "xml"], "invalid value")] {
        let ran = past.replay(more);
        assert!(ran.status == 2 && ran.stderr.contains(word), "{ran:?}");
    }
    let missing = ramgate(past.folder.path(), &["replay", "none.jsonl", "--policies", "policies"]);
    assert!(missing.status == 2 && missing.stderr.contains("`none.jsonl` cannot be read"), "{missing:?}");
}

/// Events in the shape that ActionTrail documents; the values are invented.
#[test]
fn replay_and_generate_read_an_actiontrail_export() {
    let past = Past::new();
    let event = |user: Value, name: &str, code: Option<&str>, more: Value| {
        let mut event = json!({
            "eventId": "e", "eventVersion": "1", "eventType": "ApiCall", "eventName": name, "serviceName": "Ecs",
            "eventTime": "2026-03-01T08:00:00Z", "requestId": "r", "acsRegion": "cn-hangzhou",
            "sourceIpAddress": "198.51.100.23", "userIdentity": user,
            "additionalEventData": { "Scheme": "https" },
            "requestParameters": {
                "AcsHost": "ecs.cn-hangzhou.aliyuncs.com", "RegionId": "cn-hangzhou", "NetworkInterfaceId": ENI,
                "InstanceId": INSTANCE, "AcceptLanguage": "en"
            },
        });
        if let Some(code) = code {
            event["errorCode"] = code.into();
        }
        for (key, value) in more.as_object().unwrap() {
            event[key] = value.clone();
        }
        event
    };
    let terway =
        json!({ "type": "assumed-role", "accountId": ACCOUNT, "userName": "terway:node-1", "principalId": "3:node-1" });
    let bob = json!({ "type": "ram-user", "accountId": ACCOUNT, "userName": "bob" });
    let attach = "AttachNetworkInterface";
    let events = json!([
        event(terway.clone(), attach, None, json!({})),
        event(bob.clone(), attach, Some("Forbidden.RAM"), json!({})),
        event(bob.clone(), attach, None, json!({})),
        event(terway.clone(), attach, Some("InvalidOperation.InvalidEniState"), json!({})),
        event(terway.clone(), "RunInstances", None, json!({})),
        event(terway.clone(), attach, None, json!({ "requestParameters": { "RegionId": "cn-hangzhou" } })),
        event(json!({ "type": "system", "userName": "ecs.aliyuncs.com" }), attach, None, json!({})),
        event(bob, "ConsoleSignin", None, json!({ "eventType": "ConsoleSignin" })),
    ]);
    fs::write(past.path("trail.json"), events.to_string()).unwrap();
    let ran = ramgate(past.folder.path(), &["replay", "trail.json", "--policies", "policies", "--format", "json"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let found = ran.json();
    assert_eq!((&found["replayed"], &found["same"]), (&json!(3), &json!(2)), "{found}");
    assert_eq!(found["closed"][0]["principals"], json!([format!("acs:ram::{ACCOUNT}:user/bob")]));
    let made = ramgate(past.folder.path(), &["generate", "trail.json", "--principal", "role/terway"]);
    assert_eq!(made.status, 0, "{made:?}");
    assert!(made.stdout.contains(&format!("eni/{ENI}")) && made.stderr.contains("1 attempt of"), "{made:?}");
    let reasons: Vec<&str> =
        found["not_replayed"].as_array().unwrap().iter().map(|it| it["reason"].as_str().unwrap()).collect();
    for expected in [
        "does not show whether the call was allowed",
        "unknown to this program",
        "the parameters do not identify",
        "cannot be a principal of a policy",
    ] {
        assert!(reasons.iter().any(|reason| reason.contains(expected)), "{expected}: {reasons:?}");
    }
}

#[test]
fn a_generated_policy_allows_exactly_the_recorded_calls() {
    let past = Past::new();
    let ran = past.generate("role/terway", &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let policy: Value = serde_json::from_str(&ran.stdout).unwrap();
    let eni = format!("acs:ecs:cn-hangzhou:{ACCOUNT}:eni/{ENI}");
    let instance = format!("acs:ecs:cn-hangzhou:{ACCOUNT}:instance/{INSTANCE}");
    let statement = json!({ "Effect": "Allow", "Action": ["ecs:AttachNetworkInterface"], "Resource": [eni, instance] });
    assert_eq!(policy, json!({ "Version": "1", "Statement": [statement] }));
    assert!(ran.stderr.contains("statement 0: 2 attempts of ecs:AttachNetworkInterface, "), "{ran:?}");

    // Used in place of the role's own policy, it changes no recorded verdict.
    fs::write(past.path("policies/terway.json"), &ran.stdout).unwrap();
    let replayed = past.replay(&[]);
    assert_eq!(replayed.status, 0, "{replayed:?}");

    let json = past.generate("1234567890123456:role/Terway", &["--format", "json", "--source-range"]).json();
    assert_eq!(json["policy"]["Statement"][0]["Condition"], json!({ "IpAddress": { "acs:SourceIp": ["127.0.0.1"] } }));
    let evidence = &json["evidence"][0];
    assert_eq!((&evidence["attempts"], &evidence["combinations"]), (&json!(2), &json!(1)));
    assert_eq!(evidence["examples"].as_array().unwrap().len(), 2);
    let wide = past.generate("role/terway", &["--grain", "wildcard", "--format", "json"]).json();
    let all = [format!("acs:ecs:cn-hangzhou:{ACCOUNT}:eni/*"), format!("acs:ecs:cn-hangzhou:{ACCOUNT}:instance/*")];
    assert_eq!(wide["policy"]["Statement"][0]["Resource"], json!(all));
}

#[test]
fn denied_attempts_count_as_evidence_only_with_include_denied() {
    let past = Past::new();
    let none = past.generate("user/alice", &[]);
    assert!(none.status == 2 && none.stderr.contains("contain no allowed attempt of `user/alice`"), "{none:?}");
    let asked = past.generate("user/alice", &["--include-denied"]);
    assert!(asked.status == 0 && asked.stdout.contains(PROD_INSTANCE), "{asked:?}");
    let unseen = past.generate("user/carol", &[]);
    assert!(unseen.status == 2 && unseen.stderr.contains("contain no attempt of `user/carol`"), "{unseen:?}");
}

/// A recorded id is untrusted text from a file.
#[test]
fn text_from_a_log_cannot_inject_terminal_escapes() {
    let past = Past::new();
    let mut log = fs::read_to_string(past.path("audit.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        let id = line["event"]["eventId"].as_str().unwrap();
        log = log.replace(id, &format!("{id}\\u001b[2J"));
    }
    fs::write(past.path("audit.jsonl"), log).unwrap();
    past.edit("account.toml", "policies = [\"terway\", \"protect-production\"]", "policies = [\"protect-production\"]");
    for ran in [past.replay(&[]), past.generate("role/terway", &[])] {
        let output = format!("{}{}", ran.stdout, ran.stderr);
        assert!(output.contains("\\u{1b}[2J") && !output.contains('\u{1b}'), "{ran:?}");
    }
}

/// RAM evaluates each resource separately, so a policy that lists single ARNs may allow a pair that was denied. This is
/// detected.
#[test]
fn a_generated_policy_that_would_allow_a_denied_attempt_is_not_printed() {
    let past = Past::new();
    let log = fs::read_to_string(past.path("audit.jsonl")).unwrap();
    let pair = |eni: &str, instance: &str| {
        let allowed =
            log.lines().find(|line| line.contains("\"verdict\":\"Allow\"") && line.contains("\"stage\":\"Decision\""));
        allowed.unwrap().replace(ENI, eni).replace(INSTANCE, instance)
    };
    let denied = pair("eni-a", "i-b").replace("\"verdict\":\"Allow\"", "\"verdict\":\"ExplicitDeny\"");
    let lines = [pair("eni-a", "i-a"), pair("eni-b", "i-b"), denied].join("\n");
    fs::write(past.path("audit.jsonl"), lines).unwrap();
    let ran = past.generate("role/terway", &[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(
        ran.stderr.contains("would allow 1 attempt that was denied") && ran.stderr.contains("instance/i-b"),
        "{ran:?}"
    );
    let accepted = past.generate("role/terway", &["--accept-more", "--format", "json"]);
    assert_eq!(accepted.json()["allows_denied"].as_array().unwrap().len(), 1, "{accepted:?}");
}

/// Request tags are judged again as they were sent, from the gateway's own log and from ActionTrail.
#[test]
fn replay_judges_conditions_on_recorded_request_tags() {
    let folder = tempdir().unwrap();
    let policies = folder.path().join("policies");
    copy(Path::new(POLICIES), &policies);
    let document = |more: Value| json!({ "Version": "1", "Statement": more }).to_string();
    let all = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    fs::write(policies.join("all.json"), document(json!([all]))).unwrap();
    let account =
        format!("account = \"{ACCOUNT}\"\n[roles.terway]\npolicies = [\"all\"]\n[users.alice]\n[users.bob]\n");
    fs::write(policies.join("account.toml"), account).unwrap();
    let mut command = program(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--policies", "policies"]);
    let server = Server::start(&mut command, "attempts are written to");
    let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
    let tag = |value: &'static str| {
        vec![("Tag.1.Key", "team"), ("Tag.1.Value", "net"), ("Tag.7.Key", "env"), ("Tag.7.Value", value)]
    };
    for tags in [tag("prod"), tag("prod"), tag("dev"), Vec::new()] {
        let given: Vec<_> =
            [("RegionId", "cn-hangzhou"), ("VSwitchId", "vsw-bp1demo")].into_iter().chain(tags).collect();
        ask(address, &Caller::terway().calling("CreateNetworkInterface").request(Shape::V3Form, &given));
    }
    let event = |value: &str| {
        json!({
            "eventId": "e", "eventVersion": "1", "eventType": "ApiCall", "eventName": "CreateNetworkInterface",
            "serviceName": "Ecs", "eventTime": "2026-03-01T08:00:00Z", "requestId": "r", "acsRegion": "cn-hangzhou",
            "sourceIpAddress": "198.51.100.23",
            "userIdentity": { "type": "assumed-role", "accountId": ACCOUNT, "userName": "terway:node-1" },
            "requestParameters": {
                "RegionId": "cn-hangzhou", "VSwitchId": "vsw-bp1demo", "Tag.1.Key": "env", "Tag.1.Value": value
            },
        })
    };
    fs::write(folder.path().join("trail.json"), json!([event("prod"), event("dev")]).to_string()).unwrap();
    let closed = |statement: Value, log: &str| {
        fs::write(policies.join("all.json"), document(json!([all, statement]))).unwrap();
        let ran = ramgate(folder.path(), &["replay", log, "--policies", "policies", "--format", "json"]);
        let found = ran.json();
        let attempts = found["closed"].as_array().unwrap().iter().map(|it| it["attempts"].as_u64().unwrap()).sum();
        (
            found["replayed"].as_u64().unwrap(),
            attempts,
            found["opened"].as_array().unwrap().len(),
            found["not_replayed"].clone(),
        )
    };
    let deny = |condition: Value| json!({ "Effect": "Deny", "Action": "ecs:CreateNetworkInterface", "Resource": "*", "Condition": condition });
    for (condition, of_ours, of_trail) in [
        (json!({ "StringEquals": { "acs:RequestTag/env": "prod" } }), 2, 1),
        (json!({ "StringNotEquals": { "acs:RequestTag/env": "prod" } }), 2, 1),
        (json!({ "StringLike": { "acs:TagKeys": "tea*" } }), 3, 0),
        (json!({ "StringEquals": { "acs:RequestTag/team": "other" } }), 0, 0),
    ] {
        let deny = deny(condition);
        assert_eq!(closed(deny.clone(), "audit.jsonl"), (4, of_ours, 0, json!([])), "{deny}");
        assert_eq!(closed(deny.clone(), "trail.json"), (2, of_trail, 0, json!([])), "{deny}");
    }
}
