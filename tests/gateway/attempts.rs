//! Every attempt is logged before the gateway acts on it (`docs/spec/ecs-eni.md` C.1 and C.4).

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::caller::{Shape, attach_parameters, raw};
use crate::support::refusals::{DIALECTS, KEYS, refusals, root, stranger, tampered};
use crate::support::sink::ScriptedSink;
use crate::support::upstream::{self, Behaviour, REQUEST_ID};
use crate::support::{ACCOUNT, Answer, Caller, ENI, FakeUpstream, INSTANCE, Setup, TestGateway, wait_for};
use aws_lc_rs::digest;
use jiff::Timestamp;
use ramgate::audit::{Clocks, FileSettings, FileSink, SinkError, SyncMode};
use ramgate::budget::{BudgetLimits, PerMinute};
use ramgate::identity::{NonceError, NonceMemory, SignedNonce};
use serde_json::{Value, json};

#[test]
fn an_allowed_call_leaves_a_decision_and_an_outcome() {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    let with_agent = tampered(&Caller::alice().attach(Shape::V1Query), "\r\n\r\n", "\r\nUser-Agent: cni/1.0\r\n\r\n");
    assert_eq!(gateway.ask(&with_agent).status, 200);
    let events = gateway.events();
    let [decision, outcome] = &events[..] else { panic!("{events:?}") };
    let expected = json!({
        "eventVersion": "1", "eventCategory": "Management", "eventType": "ApiCall", "eventRW": "Write",
        "eventName": "AttachNetworkInterface", "serviceName": "Ecs", "apiVersion": "2014-05-26",
        "eventSource": "gateway.test", "acsRegion": "cn-hangzhou", "sourceIpAddress": "127.0.0.1",
        "userAgent": "cni/1.0", "recipientAccountId": ACCOUNT,
        "userIdentity": {
            "type": "ram-user", "principalId": "200000000000000001", "accountId": ACCOUNT,
            "accessKeyId": "LTAI************0000", "userName": "alice"
        },
        "requestParameters": {"RegionId": "cn-hangzhou", "NetworkInterfaceId": ENI, "InstanceId": INSTANCE},
        "resourceType": "ACS::ECS::NetworkInterface;ACS::ECS::Instance",
        "resourceName": format!("{ENI};{INSTANCE}"),
        "referencedResources": {"ACS::ECS::NetworkInterface": [ENI], "ACS::ECS::Instance": [INSTANCE]},
    });
    for event in [decision, outcome] {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&event[name], value, "{name}");
        }
        assert_eq!(event["eventId"], decision["eventId"]);
        assert_eq!((event.get("errorCode"), event.get("errorMessage")), (None, None));
        let time = event["eventTime"].as_str().unwrap();
        assert!(time.len() == 20 && time.ends_with('Z') && time.parse::<Timestamp>().is_ok(), "{time}");
        let ours = ours(event);
        assert_eq!((&ours["mode"], &ours["verdict"]), (&"enforce".into(), &"Allow".into()));
        assert_eq!(ours["signature"], json!({"scheme": "V1", "verified": true}));
        assert_eq!((&ours["chain"], &ours["replica"]), (&"CHAIN".into(), &"replica-1".into()));
        assert!(ours["policyRevision"].as_str().is_some_and(|revision| !revision.is_empty()));
        assert_eq!(event["additionalEventData"]["Scheme"], "http");
        let resources = ours["decision"]["Resources"].as_array().unwrap();
        assert_eq!(resources.len(), 2);
        let matched = resources[0]["MatchedPolicies"].as_array().unwrap().iter();
        let matched: Vec<_> = matched.map(|policy| policy["PolicyIdentifier"].as_str().unwrap()).collect();
        assert_eq!(matched, ["guardrails", "attach-eni"]);
        assert_eq!(ours["decision"]["AuthAction"], "ecs:AttachNetworkInterface");
    }
    assert_eq!((stage(decision), &ours(decision)["final"]), ("Decision", &false.into()));
    assert_eq!((stage(outcome), &ours(outcome)["final"]), ("Outcome", &true.into()));
    assert_eq!(decision["requestId"], decision["eventId"]);
    assert_eq!(
        (&outcome["requestId"], &outcome["responseElements"]["RequestId"]),
        (&REQUEST_ID.into(), &REQUEST_ID.into())
    );
    let sent = &ours(outcome)["upstream"];
    assert_eq!((&sent["endpoint"], &sent["status"]), (&upstream.address.to_string().into(), &200.into()));
    assert!(sent["latencyMs"].is_u64() && ours(outcome)["httpStatus"] == 200);
}

