//! Tags and resource groups read from ECS: when and how they are read, how long they are cached, and failures.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::bench::forwarded;
use crate::support::caller::Shape;
use crate::support::upstream::{Behaviour, json, success};
use crate::support::{
    Answer, Caller, ENI, FakeUpstream, INSTANCE, PROD_INSTANCE, Setup, TestGateway, ask_many, envelope, wait_for,
};
use ram_policy::Source;
use ramgate::config::ResourceSource;
use ramgate::identity::{Claim, Signed};
use ramgate::testing::wire::{FormLimits, Head, HeadLimits, read_parameters};

const ENIS: &str = "DescribeNetworkInterfaces";
const INSTANCES: &str = "DescribeInstances";
const PROD_ENI: &str = "eni-bp1demoprod000000001";

/// The role and the user `tagged` are judged by tags; alice is not.
const ACCOUNT_FILE: &str = "account = \"1234567890123456\"\n\
    [roles.terway]\npolicies = [\"of-the-network\"]\n[users.alice]\npolicies = [\"all\"]\n[users.bob]\n\
    [users.tagged]\npolicies = [\"of-the-network\"]\n";
const TAGGED: &str = "[[access_key]]\nid = \"LTAI5tTestSecondTags\"\nsecret = \"the second caller's secret\"\n\
    principal = \"user/tagged\"\n";
const OF_THE_NETWORK: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*",
    "Condition": {"StringEquals": {"acs:ResourceTag/team": "network"}}}]}"#;
const NOT_IN_PRODUCTION: &str = r#"{"Version": "1", "Statement": [
    {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"},
    {"Effect": "Deny", "Action": "ecs:*", "Resource": "*", "Condition": {"StringEquals": {"ecs:tag/env": "prod"}}}]}"#;
const ALL: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}]}"#;

#[test]
fn tags_read_from_ecs_decide() {
    let gateway = TestGateway::start(setup());
    assert_eq!(attach(&gateway, PROD_ENI, INSTANCE).status, 403, "an ENI of another team");
    assert_eq!(attach(&gateway, ENI, PROD_INSTANCE).status, 403, "an instance of another team");
    let answer = attach(&gateway, ENI, INSTANCE);
    assert_eq!(answer.status, 200, "{answer:?}");
    let logged = gateway.last_event()["additionalEventData"]["gateway"]["decision"].to_string();
    let condition = r#"{"ConditionKey":"acs:ResourceTag/team","ConditionValues":["network"]}"#;
    assert_eq!(logged.matches(condition).count(), 2, "the tags of both are logged: {logged}");
}

#[test]
fn an_explicit_deny_by_tag_applies() {
    let mut setup = setup();
    setup.policies = policies(ACCOUNT_FILE, &[("of-the-network", NOT_IN_PRODUCTION), ("all", ALL)]);
    let gateway = TestGateway::start(setup);
    for (eni, instance, status) in [(PROD_ENI, INSTANCE, 403), (ENI, PROD_INSTANCE, 403), (ENI, INSTANCE, 200)] {
        let answer = attach(&gateway, eni, instance);
        assert_eq!(answer.status, status, "{eni} {instance}: {answer:?}");
        let verdict = &gateway.last_event()["additionalEventData"]["gateway"]["verdict"];
        assert_eq!(*verdict, if status == 200 { "Allow" } else { "ExplicitDeny" });
    }
}

#[test]
fn resource_groups_read_from_ecs_decide() {
    let account = "account = \"1234567890123456\"\n[roles.terway]\n\
        scoped = [{ resource_group = \"rg-acfmdemonetwork\", policies = [\"all\"] }]\n[users.alice]\n[users.bob]\n";
    let mut setup = setup();
    setup.policies = policies(account, &[("all", ALL)]);
    let gateway = TestGateway::start(setup);
    for (eni, instance, status) in [(PROD_ENI, INSTANCE, 403), (ENI, PROD_INSTANCE, 403), (ENI, INSTANCE, 200)] {
        let answer = attach(&gateway, eni, instance);
        assert_eq!(answer.status, status, "{eni} {instance}: {answer:?}");
    }
}

