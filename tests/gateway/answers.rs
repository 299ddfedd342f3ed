//! The answer to each kind of refusal, and the order in which errors are reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::caller::attach_parameters;
use crate::support::refusals::{DIALECTS, Dialect, KEYS, inactive, refusals, stranger, tampered, with};
use crate::support::sink::ScriptedSink;
use crate::support::upstream::Behaviour;
use crate::support::{Answer, Caller, FakeUpstream, PROD_INSTANCE, Setup, TestGateway, envelope};
use ramgate::audit::SinkError;

#[test]
fn every_refusal_has_its_answer() {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::start(Setup { keyring: KEYS.to_owned(), ..before(&upstream) });
    for dialect in DIALECTS {
        for refused in refusals(dialect) {
            let answer = gateway.ask(&refused.request);
            let situation = format!("{} ({dialect:?})", refused.situation);
            envelope::check(&answer, dialect.format, &situation);
            expect(&answer, refused.status, refused.code, refused.message, &situation);
        }
    }
    assert_eq!(upstream.requests(), [""; 0], "no refused call is forwarded");
}

#[test]
fn a_replay_is_refused() {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    for dialect in DIALECTS {
        let request = dialect.attach(&Caller::terway());
        assert_eq!(gateway.ask(&request).status, 200, "{dialect:?}");
        let again = gateway.ask(&request);
        envelope::check(&again, dialect.format, "a replay");
        expect(&again, 400, "SignatureNonceUsed", "has been used", "a replay");
    }
    assert_eq!(upstream.requests().len(), DIALECTS.len(), "a replay is not forwarded");
}

#[test]
fn a_call_that_cannot_be_logged_or_remembered_is_answered_503_and_not_forwarded() {
    for dialect in DIALECTS {
        let upstream = FakeUpstream::start();
        let broken = ScriptedSink::new(|_| Err(SinkError("no space left".to_owned())));
        let gateway = TestGateway::start(Setup { sink: Some(Box::new(broken)), ..before(&upstream) });
        unavailable(&gateway, dialect, "no space left");

        let mut full = before(&upstream);
        full.settings.identity.nonces.capacity = 1;
        full.settings.identity.nonces.share = 1.0;
        let gateway = TestGateway::start(full);
        assert_eq!(gateway.ask(&dialect.attach(&Caller::bob())).status, 403);
        unavailable(&gateway, dialect, "the nonce memory is full");

        let mut shared = before(&upstream);
        shared.settings.identity.nonces.capacity = 2;
        let gateway = TestGateway::start(shared);
        assert_eq!(gateway.ask(&dialect.call(&Caller::terway(), &[])).status, 400);
        unavailable(&gateway, dialect, "the maximum number of nonces of this caller");
        assert_eq!(upstream.requests(), [""; 0], "{dialect:?}");
    }
}

#[test]
fn an_upstream_that_does_not_answer_is_reported_as_unavailable() {
    for dialect in DIALECTS {
        let nowhere = TestGateway::before("http://127.0.0.1:1");
        unavailable(&nowhere, dialect, "nothing was sent");

        let upstream = FakeUpstream::behaving(Behaviour::Silent);
        let mut silent = before(&upstream);
        silent.settings.upstream.timeout = Duration::from_millis(100);
        unavailable(&TestGateway::start(silent), dialect, "the outcome is unknown");
        assert_eq!(upstream.requests().len(), 1, "a call is sent once");
    }
}

#[test]
fn a_caller_that_is_too_slow_gets_an_error_answer() {
    let mut setup = Setup::default();
    setup.settings.limits.header_timeout = Duration::from_millis(200);
    setup.settings.limits.body_timeout = Duration::from_millis(200);
    let gateway = TestGateway::start(setup);
    let head = gateway.ask(b"POST /?Format=JSON HTTP/1.1\r\nHost: a\r\n");
    envelope::check(&head, "JSON", "a slow head");
    expect(&head, 400, "InvalidParameter", "the head was not complete after 200 ms", "a slow head");
    let body = gateway.ask(b"POST /?Format=JSON HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nA=");
    envelope::check(&body, "JSON", "a slow body");
    expect(&body, 400, "InvalidParameter", "the body was not complete after 200 ms", "a slow body");
}

#[test]
fn of_two_errors_the_earlier_one_is_answered() {
    let gateway = TestGateway::start(Setup { keyring: KEYS.to_owned(), ..Setup::default() });
    for dialect in DIALECTS {
        for (errors, request, code) in two_errors(dialect) {
            let answer = gateway.ask(&request);
            assert_eq!(answer.code(), code, "{errors} ({dialect:?}): {answer:?}");
        }
    }
}