#[test]
fn a_decision_is_logged_before_the_upstream_is_contacted() {
    let upstream = Arc::new(FakeUpstream::start());
    let (heard, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&upstream));
    let notes = Arc::clone(&heard);
    let sink = ScriptedSink::new(move |event| {
        let event: Value = serde_json::from_str(event).unwrap();
        notes.lock().unwrap().push((stage(&event).to_owned(), asked.connections(), asked.requests().len()));
        Ok(())
    });
    let gateway = TestGateway::start(Setup { sink: Some(Box::new(sink)), ..before(&upstream) });
    assert_eq!(gateway.ask(&Caller::terway().attach(Shape::V3Query)).status, 200);
    assert_eq!(gateway.ask(&Caller::terway().attach(Shape::V1Query)).status, 200);
    let decision = |connections, requests| ("Decision".to_owned(), connections, requests);
    let outcome = |requests| ("Outcome".to_owned(), 1, requests);
    assert_eq!(*heard.lock().unwrap(), [decision(0, 0), outcome(1), decision(1, 1), outcome(2)]);
}

#[test]
fn every_refusal_is_logged_as_it_was_answered() {
    let gateway = TestGateway::start(Setup { keyring: KEYS.to_owned(), ..Setup::default() });
    for dialect in DIALECTS {
        for refused in refusals(dialect) {
            let before = gateway.events().len();
            let answer = gateway.ask(&refused.request);
            let events = gateway.events();
            let situation = format!("{} ({dialect:?})", refused.situation);
            assert_eq!(events.len(), before + 1, "{situation}");
            check_refusal(&events[before], &answer, &situation);
            let denied = refused.situation.ends_with("deny");
            let verdict = match refused.situation {
                "an implicit deny" => "ImplicitDeny",
                "an explicit deny" => "ExplicitDeny",
                _ => "Refused",
            };
            assert_eq!(ours(&events[before])["verdict"], verdict, "{situation}");
            assert_eq!(events[before].get("resourceName").is_some(), denied, "{situation}");
        }
    }
}

#[test]
fn an_identity_is_logged_for_every_kind_of_caller() {
    let mut setup = Setup { keyring: KEYS.to_owned(), ..Setup::default() };
    setup.settings.operations.accept_root = true;
    let gateway = TestGateway::start(setup);
    let role = json!({
        "type": "assumed-role", "principalId": "300000000000000001", "accountId": ACCOUNT,
        "accessKeyId": "LTAI************0000", "userName": "terway"
    });
    let owner = json!({
        "type": "root-account", "principalId": ACCOUNT, "accountId": ACCOUNT,
        "accessKeyId": "LTAI************0000", "userName": "root"
    });
    let mut forger = Caller::alice();
    forger.secret = "guessed".to_owned();
    let claimed = json!({"type": "unknown", "accessKeyId": "LTAI************0000"});
    let cases = [
        ("a role", Caller::terway().attach(Shape::V3Query), role),
        ("the root", root().attach(Shape::V1Query), owner),
        ("a claimed key", forger.attach(Shape::V3Query), claimed),
        (
            "an unknown key",
            stranger().attach(Shape::V1Query),
            json!({"type": "unknown", "accessKeyId": "LTAI************sMe0"}),
        ),
        ("no credential", raw("POST", "/?A=1", &[("Host", "a")], ""), json!({"type": "unknown"})),
        ("a malformed head", b"hello\r\n\r\n".to_vec(), json!({"type": "unknown"})),
    ];
    for (who, request, identity) in cases {
        gateway.ask(&request);
        assert_eq!(gateway.last_event()["userIdentity"], identity, "{who}");
    }
}

#[test]
fn without_a_log_nothing_is_forwarded() {
    let upstream = FakeUpstream::start();
    let full = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&full);
    let script = move |_: &str| match switch.load(Ordering::SeqCst) {
        true => Err(SinkError("no space left on device".to_owned())),
        false => Ok(()),
    };
    let sink = Arc::new(ScriptedSink::blocking(script));
    let gateway = TestGateway::start(Setup { sink: Some(Box::new(Arc::clone(&sink))), ..before(&upstream) });
    for dialect in DIALECTS {
        let answer = gateway.ask(&dialect.attach(&Caller::terway()));
        crate::support::envelope::check(&answer, dialect.format, "a full disk");
        assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"));
    }
    assert_eq!((upstream.connections(), sink.events().len()), (0, 0));
    full.store(false, Ordering::SeqCst);
    assert_eq!(gateway.ask(&Caller::terway().attach(Shape::V1Query)).status, 200);
    assert_eq!((upstream.requests().len(), sink.events().len()), (1, 2));
}

