//! Several accounts behind one gateway, which has a key of its own in each (`[[upstream.key]]`).

use std::collections::HashMap;

use crate::support::bench::forwarded;
use crate::support::caller::{SHAPES, Shape, attach_parameters};
use crate::support::policies::policies;
use crate::support::upstream::{Behaviour, json, success};
use crate::support::{Bench, Caller, ENI, FakeUpstream, Refused, Setup, TestGateway};
use ram_policy::{AccountId, Principal};
use ramgate::config::{OtherOperations, ResourceSource};
use ramgate::gateway::UpstreamKeys;
use ramgate::identity::{Credential, KeyStatus, Secret};

const FIRST: &str = "1234567890123456";
const SECOND: &str = "2222222222222222";
const THIRD: &str = "3333333333333333";
const ALL: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}]}"#;
const TAGGED: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*",
    "Condition": {"StringEquals": {"acs:ResourceTag/team": "network"}}}]}"#;
const KEYS: [(&str, &str); 2] = [(FIRST, "LTAI5tOwnOfTheFirst0"), (SECOND, "LTAI5tOwnOfTheSecond")];

#[test]
fn a_call_is_signed_with_the_key_of_its_callers_account() {
    let bench = Bench::with(setup(ALL));
    for shape in SHAPES {
        for (caller, account, own) in [(first(), FIRST, KEYS[0].1), (second(), SECOND, KEYS[1].1)] {
            let decision = bench.forwards_attach(account, &caller.attach(shape));
            let sent = bench.upstream.requests().pop().unwrap();
            assert!(sent.contains(&format!("Credential={own},")), "{account}: {sent}");
            assert_eq!(decision["recipientAccountId"], account);
            let judged = &decision["additionalEventData"]["gateway"]["decision"]["Resources"][0]["AuthResource"];
            assert_eq!(*judged, format!("acs:ecs:cn-hangzhou:{account}:eni/{ENI}"));
        }
    }
}

#[test]
fn a_caller_of_an_account_without_a_key_is_refused() {
    let mut setup = setup(ALL);
    setup.settings.operations.other = OtherOperations::Forward;
    let bench = Bench::with(setup);
    let because = "the gateway has no key for the caller's account";
    for shape in SHAPES {
        let refused = Refused::with(403, "Abs.InvalidAccount.NotFound", "account-not-served", because);
        bench.refuses("attach", &third().attach(shape), refused);
        let other = third().calling("DescribeRegions").request(shape, &[("RegionId", "cn-hangzhou")]);
        bench.refuses("another operation", &other, refused);
    }
    assert_eq!(bench.gateway.last_event()["recipientAccountId"], THIRD);
}

#[test]
fn a_denial_in_one_account_does_not_apply_to_another() {
    let mut setup = setup(ALL);
    setup.more_policies[0] = directory(
        SECOND,
        r#"{"Version": "1", "Statement": [
        {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ecs:AttachNetworkInterface", "Resource": "acs:ecs:*:*:eni/*"}]}"#,
    );
    let bench = Bench::with(setup);
    bench.forwards_attach("the first", &first().attach(Shape::V3Query));
    let denied = Refused::with(403, "Forbidden.SubUser", "explicit-deny", "denied by own#1");
    bench.refuses("the second", &second().attach(Shape::V3Query), denied);
}

#[test]
fn attributes_are_read_with_the_key_of_the_callers_account() {
    let upstream = FakeUpstream::answering(|head| {
        let parameters = forwarded(head);
        let tags = r#""Tags":{"Tag":[{"TagKey":"team","TagValue":"network"}]}"#;
        let set = |outer: &str, inner: &str, name: &str, id: &str| {
            format!(r#"{{"TotalCount":1,"{outer}":{{"{inner}":[{{"{name}":"{id}",{tags}}}]}}}}"#)
        };
        if let Some(id) = parameters.get("NetworkInterfaceId.1") {
            let body = set("NetworkInterfaceSets", "NetworkInterfaceSet", "NetworkInterfaceId", id);
            return Behaviour::Answer(json(200, &body, ""));
        }
        match parameters.get("InstanceIds") {
            Some(ids) => {
                let id = ids.trim_matches(['[', ']', '"']);
                Behaviour::Answer(json(200, &set("Instances", "Instance", "InstanceId", id), ""))
            }
            None => Behaviour::Answer(success()),
        }
    });
    let mut setup = Setup { upstream: Some(upstream.url()), ..setup(TAGGED) };
    setup.settings.resources.source = ResourceSource::Upstream;
    let gateway = TestGateway::start(setup);
    for (caller, own) in [(first(), KEYS[0].1), (second(), KEYS[1].1)] {
        let before = upstream.requests().len();
        let answer = gateway.ask(&caller.request(Shape::V3Query, &attach_parameters()));
        assert_eq!(answer.status, 200, "{answer:?}");
        let requests = upstream.requests().split_off(before);
        assert_eq!(requests.len(), 3, "two look-ups and the call");
        assert!(requests.iter().all(|sent| sent.contains(&format!("Credential={own},"))), "{requests:?}");
    }
}

fn setup(document: &str) -> Setup {
    let key = |(account, id): (&str, &str)| {
        let account: AccountId = account.parse().unwrap();
        let principal = Principal::new(account.clone(), "root".parse().unwrap());
        (account, Credential::new(id.parse().unwrap(), &Secret::new("own"), principal, KeyStatus::Active).into())
    };
    let keys: HashMap<_, _> = KEYS.into_iter().map(key).collect();
    let entry = |caller: Caller, account: &str| {
        let Caller { id, secret, .. } = caller;
        format!("[[access_key]]\nid = \"{id}\"\nsecret = \"{secret}\"\nprincipal = \"{account}:user/app\"\n")
    };
    Setup {
        policies: directory(FIRST, document),
        more_policies: vec![directory(SECOND, document), directory(THIRD, document)],
        keyring: entry(first(), FIRST) + &entry(second(), SECOND) + &entry(third(), THIRD),
        upstream_keys: Some(UpstreamKeys::OfAccount(keys)),
        ..Setup::default()
    }
}

fn directory(account: &str, document: &str) -> ramgate::store::PolicyFiles {
    policies(&format!("account = \"{account}\"\n[users.app]\npolicies = [\"own\"]\n"), &[("own", document)])
}

fn first() -> Caller {
    Caller::new("LTAI5tAppOfFirst0000", "one")
}

fn second() -> Caller {
    Caller::new("LTAI5tAppOfSecond000", "two")
}

fn third() -> Caller {
    Caller::new("LTAI5tAppOfThird0000", "three")
}