#[test]
fn only_a_policy_that_depends_on_attributes_causes_a_look_up() {
    let (upstream, gateway) = before(FakeUpstream::answering(ecs));
    assert_eq!(gateway.ask(&Caller::alice().attach(Shape::V3Query)).status, 200);
    assert_eq!(gateway.ask(&Caller::bob().attach(Shape::V3Query)).status, 403);
    assert_eq!((asked(&upstream, ENIS), asked(&upstream, INSTANCES), upstream.requests().len()), (0, 0, 1));
    assert_eq!(attach(&gateway, ENI, INSTANCE).status, 200);
    assert_eq!((asked(&upstream, ENIS), asked(&upstream, INSTANCES), upstream.requests().len()), (1, 1, 4));
}

/// Tags are not looked up if the decision does not depend on them.
#[test]
fn a_look_up_that_cannot_change_the_answer_is_not_made() {
    let by_tag = r#""Condition": {"StringEquals": {"acs:ResourceTag/team": "network"}}"#;
    let statement = |effect: &str, resource: &str, condition: &str| {
        let condition = if condition.is_empty() { String::new() } else { format!(", {condition}") };
        format!(r#"{{"Effect": "{effect}", "Action": "ecs:*", "Resource": "{resource}"{condition}}}"#)
    };
    let everything = statement("Allow", "*", "");
    for (label, statements, status, look_ups) in [
        ("ENIs only", vec![statement("Allow", "acs:ecs:*:*:eni/*", by_tag)], 403, 0),
        ("a Deny by tag, and no Allow", vec![statement("Deny", "*", by_tag)], 403, 0),
        ("denied anyway", vec![statement("Allow", "*", by_tag), statement("Deny", "*", "")], 403, 0),
        ("allowed anyway", vec![everything.clone(), statement("Allow", "*", by_tag)], 200, 0),
        ("a Deny by tag", vec![everything, statement("Deny", "*", by_tag)], 403, 1),
        ("an Allow by tag", vec![statement("Allow", "*", by_tag)], 200, 1),
    ] {
        let upstream = FakeUpstream::answering(ecs);
        let mut setup = Setup { upstream: Some(upstream.url()), ..setup() };
        let document = format!(r#"{{"Version": "1", "Statement": [{}]}}"#, statements.join(","));
        setup.policies = policies(ACCOUNT_FILE, &[("of-the-network", &document), ("all", ALL)]);
        let gateway = TestGateway::start(setup);
        assert_eq!(attach(&gateway, ENI, INSTANCE).status, status, "{label}: {}", gateway.last_event());
        assert_eq!((asked(&upstream, ENIS), asked(&upstream, INSTANCES)), (look_ups, look_ups), "{label}");
    }
}

#[test]
fn a_look_up_is_signed_with_the_gateways_key_and_carries_nothing_of_the_callers() {
    let (upstream, gateway) = before(FakeUpstream::answering(ecs));
    let caller = Caller::terway();
    let headers = [("X-Forwarded-For", "203.0.113.9"), ("Cookie", "session=leak"), ("User-Agent", "leaky/1")];
    let query = format!("InstanceId={INSTANCE}&NetworkInterfaceId={ENI}&RegionId=cn-hangzhou&NetworkCardIndex=1&on=x");
    let answer = gateway.ask(&caller.v3(&query, "", &headers));
    assert_eq!(answer.status, 200, "{answer:?}");
    let look_ups: Vec<_> =
        upstream.requests().into_iter().filter(|sent| action(sent) != "AttachNetworkInterface").collect();
    assert_eq!(look_ups.len(), 2);
    for sent in look_ups {
        let limits = HeadLimits { head_bytes: 65_536, query_bytes: 65_536, body_bytes: 0, headers: 100 };
        let head = Head::read(sent.as_bytes(), &limits).unwrap();
        assert_eq!(head.host(), upstream.address.to_string());
        let parameters = read_parameters(head.query(), b"", FormLimits { parameters: 10 }).unwrap();
        let signed = Signed::new(&head, &parameters, b"");
        let claim = Claim::read(&signed).unwrap();
        claim.verify(&signed, &crate::support::gateway::own_key()).unwrap();
        assert_eq!((claim.fields().version, claim.fields().security_token), (Some("2014-05-26"), None));
        let instances = format!("[\"{INSTANCE}\"]");
        let of_kind = match action(&sent) {
            ENIS => ("NetworkInterfaceId.1", ENI),
            _ => ("InstanceIds", instances.as_str()),
        };
        let expected = BTreeSet::from([("Format", "JSON"), ("PageSize", "100"), ("RegionId", "cn-hangzhou"), of_kind]);
        assert_eq!(parameters.iter().map(|given| (given.name, given.value)).collect::<BTreeSet<_>>(), expected);
        for leak in ["203.0.113.9", "leak", "NetworkCardIndex", "on=", caller.id.as_str(), caller.secret.as_str()] {
            assert!(!sent.contains(leak), "`{leak}` in {sent}");
        }
    }
}

#[test]
fn a_call_is_refused_if_attributes_cannot_be_read() {
    let answer = |status, body: &str| Behaviour::Answer(json(status, body, ""));
    let coded = |status, code: &str| answer(status, &format!("{{\"Code\":\"{code}\",\"Message\":\"m\"}}"));
    let list = |inside: &str| format!("{{\"TotalCount\":1,\"{{SET}}\":{{\"{{ELEMENT}}\":[{inside}]}}}}");
    let one = list(r#"{"{ID}":"{GIVEN}","Tags":{"Tag":[{"TagKey":"team","TagValue":"network"}]}}"#);
    let twice = list(r#"{"{ID}":"{GIVEN}"},{"{ID}":"{GIVEN}"}"#);
    let moved = Behaviour::Answer(json(302, &one, "Location: http://127.0.0.1:1/\r\n"));
    let large = answer(200, &format!("{one}{}", " ".repeat(3 << 20)));
    let cases: Vec<(&str, Behaviour, &str)> = vec![
        ("not allowed", coded(403, "Forbidden.RAM"), "status 403, `Forbidden.RAM`"),
        ("a code that clients act on", coded(404, "InvalidInstanceId.NotFound"), "status 404"),
        ("throttled", coded(400, "Throttling.User"), "status 400, `Throttling.User`"),
        ("failed", answer(500, "<html>"), "status 500"),
        ("a list with another status", answer(201, &one), "status 201"),
        ("moved", moved, "status 302"),
        ("not JSON", answer(200, "hello"), "cannot be used"),
        ("an empty body", answer(200, ""), "cannot be used"),
        ("no list", Behaviour::Answer(success()), "cannot be used"),
        ("XML", answer(200, "<X><RequestId>r</RequestId></X>"), "cannot be used"),
        ("data after the JSON", answer(200, &format!("{one}{one}")), "cannot be used"),
        ("another id", answer(200, &list(r#"{"{ID}":"x-1"}"#)), "lists `x-1`, which was not asked about"),
        ("no id", answer(200, &list("{}")), "cannot be used"),
        ("listed twice", answer(200, &twice), "twice"),
        ("two pages", answer(200, &one.replace("\"TotalCount\":1", "\"TotalCount\":2")), "does not list all"),
        ("malformed tags", answer(200, &one.replace("{\"Tag\":[", "{\"Tags\":[")), "cannot be used"),
        ("a tag without a key", answer(200, &one.replace("TagKey", "Key")), "cannot be used"),
        ("a tag twice", answer(200, &one.replace("[{\"Tag", "[{\"TagKey\":\"team\"},{\"Tag")), "the tag `team` twice"),
        ("lists twice", answer(200, &one.replacen('{', "{\"{SET}\":{\"{ELEMENT}\":[]},", 1)), "cannot be used"),
        ("too large", large, "more than 2097152 bytes"),
        ("closed", Behaviour::Close, "no answer came"),
        (
            "an incomplete answer",
            Behaviour::AnswerAndClose(success()[..success().len() - 5].to_vec()),
            "no answer came",
        ),
        ("silent", Behaviour::Silent, "in time"),
    ];
    for (case, behaviour, because) in cases {
        for failing in [ENIS, INSTANCES] {
            let case = format!("{case}, {failing}");
            let filled = filled(&behaviour, failing);
            let script = move |sent: &str| if action(sent) == failing { filled.clone() } else { ecs(sent) };
            let upstream = FakeUpstream::answering(script);
            let mut setup = Setup { upstream: Some(upstream.url()), ..setup() };
            setup.settings.upstream.timeout = Duration::from_millis(if because == "in time" { 1000 } else { 10_000 });
            let gateway = TestGateway::start(setup);
            unavailable(&gateway, &attach(&gateway, ENI, INSTANCE), because, &case);
            assert_eq!(asked(&upstream, "AttachNetworkInterface"), 0, "{case}: it was forwarded");
            assert_eq!(asked(&upstream, failing), 1, "{case}: the look-up is not repeated");
        }
    }
}

#[test]
fn a_call_is_refused_if_ecs_cannot_be_reached() {
    let gateway = TestGateway::start(Setup { upstream: Some("http://127.0.0.1:1".to_owned()), ..setup() });
    unavailable(&gateway, &attach(&gateway, ENI, INSTANCE), "cannot be reached", "no listener");
}

#[test]
fn a_look_up_ends_with_the_timeout_of_its_call() {
    let upstream = FakeUpstream::behaving(Behaviour::Silent);
    let mut setup = Setup { upstream: Some(upstream.url()), ..setup() };
    setup.settings.limits.call_timeout = Duration::from_millis(300);
    setup.settings.upstream.timeout = Duration::from_secs(600);
    let gateway = TestGateway::start(setup);
    unavailable(&gateway, &attach(&gateway, ENI, INSTANCE), "in time", "the call's own deadline");
}

/// A condition on tags applies to every resource that a call names, but the gateway looks up only ENIs and instances.
#[test]
fn a_call_that_names_another_kind_of_resource_is_refused() {
    let (upstream, gateway) = before(FakeUpstream::answering(ecs));
    let create = Caller::terway().calling("CreateNetworkInterface");
    let named = [("RegionId", "cn-hangzhou"), ("VSwitchId", "vsw-a"), ("SecurityGroupId", "sg-a")];
    let answer = gateway.ask(&create.request(Shape::V1Query, &named));
    unavailable(&gateway, &answer, "only attributes of ENIs and instances can be read", "a vSwitch");
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_resource_that_ecs_does_not_know_has_no_attributes() {
    let (upstream, gateway) = before(FakeUpstream::answering(|sent| {
        let body = match action(sent) {
            ENIS => r#"{"TotalCount":0,"NetworkInterfaceSets":{"NetworkInterfaceSet":[]}}"#,
            _ => r#"{"TotalCount":0,"Instances":{"Instance":[]}}"#,
        };
        Behaviour::Answer(json(200, body, ""))
    }));
    for _ in 0..2 {
        assert_eq!(attach(&gateway, ENI, INSTANCE).status, 403);
        assert_eq!(gateway.last_event()["additionalEventData"]["gateway"]["verdict"], "ImplicitDeny");
    }
    assert_eq!((asked(&upstream, ENIS), asked(&upstream, INSTANCES)), (1, 1), "the empty result is cached too");
}

#[test]
fn attributes_are_cached_for_the_configured_time() {
    for (cache, look_ups) in [(Duration::from_secs(3600), 1), (Duration::from_millis(1), 2), (Duration::ZERO, 2)] {
        let upstream = FakeUpstream::answering(ecs);
        let mut setup = Setup { upstream: Some(upstream.url()), ..setup() };
        setup.settings.resources.cache = cache;
        let gateway = TestGateway::start(setup);
        for _ in 0..2 {
            assert_eq!(attach(&gateway, ENI, INSTANCE).status, 200);
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!((asked(&upstream, ENIS), asked(&upstream, INSTANCES)), (look_ups, look_ups), "{cache:?}");
    }
}

#[test]
fn the_number_of_cached_resources_is_limited() {
    let upstream = FakeUpstream::answering(ecs);
    let mut setup = Setup { upstream: Some(upstream.url()), ..setup() };
    setup.settings.resources.cache = Duration::from_secs(3600);
    setup.settings.resources.cache_entries = 2.try_into().unwrap();
    let gateway = TestGateway::start(setup);
    for (eni, instance, look_ups) in
        [(ENI, INSTANCE, 1), (ENI, INSTANCE, 1), ("eni-other", "i-other", 2), (ENI, INSTANCE, 3), (ENI, "i-other", 3)]
    {
        assert_eq!(attach(&gateway, eni, instance).status, 200);
        assert_eq!(asked(&upstream, ENIS), look_ups, "{eni} {instance}");
    }
    assert_eq!(asked(&upstream, INSTANCES), 4, "`i-other` was evicted by the call before");
}

#[test]
fn a_failed_look_up_is_not_cached() {
    let failed = Arc::new(AtomicUsize::new(0));
    let (upstream, gateway) = before(FakeUpstream::answering(move |sent| {
        let fails = action(sent) == ENIS && failed.fetch_add(1, Ordering::SeqCst) == 0;
        if fails { Behaviour::Answer(json(503, "{}", "")) } else { ecs(sent) }
    }));
    unavailable(&gateway, &attach(&gateway, ENI, INSTANCE), "status 503", "the first look-up");
    assert_eq!(attach(&gateway, ENI, INSTANCE).status, 200);
    assert_eq!((asked(&upstream, ENIS), asked(&upstream, INSTANCES)), (2, 1));
}

#[test]
fn attributes_are_read_from_the_region_of_the_call() {
    let upstream = FakeUpstream::answering(|sent| {
        if forwarded(sent)["RegionId"] == "cn-beijing" { of_team(sent, "other") } else { ecs(sent) }
    });
    let mut setup = Setup { upstream: Some(upstream.url()), ..setup() };
    setup.settings.upstream.regions = ["cn-hangzhou", "cn-beijing"].map(|region| region.parse().unwrap()).to_vec();
    let gateway = TestGateway::start(setup);
    for (region, status) in [("cn-hangzhou", 200), ("cn-beijing", 403), ("cn-hangzhou", 200), ("cn-beijing", 403)] {
        let named = [("RegionId", region), ("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE)];
        assert_eq!(gateway.ask(&Caller::terway().request(Shape::V1Query, &named)).status, status, "{region}");
    }
    assert_eq!((asked(&upstream, ENIS), asked(&upstream, INSTANCES)), (2, 2));
}

#[test]
fn both_look_ups_of_a_call_run_at_the_same_time() {
    let arrived = AtomicUsize::new(0);
    let (_upstream, gateway) = before(FakeUpstream::answering(move |sent| {
        arrived.fetch_add(1, Ordering::SeqCst);
        wait_for("the other look-up", || arrived.load(Ordering::SeqCst) >= 2);
        ecs(sent)
    }));
    assert_eq!(attach(&gateway, ENI, INSTANCE).status, 200);
}

#[test]
fn a_burst_of_calls_shares_one_look_up() {
    let (upstream, gateway) = before(FakeUpstream::answering(|sent| match (action(sent), ecs(sent)) {
        (ENIS | INSTANCES, Behaviour::Answer(answer)) => Behaviour::Late(Duration::from_millis(500), answer),
        (_, at_once) => at_once,
    }));
    let address = gateway.address;
    let call = move || crate::support::ask(address, &Caller::terway().attach(Shape::V3Query)).status;
    let calls: Vec<_> = (0..12).map(|_| thread::spawn(call)).collect();
    for call in calls {
        assert_eq!(call.join().unwrap(), 200);
    }
    assert_eq!((asked(&upstream, ENIS), asked(&upstream, INSTANCES)), (1, 1));
    assert_eq!(asked(&upstream, "AttachNetworkInterface"), 12);
}

/// A look-up continues when its first call times out, because other calls share its result.
#[test]
fn a_look_up_outlives_the_call_that_started_it() {
    let slow = Duration::from_millis(900);
    let upstream = FakeUpstream::answering(move |sent| match (action(sent), ecs(sent)) {
        (ENIS, Behaviour::Answer(answer)) => Behaviour::Late(slow, answer),
        (_, at_once) => at_once,
    });
    let mut setup = Setup { upstream: Some(upstream.url()), ..setup() };
    setup.settings.limits.call_timeout = Duration::from_millis(300);
    let gateway = TestGateway::start(setup);
    let end = Instant::now() + Duration::from_secs(10);
    while attach(&gateway, ENI, INSTANCE).status != 200 {
        assert!(Instant::now() < end, "timed out waiting for attributes");
    }
    assert_eq!(asked(&upstream, ENIS), 1);
}

#[test]
fn resources_of_one_kind_share_one_look_up() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let (upstream, gateway) = before(FakeUpstream::answering(move |sent| {
        noted.lock().unwrap().push(forwarded(sent));
        ecs(sent)
    }));
    let named = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId.1", "eni-one"), ("NetworkInterfaceId.2", "eni-two")];
    let answer = gateway.ask(&Caller::terway().calling(ENIS).request(Shape::V1Query, &named));
    assert_eq!(answer.status, 403, "the resource `eni/*` has no tags: {answer:?}");
    assert_eq!(upstream.requests().len(), 1);
    let seen = seen.lock().unwrap();
    assert_eq!(
        (seen[0]["NetworkInterfaceId.1"].as_str(), seen[0]["NetworkInterfaceId.2"].as_str()),
        ("eni-one", "eni-two")
    );
}

/// 1,000 calls of one caller, each about other resources, all without the tag.
#[test]
fn each_caller_has_a_budget_of_look_ups() {
    let (upstream, gateway) = before(FakeUpstream::answering(|sent| {
        let mine = sent.contains(INSTANCE) || sent.contains(ENI);
        of_team(sent, if mine { "network" } else { "other" })
    }));
    let calls = (0..1000).map(|at| {
        let (eni, instance) = (format!("eni-{at}"), format!("i-{at}"));
        let named = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", &*eni), ("InstanceId", &*instance)];
        second().request(Shape::V1Query, &named)
    });
    let answers = ask_many(gateway.address, &calls.collect::<Vec<_>>());
    let look_ups = asked(&upstream, ENIS) + asked(&upstream, INSTANCES);
    assert!(look_ups <= 600, "{look_ups}");
    let throttled: Vec<_> = answers.iter().filter(|answer| answer.status == 400).collect();
    assert!(throttled.len() >= 600 && answers.len() - throttled.len() >= 290, "{}", throttled.len());
    assert!(throttled.iter().all(|answer| answer.code() == "Throttling.User"));
    assert!(throttled[0].header("x-acs-retry-after").is_some());
    let events = gateway.events();
    let line = events.iter().find(|event| event["errorCode"] == "Throttling.User").unwrap();
    let logged = &line["additionalEventData"]["gateway"];
    assert_eq!(logged["refusal"], "throttled-principal");
    assert!(logged["reason"].as_str().unwrap().contains("resource lookups at ECS"), "{logged}");
    // Look-ups for another caller still work.
    assert_eq!(attach(&gateway, ENI, INSTANCE).status, 200);
}

#[test]
fn look_ups_that_hang_do_not_block_other_callers() {
    let (upstream, gateway) =
        before(FakeUpstream::answering(|sent| if sent.contains("hangs") { Behaviour::Silent } else { ecs(sent) }));
    let address = gateway.address;
    for at in 0..120 {
        let (eni, instance) = (format!("eni-hangs{at}"), format!("i-hangs{at}"));
        let named = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", &*eni), ("InstanceId", &*instance)];
        let call = second().request(Shape::V1Query, &named);
        thread::spawn(move || {
            crate::support::wire::connect(address).write_all(&call).map(|()| thread::sleep(Duration::from_secs(8)))
        });
    }
    wait_for("look-ups in progress", || asked(&upstream, ENIS) + asked(&upstream, INSTANCES) >= 30);
    let begun = Instant::now();
    assert_eq!(attach(&gateway, ENI, INSTANCE).status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let in_progress = asked(&upstream, ENIS) + asked(&upstream, INSTANCES) - 2;
    assert!(in_progress <= 100, "{in_progress}");
}

/// A second caller that is judged by tags.
fn second() -> Caller {
    Caller::new("LTAI5tTestSecondTags", "the second caller's secret")
}

fn setup() -> Setup {
    let documents = [("of-the-network", OF_THE_NETWORK), ("all", ALL)];
    let keyring = TAGGED.to_owned();
    let mut setup = Setup { policies: policies(ACCOUNT_FILE, &documents), keyring, ..Setup::default() };
    setup.settings.resources.source = ResourceSource::Upstream;
    setup.settings.resources.cache = Duration::from_secs(3600);
    setup
}

fn policies(account: &str, documents: &[(&str, &str)]) -> ramgate::store::PolicyFiles {
    let mut files = Setup::default().policies;
    files.accounts = vec![(PathBuf::from("account.toml"), Source::new("account.toml", account))];
    let document = |(name, text): &(&str, &str)| (PathBuf::from(format!("{name}.json")), Source::new(*name, *text));
    files.documents = documents.iter().map(document).collect();
    files
}

fn before(upstream: FakeUpstream) -> (FakeUpstream, TestGateway) {
    let gateway = TestGateway::start(Setup { upstream: Some(upstream.url()), ..setup() });
    (upstream, gateway)
}

fn attach(gateway: &TestGateway, eni: &str, instance: &str) -> Answer {
    let named = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", eni), ("InstanceId", instance)];
    gateway.ask(&Caller::terway().request(Shape::V1Query, &named))
}

/// An ECS in which every resource belongs to the network's team.
fn ecs(sent: &str) -> Behaviour {
    of_team(sent, "network")
}

fn of_team(sent: &str, team: &str) -> Behaviour {
    let tags = serde_json::json!({"Tag": [{"TagKey": "team", "TagValue": team}]});
    let parameters = forwarded(sent);
    let body = match action(sent) {
        ENIS => {
            let ids = parameters.iter().filter(|(name, _)| name.starts_with("NetworkInterfaceId."));
            let enis: Vec<_> = ids
                .map(|(_, id)| serde_json::json!({"NetworkInterfaceId": id, "Tags": tags, "ResourceGroupId": ""}))
                .collect();
            serde_json::json!({"TotalCount": enis.len(), "NetworkInterfaceSets": {"NetworkInterfaceSet": enis}})
        }
        INSTANCES => {
            let ids: Vec<String> = serde_json::from_str(&parameters["InstanceIds"]).unwrap();
            let instances: Vec<_> = ids.iter().map(|id| serde_json::json!({"InstanceId": id, "Tags": tags})).collect();
            serde_json::json!({"TotalCount": instances.len(), "Instances": {"Instance": instances}})
        }
        _ => return Behaviour::Answer(success()),
    };
    Behaviour::Answer(json(200, &body.to_string(), ""))
}

/// The behaviour, with its placeholders filled in for that operation.
fn filled(behaviour: &Behaviour, operation: &str) -> Behaviour {
    let Behaviour::Answer(answer) = behaviour else { return behaviour.clone() };
    let (set, element, id, given) = match operation {
        ENIS => ("NetworkInterfaceSets", "NetworkInterfaceSet", "NetworkInterfaceId", ENI),
        _ => ("Instances", "Instance", "InstanceId", INSTANCE),
    };
    let text = String::from_utf8(answer.clone()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let body = body.replace("{SET}", set).replace("{ELEMENT}", element).replace("{ID}", id).replace("{GIVEN}", given);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let location = if head.contains("Location") { "Location: http://127.0.0.1:1/\r\n" } else { "" };
    Behaviour::Answer(json(status, &body, location))
}

fn action(sent: &str) -> &str {
    let mut lines = sent.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(name, _)| name.eq_ignore_ascii_case("x-acs-action")).expect("an action").1
}

fn asked(upstream: &FakeUpstream, operation: &str) -> usize {
    upstream.requests().iter().filter(|sent| action(sent) == operation).count()
}

#[track_caller]
fn unavailable(gateway: &TestGateway, answer: &Answer, because: &str, case: &str) {
    envelope::check(answer, "JSON", case);
    assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "{case}: {answer:?}");
    assert!(answer.message().contains("attributes of the resource"), "{case}: {answer:?}");
    assert!(!answer.body.contains("NotFound"), "{case}: ECS's message is only logged: {answer:?}");
    let event = gateway.last_event();
    let logged = &event["additionalEventData"]["gateway"];
    assert_eq!((&logged["refusal"], &logged["httpStatus"]), (&"facts-unread".into(), &503.into()), "{case}: {event}");
    assert_eq!((&event["errorCode"], &event["errorMessage"]), (&"ServiceUnavailable".into(), &answer.message().into()));
    assert_eq!(event["userIdentity"]["type"], "assumed-role", "{case}: the caller is identified: {event}");
    let reason = logged["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains(because) && reason.contains("the attributes of `acs:"),
        "{case}: `{reason}` instead of `{because}`"
    );
    assert_eq!(gateway.events().len(), 1, "{case}: one log line per refused attempt");
}