#[test]
fn a_log_that_is_slow_for_one_call_does_not_stop_the_others() {
    let upstream = FakeUpstream::start();
    let stuck = Arc::new(AtomicBool::new(true));
    let stalled = Arc::new(AtomicUsize::new(0));
    let (switch, count) = (Arc::clone(&stuck), Arc::clone(&stalled));
    let sink = ScriptedSink::blocking(move |event| {
        if event.contains("slow-agent") {
            count.fetch_add(1, Ordering::SeqCst);
            wait_for("the disk", || !switch.load(Ordering::SeqCst));
        }
        Ok(())
    });
    let gateway = TestGateway::start(Setup { sink: Some(Box::new(sink)), ..before(&upstream) });
    let address = gateway.address;
    // More calls than the runtime has threads.
    let waiting: Vec<_> = (0..4)
        .map(|_| Caller::terway().attach(Shape::V1Query))
        .map(|request| tampered(&request, "\r\n\r\n", "\r\nUser-Agent: slow-agent\r\n\r\n"))
        .map(|request| thread::spawn(move || crate::support::exchange(address, &request)))
        .collect();
    wait_for("the slow calls", || stalled.load(Ordering::SeqCst) == 4);
    for _ in 0..5 {
        assert_eq!(gateway.ask(&Caller::alice().attach(Shape::V3Query)).status, 200);
    }
    assert_eq!(upstream.requests().len(), 5, "no call is sent before it is logged");
    stuck.store(false, Ordering::SeqCst);
    for call in waiting {
        assert_eq!(call.join().unwrap().status, 200);
    }
    assert_eq!(upstream.requests().len(), 9);
}

#[test]
fn a_call_that_times_out_waiting_for_the_log_is_never_forwarded() {
    let upstream = FakeUpstream::start();
    let stuck = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&stuck);
    let sink = Arc::new(ScriptedSink::blocking(move |_| {
        wait_for("the disk", || !switch.load(Ordering::SeqCst));
        Ok(())
    }));
    let mut setup = Setup { sink: Some(Box::new(Arc::clone(&sink))), ..before(&upstream) };
    setup.settings.limits.call_timeout = Duration::from_millis(200);
    let gateway = TestGateway::start(setup);
    let answer = gateway.ask(&Caller::terway().attach(Shape::V1Query));
    assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"));
    assert!(answer.message().contains("nothing was forwarded"), "{answer:?}");
    stuck.store(false, Ordering::SeqCst);
    wait_for("both lines", || sink.events().len() == 2);
    let finals: BTreeSet<_> = sink.events().iter().map(|event| ours(event)["final"].to_string()).collect();
    assert_eq!(finals.len(), 2, "the decision, and the refusal that followed");
    assert_eq!(upstream.requests(), [""; 0], "a permit that is logged too late is void");
}

#[test]
fn a_panic_of_the_log_is_answered() {
    let upstream = FakeUpstream::start();
    for make in [ScriptedSink::new, ScriptedSink::blocking] {
        let sink = make(|_: &str| panic!("in the test"));
        let gateway = TestGateway::start(Setup { sink: Some(Box::new(sink)), ..before(&upstream) });
        for dialect in DIALECTS {
            let answer = gateway.ask(&dialect.attach(&Caller::terway()));
            crate::support::envelope::check(&answer, dialect.format, "a log that panics");
            assert_eq!((answer.status, answer.code().as_str()), (500, "InternalError"));
        }
    }
    assert_eq!(upstream.requests(), [""; 0]);
}

#[test]
fn refused_attempts_beyond_the_budget_are_counted_in_summaries() {
    let gateway = with_budgets(
        PerMinute { refused_lines: 5, ..PerMinute::OF_PRINCIPAL },
        PerMinute { refused_lines: 3, ..PerMinute::OF_SOURCE },
    );
    for _ in 0..10 {
        assert_eq!(gateway.ask(&stranger().attach(Shape::V1Query)).code(), "InvalidAccessKeyId.NotFound");
        assert_eq!(gateway.ask(&Caller::bob().attach(Shape::V1Query)).code(), "Forbidden.SubUser");
    }
    // A caller with a budget of its own is still logged.
    assert_eq!(gateway.ask(&Caller::terway().attach(Shape::V1Query)).status, 200);
    let count = |code: &str| gateway.events().iter().filter(|event| event["errorCode"] == code).count();
    assert_eq!((count("Forbidden.SubUser"), count("InvalidAccessKeyId.NotFound")), (5, 3));
    gateway.shutdown.cancel();
    let summaries = || gateway.events().into_iter().filter(|event| stage(event) == "Summary").collect::<Vec<_>>();
    wait_for("the summaries", || summaries().len() == 2);
    let summary = |code: &str| summaries().into_iter().find(|event| event["errorCode"] == code).unwrap();
    let denied = summary("Forbidden.SubUser");
    assert_eq!(
        denied["userIdentity"],
        json!({"type": "ram-user", "principalId": "200000000000000002", "accountId": ACCOUNT, "userName": "bob"})
    );
    let counted = &ours(&denied)["summary"];
    let expected = (&"principal".into(), &5.into(), &2.into());
    assert_eq!((&counted["of"], &counted["attempts"], &counted["resources"]), expected);
    assert_eq!(counted["operations"], json!(["AttachNetworkInterface"]));
    let unknown = summary("InvalidAccessKeyId.NotFound");
    let counted = &ours(&unknown)["summary"];
    let expected = (&"source".into(), &"127.0.0.1".into(), &7.into());
    assert_eq!((&counted["of"], &counted["source"], &counted["attempts"]), expected);
}

