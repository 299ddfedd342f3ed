//! Denials and large policies: the reason among very many statements, the whole proof on demand, and the warnings about
//! RAM's own quotas. No test here measures time; `.ci/long/denial-cost` does.

use std::fs;
use std::path::Path;

use crate::support::caller::Shape;
use crate::support::program::{Server, program};
use crate::support::{ACCOUNT, Caller, ENI, FakeUpstream, INSTANCE, Setup, TestGateway, policies, ramgate};
use ram_policy::Source;
use serde_json::Value;
use tempfile::tempdir;

const RIGHTS: usize = 10_000;
const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

fn document(statements: &[String]) -> String {
    format!(r#"{{"Version": "1", "Statement": [{}]}}"#, statements.join(","))
}

fn allow(resource: &str, condition: &str) -> String {
    format!(r#"{{"Effect": "Allow", "Action": "ecs:AttachNetworkInterface", "Resource": "{resource}"{condition}}}"#)
}

/// A gateway at which bob has these statements, 1,000 to a document, and alice may attach any ENI.
fn gateway(statements: &[String]) -> TestGateway {
    let texts: Vec<String> = statements.chunks(1_000).map(document).collect();
    let names: Vec<String> = (0..texts.len()).map(|at| format!("p{at}")).collect();
    let everything = document(&[allow("*", "")]);
    let mut documents: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    documents.push(("everything", &everything));
    let account = format!(
        "schema = 1\naccount = \"{ACCOUNT}\"\n[users.alice]\npolicies = [\"everything\"]\n[users.bob]\npolicies = {names:?}\n\
         [roles.terway]\npolicies = [\"everything\"]\n"
    );
    TestGateway::start(Setup { policies: policies(&account, &documents), ..Setup::default() })
}

fn attach(gateway: &TestGateway, caller: &Caller, eni: &str) -> u16 {
    let parameters = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", eni), ("InstanceId", INSTANCE)];
    gateway.ask(&caller.request(Shape::V3Query, &parameters)).status
}

fn reason(gateway: &TestGateway) -> String {
    let event = gateway.last_event();
    event["additionalEventData"]["gateway"]["reason"].as_str().unwrap().to_owned()
}

#[test]
fn a_denial_among_ten_thousand_statements_names_the_nearest() {
    let statements: Vec<String> = (0..RIGHTS).map(|at| allow(&format!("acs:ecs:*:*:eni/eni-{at:08}"), "")).collect();
    let gateway = gateway(&statements);
    assert_eq!(attach(&gateway, &Caller::bob(), "eni-00007123x"), 403);
    let reason = reason(&gateway);
    assert!(reason.contains("; nearest: p7#123 (") && reason.ends_with("resource id does not match"), "{reason}");
}

/// A principal with that many conditional statements is judged off the threads that serve connections.
#[test]
fn statements_that_differ_only_in_conditions_are_judged_correctly() {
    let wanted = |at: usize| format!(r#", "Condition": {{"StringEquals": {{"acs:SourceIp": "192.0.2.{at}"}}}}"#);
    let mut statements: Vec<String> = (0..RIGHTS).map(|at| allow("*", &wanted(at))).collect();
    let denied = gateway(&statements);
    assert_eq!(attach(&denied, &Caller::bob(), ENI), 403);
    let reason = reason(&denied);
    assert!(reason.contains("; nearest of those examined: p0#"), "{reason}");
    assert_eq!(attach(&denied, &Caller::alice(), ENI), 200);
    statements.push(allow("*", ""));
    let allowed = gateway(&statements);
    assert_eq!(attach(&allowed, &Caller::bob(), ENI), 200);
}

#[test]
fn a_line_names_only_some_of_very_many_denies() {
    let deny = allow("*", "").replace("Allow", "Deny");
    let gateway = gateway(&vec![deny; RIGHTS]);
    assert_eq!(attach(&gateway, &Caller::bob(), ENI), 403);
    let event = gateway.last_event();
    assert!(event.to_string().len() < 16 << 10, "{} bytes", event.to_string().len());
    assert!(reason(&gateway).ends_with(" and others"), "{}", reason(&gateway));
    let gateway = &event["additionalEventData"]["gateway"];
    let named = gateway["decision"]["Resources"][0]["MatchedPolicies"].as_array().unwrap().len();
    assert!((1..=16).contains(&named), "{named} statements are named");
    assert!(gateway["cut"]["statements"].as_u64() > Some(0), "the line says that statements are left out: {gateway}");
}

/// The line of a permit is evidence. It may leave out statements, but it names every resource that was judged.
#[test]
fn the_line_of_a_permitted_call_is_bounded_and_names_every_judged_resource() {
    let named: Vec<String> = (0..95).map(|at| format!("eni-{at:060}")).collect();
    let keys: Vec<String> = (1..=named.len()).map(|at| format!("NetworkInterfaceId.{at}")).collect();
    let mut parameters = vec![("RegionId", "cn-hangzhou")];
    parameters.extend(keys.iter().map(String::as_str).zip(named.iter().map(String::as_str)));
    let describe = Caller::bob().calling("DescribeNetworkInterfaces").request(Shape::V3Form, &parameters);
    let all = allow("*", "").replace("AttachNetworkInterface", "*");
    let gateway = gateway(&vec![all; RIGHTS]);
    assert_eq!(gateway.ask(&describe).status, 200);
    let events = gateway.events();
    let decision = &events[0];
    let line = decision.to_string().len();
    assert!(line < 1 << 20, "{line} bytes");
    let ours = &decision["additionalEventData"]["gateway"];
    assert_eq!((&ours["stage"], &ours["verdict"]), (&"Decision".into(), &"Allow".into()));
    let judged = ours["decision"]["Resources"].as_array().unwrap();
    for id in &named {
        let arn = format!("acs:ecs:cn-hangzhou:{ACCOUNT}:eni/{id}");
        assert!(judged.iter().any(|resource| resource["AuthResource"] == arn), "{id} was judged but is not named");
    }
    assert_eq!(judged.len(), named.len() + 1, "the named resources and `eni/*`");
    assert!(
        ours["cut"]["statements"].as_u64() > Some(0),
        "the line says that statements are left out: {}",
        ours["cut"]
    );
    assert!(ours["cut"].get("resources").is_none() && ours["cut"].get("conditions").is_none(), "{}", ours["cut"]);
    assert!(events[1].to_string().len() < 1 << 20, "the outcome's line is no longer");
}

/// A call is not forwarded if its decision, with the tags that it depends on, does not fit into a line.
#[test]
fn a_permitted_call_whose_line_would_be_too_long_is_not_forwarded() {
    let named: Vec<String> = (0..95).map(|at| format!("eni-{at}")).collect();
    let tags: Vec<String> = (0..20).map(|at| format!("\"{at}{}\" = '{}'", "k".repeat(120), "\"".repeat(256))).collect();
    let tags = tags.join(", ");
    let attributes: String = named.iter().map(|id| format!("[\"eni/{id}\"]\ntags = {{ {tags} }}\n")).collect();
    let by_tag = r#", "Condition": {"StringNotEquals": {"acs:ResourceTag/team": "other"}}"#;
    let all = document(&[allow("*", by_tag).replace("AttachNetworkInterface", "*")]);
    let account = format!(
        "schema = 1\naccount = \"{ACCOUNT}\"\n[users.bob]\npolicies = [\"all\"]\n[users.alice]\n[roles.terway]\n"
    );
    let mut files = policies(&account, &[("all", &all)]);
    files.resources = Some(Source::new("resources.toml", attributes));
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::start(Setup { policies: files, upstream: Some(upstream.url()), ..Setup::default() });
    let ask = |ids: &[String]| {
        let keys: Vec<String> = (1..=ids.len()).map(|at| format!("NetworkInterfaceId.{at}")).collect();
        let mut parameters = vec![("RegionId", "cn-hangzhou")];
        parameters.extend(keys.iter().map(String::as_str).zip(ids.iter().map(String::as_str)));
        gateway.ask(&Caller::bob().calling("DescribeNetworkInterfaces").request(Shape::V3Form, &parameters))
    };
    let few = ask(&named[..5]);
    assert_eq!(few.status, 200, "{few:?}");
    let forwarded = upstream.requests().len();
    let many = ask(&named);
    assert_eq!((many.status, many.code().as_str()), (503, "ServiceUnavailable"), "{many:?}");
    assert_eq!(upstream.requests().len(), forwarded, "no call is forwarded without its line");
    assert!(gateway.events().iter().all(|event| event.to_string().len() < 1 << 20));
}

#[test]
fn the_whole_proof_of_a_denial_is_shown_on_demand() {
    let folder = tempdir().unwrap();
    let server = Server::start(&mut program(folder.path(), &["serve", "--listen", "127.0.0.1:0"]), "Ctrl-C stops");
    let url = server.url();
    let call = ["call", "--endpoint", &url, "--key", "LTAI5tDemoAlice00000", "--region", "cn-hangzhou"];
    let on = ["--eni", ENI, "--instance", crate::support::PROD_INSTANCE];
    assert_eq!(ramgate(folder.path(), &[&call[..], &on].concat()).status, 1);
    let log = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let line: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    let id = line["event"]["eventId"].as_str().unwrap();

    let shown = show(folder.path(), id, POLICIES, &[]);
    let revision = line["event"]["additionalEventData"]["gateway"]["policyRevision"].as_str().unwrap_or_default();
    for words in [
        &format!("judged again by revision {revision}"),
        ", the same as then",
        "explicit deny: ecs:AttachNetworkInterface as 1234567890123456:user/alice",
        "  AccountLevelIdentityBasedPolicy: explicit deny",
        "by group `netops`: applies, but does not decide",
    ] {
        assert!(shown.contains(words), "no `{words}`: {shown}");
    }
    let json: Value = serde_json::from_str(&show(folder.path(), id, POLICIES, &["--format", "json"])).unwrap();
    let again = &json["attempts"][0]["judgedAgain"];
    assert_eq!(
        (&again["sameRevision"], &again["report"]["Verdict"]),
        (&true.into(), &"ExplicitDeny".into()),
        "{again}"
    );

    // With other policies the verdict is theirs, and the output names the revision that the call was judged by.
    let account = format!("schema = 1\naccount = \"{ACCOUNT}\"\n[users.alice]\npolicies = [\"all\"]\n");
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("account.toml"), account).unwrap();
    fs::write(other.join("all.json"), document(&[allow("*", "")])).unwrap();
    let shown = show(folder.path(), id, "other", &[]);
    assert!(shown.contains("; the gateway judged it by revision sha256:"), "{shown}");
    assert!(shown.contains("allow: ecs:AttachNetworkInterface as 1234567890123456:user/alice"), "{shown}");
    let json: Value = serde_json::from_str(&show(folder.path(), id, "other", &["--format", "json"])).unwrap();
    let again = &json["attempts"][0]["judgedAgain"];
    assert_eq!((&again["sameRevision"], &again["report"]["Verdict"]), (&false.into(), &"Allow".into()), "{again}");
}

/// Every command that reads the log names the Deny behind a refusal, even if it is not known whether the Deny applies.
#[test]
fn a_deny_that_cannot_be_ruled_out_is_named_by_every_command_that_reads_the_log() {
    let folder = tempdir().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let deny = allow("*", r#", "Condition": {"StringNotEquals": {"acs:SourceVpc": "vpc-1"}}"#).replace("Allow", "Deny");
    let account = format!(
        "schema = 1\naccount = \"{ACCOUNT}\"\n[users.alice]\npolicies = [\"all\", \"guard\"]\n[users.bob]\n[users.carol]\n\
         [roles.terway]\n"
    );
    let files =
        [("account.toml", account), ("all.json", document(&[allow("*", "")])), ("guard.json", document(&[deny]))];
    for (name, text) in files {
        fs::write(policies.join(name), text).unwrap();
    }
    let mut serve = program(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--policies", "policies"]);
    let server = Server::start(&mut serve, "Ctrl-C stops");
    let call = ["call", "--endpoint", &server.url(), "--key", "LTAI5tDemoAlice00000", "--region", "cn-hangzhou"];
    let called = ramgate(folder.path(), &[&call[..], &["--eni", ENI, "--instance", INSTANCE]].concat());
    assert_eq!(called.status, 1, "{called:?}");
    drop(server);
    let line = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let line: Value = serde_json::from_str(line.lines().last().unwrap()).unwrap();
    crate::support::schema::check_line(&line);
    let gateway = &line["event"]["additionalEventData"]["gateway"];
    let resources = gateway["decision"]["Resources"].as_array().unwrap();
    for resource in resources {
        let possible = &resource["PossibleDeny"];
        assert_eq!(
            (&possible["Policy"]["PolicyIdentifier"], &possible["UnknownKey"], &resource["Verdict"]),
            (&"guard".into(), &"acs:SourceVpc".into(), &"ImplicitDeny".into())
        );
    }
    let id = line["event"]["eventId"].as_str().unwrap();
    let audit = |arguments: &[&str]| ramgate(folder.path(), &[&["audit"], arguments].concat()).stdout;
    let shown = audit(&["show", id]);
    let expected = "  Deny by guard#0, attached to RamUser, sha256:";
    assert!(
        shown.contains(expected) && shown.contains(" cannot be ruled out: acs:SourceVpc is not known\n"),
        "{shown}"
    );
    assert!(!shown.contains("no statement allows it"), "{shown}");
    assert!(audit(&["stats"]).contains("  guard#0, which cannot be ruled out  "), "{}", audit(&["stats"]));
    assert!(audit(&["query", "--statement", "guard#0"]).contains("  [guard#0]  403 "), "{}", audit(&["query"]));
    let shown: Value = serde_json::from_str(&audit(&["show", id, "--format", "json"])).unwrap();
    let possible = &shown["attempts"][0]["gateway"]["decision"]["resources"][0]["possibleDeny"];
    assert_eq!((&possible["statement"]["policy"], &possible["unknownKey"]), (&"guard".into(), &"acs:SourceVpc".into()));

    // `replay` names it too: policies without the guard allow the call, and replayed with the guard it is denied again.
    let open = folder.path().join("open");
    fs::create_dir(&open).unwrap();
    for name in ["account.toml", "all.json"] {
        let text = fs::read_to_string(policies.join(name)).unwrap().replace(", \"guard\"", "");
        fs::write(open.join(name), text).unwrap();
    }
    let replayed = ramgate(folder.path(), &["replay", "audit.jsonl", "--policies", "open"]);
    assert_eq!(replayed.status, 1, "{replayed:?}");
    let serve_open = ["serve", "--listen", "127.0.0.1:0", "--policies", "open", "--audit", "open.jsonl"];
    let server = Server::start(&mut program(folder.path(), &serve_open), "Ctrl-C stops");
    let call = ["call", "--endpoint", &server.url(), "--key", "LTAI5tDemoAlice00000", "--region", "cn-hangzhou"];
    ramgate(folder.path(), &[&call[..], &["--eni", ENI, "--instance", INSTANCE]].concat());
    drop(server);
    let replayed = ramgate(folder.path(), &["replay", "open.jsonl", "--policies", "policies"]);
    assert!(replayed.stdout.contains("which cannot be ruled out"), "{replayed:?}");
}

fn show(folder: &Path, id: &str, policies: &str, more: &[&str]) -> String {
    let ran = ramgate(folder, &[&["audit", "show", id, "--policies", policies], more].concat());
    assert_eq!(ran.status, 0, "{ran:?}");
    ran.stdout
}

#[test]
fn policies_beyond_rams_quotas_load_with_a_warning() {
    let folder = tempdir().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let names: Vec<String> = (0..31).map(|at| format!("p{at}")).collect();
    for name in &names {
        fs::write(policies.join(format!("{name}.json")), document(&[allow("*", "")])).unwrap();
    }
    let long: Vec<String> = (0..100).map(|at| allow(&format!("acs:ecs:*:*:eni/eni-{at}"), "")).collect();
    fs::write(policies.join("long.json"), document(&long)).unwrap();
    let groups: Vec<String> = (0..11).map(|at| format!("g{at}")).collect();
    let sections: String = groups.iter().map(|name| format!("[groups.{name}]\npolicies = [\"p0\"]\n")).collect();
    let account = format!(
        "schema = 1\naccount = \"{ACCOUNT}\"\n[users.bob]\npolicies = {names:?}\n[users.alice]\npolicies = [\"long\"]\n\
         groups = {groups:?}\n{sections}"
    );
    fs::write(policies.join("account.toml"), account).unwrap();
    let ran = ramgate(folder.path(), &["check", "policies"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let output = [ran.stdout, ran.stderr].concat();
    for warning in [
        "the user `bob` has 31 policies; RAM allows at most 30 (20 system and 10 custom policies)",
        "the user `alice` is in 11 groups; RAM allows at most 10",
        "characters without white space; RAM allows at most 6144",
        "https://www.alibabacloud.com/help/en/ram/product-overview/limits",
    ] {
        assert!(output.contains(warning), "no `{warning}`: {output}");
    }
    let demo = ramgate(folder.path(), &["check", POLICIES]);
    assert!(!demo.stderr.contains("RAM allows"), "{demo:?}");
}