#[test]
fn a_denial_is_answered_even_when_the_log_cannot_be_written() {
    let upstream = FakeUpstream::start();
    let down = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&down);
    let sink = ScriptedSink::new(move |_| match switch.load(Ordering::SeqCst) {
        true => Err(SinkError("down".to_owned())),
        false => Ok(()),
    });
    let gateway = TestGateway::start(Setup { sink: Some(Box::new(sink)), ..before(&upstream) });
    let denied = gateway.ask(&DIALECTS[0].attach(&Caller::bob()));
    assert_eq!((denied.status, denied.code().as_str()), (403, "Forbidden.SubUser"));
    assert_eq!(gateway.ask(&DIALECTS[0].attach(&Caller::terway())).status, 503);
    down.store(false, Ordering::SeqCst);
    assert_eq!(gateway.ask(&DIALECTS[0].attach(&Caller::terway())).status, 200);
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_nonce_is_used_up_only_by_a_call_in_time_with_a_good_signature() {
    let gateway = TestGateway::before(&FakeUpstream::start().url());
    for dialect in DIALECTS {
        let mut caller = Caller::terway();
        caller.nonce = Some(format!("nonce of {dialect:?}"));
        let mut forger = caller.clone();
        forger.secret = "guessed".to_owned();
        assert_eq!(gateway.ask(&dialect.attach(&forger)).status, 400);
        let mut stale = caller.clone();
        stale.timestamp = Some("2020-01-01T00:00:00Z".to_owned());
        assert_eq!(gateway.ask(&dialect.attach(&stale)).code(), "InvalidTimeStamp.Expired");
        assert_eq!(gateway.ask(&dialect.attach(&caller)).status, 200, "{dialect:?}");
        let mut stale_replay = caller.clone();
        stale_replay.timestamp = stale.timestamp.clone();
        assert_eq!(gateway.ask(&dialect.attach(&stale_replay)).code(), "InvalidTimeStamp.Expired");
        let replay_of_another = caller.calling("RunInstances");
        assert_eq!(gateway.ask(&dialect.attach(&replay_of_another)).code(), "SignatureNonceUsed");
    }
}

#[test]
fn the_settings_determine_the_answer_to_a_denial() {
    let mut setup = Setup::default();
    setup.settings.denial.code = "Forbidden.RAM".to_owned();
    setup.settings.denial.detail = false;
    setup.settings.denial.recommend = Some("https://runbook.test/{code}?id={request_id}".to_owned());
    let gateway = TestGateway::start(setup);
    for dialect in DIALECTS {
        for denied in refusals(dialect).iter().filter(|refused| refused.code == "Forbidden.SubUser") {
            let answer = gateway.ask(&denied.request);
            envelope::check(&answer, dialect.format, denied.situation);
            expect(&answer, 403, "Forbidden.RAM", "or this API doesn't support RAM.", denied.situation);
            let link = format!("https://runbook.test/Forbidden.RAM?id={}", answer.field("RequestId"));
            assert_eq!(answer.field("Recommend"), link);
            assert!(!answer.body.contains("AccessDeniedDetail"), "{answer:?}");
        }
    }
}

#[test]
fn a_denial_carries_the_detail_that_ram_documents() {
    let gateway = TestGateway::demo();
    let denied = |caller: Caller, instance| {
        gateway.ask(&DIALECTS[0].call(&caller, &with(&[("InstanceId", instance)]))).json()["AccessDeniedDetail"].clone()
    };
    let implicit = denied(Caller::bob(), PROD_INSTANCE);
    assert_eq!(
        implicit,
        serde_json::json!({
            "PolicyType": "AccountLevelIdentityBasedPolicy",
            "AuthPrincipalOwnerId": crate::support::ACCOUNT,
            "AuthPrincipalType": "SubUser",
            "AuthPrincipalDisplayName": "200000000000000002",
            "NoPermissionType": "ImplicitDeny",
            "AuthAction": "ecs:AttachNetworkInterface",
            "AuthResource": format!("acs:ecs:cn-hangzhou:{}:eni/{}", crate::support::ACCOUNT, crate::support::ENI),
        })
    );
    let explicit = denied(Caller::terway(), PROD_INSTANCE);
    assert_eq!(
        (&explicit["NoPermissionType"], &explicit["AuthPrincipalType"]),
        (&"ExplicitDeny".into(), &"AssumedRoleUser".into())
    );
    let resource = explicit["AuthResource"].as_str().unwrap();
    assert!(resource.ends_with(&format!("instance/{PROD_INSTANCE}")), "{resource}");
}