/// A verified call that exceeds its principal's nonces still counts as the principal's. Unknown callers at the same
/// address, which have used up the lines of the source, do not keep it out of the log.
#[test]
fn a_call_beyond_its_principals_nonces_is_logged_under_the_principal() {
    let gateway = with_budgets(
        PerMinute { nonces: 2, ..PerMinute::OF_PRINCIPAL },
        PerMinute { refused_lines: 1, ..PerMinute::OF_SOURCE },
    );
    for _ in 0..3 {
        gateway.ask(&stranger().attach(Shape::V3Query));
    }
    let statuses: Vec<u16> = (0..3).map(|_| gateway.ask(&Caller::bob().attach(Shape::V3Query)).status).collect();
    assert_eq!(statuses, [403, 403, 400]);
    let event = gateway.last_event();
    assert_eq!(
        (&event["errorCode"], &event["userIdentity"]["userName"]),
        (&json!("Throttling.User"), &json!("bob")),
        "{event}"
    );
}

#[test]
fn the_line_of_a_refused_call_has_a_bounded_length() {
    let gateway = TestGateway::demo();
    let quotes = "\"".repeat(256);
    let many: Vec<(String, String)> = (0..80).map(|at| (format!("P{at}"), quotes.clone())).collect();
    let mut business: Vec<(&str, &str)> = attach_parameters().to_vec();
    business.extend(many.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    for shape in [Shape::V1Form, Shape::V3Form] {
        let answer = gateway.ask(&Caller::bob().request(shape, &business));
        assert!(answer.status >= 400, "{answer:?}");
        let event = gateway.last_event();
        assert!(event.to_string().len() < 16 << 10, "{}", event.to_string().len());
        assert!(ours(&event)["cut"]["parameters"].as_u64().unwrap() > 60, "{event}");
    }
}

#[test]
fn a_panic_is_answered_and_logged_and_the_gateway_continues() {
    let upstream = FakeUpstream::start();
    for dialect in DIALECTS {
        let gateway = TestGateway::start(Setup { nonces: Some(Arc::new(Panicking)), ..before(&upstream) });
        let mut caller = Caller::terway();
        caller.nonce = Some("panic".to_owned());
        let answer = gateway.ask(&dialect.attach(&caller));
        crate::support::envelope::check(&answer, dialect.format, "a panic");
        assert_eq!((answer.status, answer.code().as_str()), (500, "InternalError"), "{dialect:?}");
        assert!(!answer.body.contains("in the test"), "the answer does not reveal the panic: {answer:?}");
        let event = gateway.last_event();
        check_refusal(&event, &answer, "a panic");
        assert_eq!(
            (&ours(&event)["verdict"], &event["eventName"]),
            (&"Error".into(), &"AttachNetworkInterface".into())
        );
        assert_eq!(event["userIdentity"]["accessKeyId"], "LTAI************0000");
        assert_eq!(upstream.requests(), [""; 0]);
        assert_eq!(gateway.ask(&dialect.attach(&Caller::bob())).status, 403, "the gateway continues");
    }
}

#[test]
fn an_unknown_outcome_is_logged_as_unknown() {
    let upstream = FakeUpstream::behaving(Behaviour::Close);
    let gateway = TestGateway::before(&upstream.url());
    let answer = gateway.ask(&Caller::terway().attach(Shape::V1Query));
    let outcome = gateway.last_event();
    assert_eq!((stage(&outcome), &ours(&outcome)["verdict"]), ("Outcome", &"Allow".into()));
    assert_eq!((&outcome["errorCode"], &outcome["errorMessage"]), (&answer.code().into(), &answer.message().into()));
    assert!(ours(&outcome)["reason"].as_str().unwrap().contains("the outcome is unknown"));
    assert_eq!((outcome.get("responseElements"), &ours(&outcome)["httpStatus"]), (None, &503.into()));
}

#[test]
fn an_upstream_error_without_a_code_is_not_logged_as_a_success() {
    let page = upstream::json(502, "<html>Bad Gateway</html>", "");
    let upstream = FakeUpstream::behaving(Behaviour::Answer(page));
    let gateway = TestGateway::before(&upstream.url());
    let answer = gateway.ask(&Caller::terway().attach(Shape::V1Query));
    assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "clients do not understand HTML");
    let outcome = gateway.last_event();
    assert_eq!((outcome.get("responseElements"), &ours(&outcome)["httpStatus"]), (None, &503.into()));
    assert_eq!((&outcome["requestId"], &ours(&outcome)["upstream"]["status"]), (&REQUEST_ID.into(), &502.into()));
}

#[test]
fn concurrent_calls_write_one_chain_to_the_log_on_disk() {
    for sync in [SyncMode::Always, SyncMode::Group, SyncMode::None] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let upstream = FakeUpstream::start();
        let clocks = Clocks { now: ramgate::gateway::now, elapsed: ramgate::gateway::steady };
        let sink = FileSink::open(FileSettings { sync, ..FileSettings::new(&path, clocks) }).unwrap();
        let gateway = TestGateway::start(Setup { sink: Some(Box::new(sink)), ..before(&upstream) });
        thread::scope(|scope| {
            for shape in crate::support::caller::SHAPES {
                let gateway = &gateway;
                scope.spawn(move || {
                    for _ in 0..5 {
                        assert_eq!(gateway.ask(&Caller::terway().attach(shape)).status, 200);
                        assert_eq!(gateway.ask(&Caller::bob().attach(shape)).status, 403);
                    }
                });
            }
        });
        let events = verified(&path);
        assert_eq!(events.len(), crate::support::caller::SHAPES.len() * 5 * 3);
        for decision in events.iter().filter(|event| ours(event)["final"] == false) {
            let same = events.iter().filter(|event| event["eventId"] == decision["eventId"]);
            assert_eq!(same.map(stage).collect::<Vec<_>>(), ["Decision", "Outcome"], "in this order");
        }
    }
}

/// Panics in the middle of a call if its nonce is `panic`.
struct Panicking;

impl NonceMemory for Panicking {
    fn remember(&self, signed: SignedNonce<'_>, _: Timestamp) -> Result<(), NonceError> {
        assert_ne!(signed.nonce, "panic", "in the test");
        Ok(())
    }
}

fn check_refusal(event: &Value, answer: &Answer, situation: &str) {
    let message = answer.message().replace("&quot;", "\"").replace("&apos;", "'");
    assert_eq!(event["errorCode"], answer.code(), "{situation}");
    assert_eq!(event["errorMessage"], message, "{situation}");
    assert_eq!((&event["requestId"], &event["eventId"]), (&answer.field("RequestId").into(), &event["requestId"]));
    let ours = ours(event);
    assert_eq!((&ours["stage"], &ours["final"]), (&"Decision".into(), &true.into()), "{situation}");
    assert_eq!(ours["httpStatus"], answer.status, "{situation}");
    assert!(ours["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{situation}");
    assert!(ours.get("upstream").is_none() && event.get("responseElements").is_none(), "{situation}");
}

fn ours(event: &Value) -> &Value {
    &event["additionalEventData"]["gateway"]
}

fn stage(event: &Value) -> &str {
    ours(event)["stage"].as_str().expect("a stage")
}

fn with_budgets(principal: PerMinute, source: PerMinute) -> TestGateway {
    let budgets = BudgetLimits { principal, source, ..BudgetLimits::default() };
    TestGateway::start(Setup { budgets, ..Setup::default() })
}

fn before(upstream: &FakeUpstream) -> Setup {
    Setup { upstream: Some(upstream.url()), ..Setup::default() }
}

/// The events of a log, after its chain has been recomputed line by line.
fn verified(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a log");
    assert!(text.ends_with('\n'));
    let mut previous = "0".repeat(64);
    let lines = text.lines().enumerate().map(|(at, line)| {
        let parsed: Value = serde_json::from_str(line).expect("a line of JSON");
        crate::support::schema::check_line(&parsed);
        assert_eq!((&parsed["seq"], &parsed["prev"]), (&(at + 1).into(), &previous.as_str().into()));
        previous =
            digest::digest(&digest::SHA256, line.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
        parsed["event"].clone()
    });
    lines.collect()
}