#[test]
fn the_account_root_may_be_accepted() {
    let mut setup = Setup { keyring: KEYS.to_owned(), ..Setup::default() };
    setup.settings.operations.accept_root = true;
    let gateway = TestGateway::start(setup);
    assert_eq!(gateway.ask(&DIALECTS[0].attach(&crate::support::refusals::root())).status, 200);
}

/// Calls with two errors, each with the code of the error that is checked first.
fn two_errors(dialect: Dialect) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let like = |mut caller: Caller, change: &dyn Fn(&mut Caller)| {
        change(&mut caller);
        caller
    };
    let forged = |caller| like(caller, &|caller| caller.secret = "wrong".to_owned());
    let stale = |caller| like(caller, &|caller| caller.timestamp = Some("2020-01-01T00:00:00Z".to_owned()));
    let token = |caller| like(caller, &|caller| caller.token = Some("CAIS".to_owned()));
    let call = |caller: Caller, changes: &[(&'static str, &'static str)]| dialect.call(&caller, &with(changes));
    let (terway, bob) = (Caller::terway, Caller::bob);
    let signature = if dialect.is_v3() { "SignatureDoesNotMatch" } else { "IncompleteSignature" };
    let twice = |request: &[u8]| tampered(request, " HTTP/1.1", "&RegionId=cn-beijing HTTP/1.1");
    let elsewhere = [("RegionId", "cn-beijing")];
    let trunk = ("TrunkNetworkInstanceId", "eni-a");
    let bad_index = ("NetworkCardIndex", "first");
    let mismatch = "InvalidSecurityToken.MismatchWithAccessKey";
    vec![
        ("reading, key", twice(&call(stranger(), &[])), "InvalidParameter"),
        ("reading, signature", twice(&call(forged(terway()), &[])), "InvalidParameter"),
        ("key, clock", call(stale(stranger()), &[]), "InvalidAccessKeyId.NotFound"),
        ("key, region", call(stranger(), &elsewhere), "InvalidAccessKeyId.NotFound"),
        ("signature, key state", call(forged(inactive()), &[]), signature),
        ("signature, token", call(forged(token(terway())), &[]), signature),
        ("signature, clock", call(stale(forged(terway())), &[]), signature),
        ("key state, clock", call(stale(inactive()), &[]), "Abs.InvalidAccount.NotFound"),
        ("key state, token", call(token(inactive()), &[]), "Abs.InvalidAccount.NotFound"),
        ("token, clock", call(stale(token(terway())), &[]), mismatch),
        ("clock, operation", call(stale(terway().calling("RunInstances")), &[]), "InvalidTimeStamp.Expired"),
        ("operation, parameters", call(terway().calling("RunInstances"), &[bad_index]), "Forbidden.NotSupportRAM"),
        ("ENI, region id", call(terway(), &[("RegionId", "X"), ("NetworkInterfaceId", "x")]), "InvalidParams.EniId"),
        ("region id, policy", call(bob(), &[("RegionId", "X")]), "InvalidOperation.InvalidRegion"),
        ("ENI, instance", call(terway(), &[("NetworkInterfaceId", "x"), ("InstanceId", "x")]), "InvalidParams.EniId"),
        ("instance, trunk", call(terway(), &[trunk, ("InstanceId", "x")]), "InvalidInstanceID.Malformed"),
        ("trunk, index", call(terway(), &[bad_index, trunk]), "UnsupportedParameter"),
        ("index, region", call(terway(), &[("RegionId", "cn-beijing"), bad_index]), "InvalidParameter"),
        ("region, policy", call(bob(), &elsewhere), "Forbidden.RegionId"),
        ("parameters, policy", call(bob(), &[bad_index]), "InvalidParameter"),
    ]
}

fn before(upstream: &FakeUpstream) -> Setup {
    Setup { upstream: Some(upstream.url()), ..Setup::default() }
}

fn unavailable(gateway: &TestGateway, dialect: Dialect, message: &str) {
    let answer = gateway.ask(&dialect.call(&Caller::terway(), &attach_parameters()));
    envelope::check(&answer, dialect.format, message);
    expect(&answer, 503, "ServiceUnavailable", message, message);
}

fn expect(answer: &Answer, status: u16, code: &str, message: &str, situation: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{situation}: {answer:?}");
    let text = answer.message().replace("&quot;", "\"").replace("&apos;", "'");
    assert!(text.contains(message), "{situation}: {message}: {answer:?}");
}
