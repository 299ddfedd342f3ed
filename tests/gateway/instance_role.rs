//! The gateway's own key from its instance's RAM role: read before the gateway listens, replaced while it runs, and
//! never used after it expires.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::caller::Shape;
use crate::support::metadata::{FIRST, Given, Gives, Metadata, ROLE, SECOND};
use crate::support::program::{Ran, Server, close_to_others, finish, program};
use crate::support::upstream::{Behaviour, json, success};
use crate::support::{Answer, Caller, FakeUpstream};
use ramgate::identity::{Claim, Signed};
use ramgate::testing::wire::{FormLimits, Head, HeadLimits, read_parameters};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

const HOURS: Duration = Duration::from_secs(6 * 3600);
const ALL: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
const TAGGED: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*",
    "Condition": {"StringEquals": {"acs:ResourceTag/team": "network"}}}]}"#;

/// The folder of a gateway with these keys in front of that upstream. Its log level is `trace`.
struct Setting {
    folder: TempDir,
}

impl Setting {
    fn new(upstream: &FakeUpstream, keys: &str, more: &str, policy: &str) -> Self {
        let folder = tempdir().unwrap();
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            close_to_others(&folder.path().join(name));
        };
        fs::create_dir(folder.path().join("policies")).unwrap();
        write("policies/account.toml", "account = \"1234567890123456\"\n[users.app]\npolicies = [\"own\"]\n");
        write("policies/own.json", policy);
        let Caller { id, secret, .. } = caller();
        let key = format!("[[access_key]]\nid = \"{id}\"\nsecret = \"{secret}\"\nprincipal = \"user/app\"\n");
        write("keyring.toml", &key);
        let url = upstream.url();
        let text = format!(
            "listen = \"127.0.0.1:0\"\n[upstream]\nurl = \"{url}\"\nregions = [\"cn-hangzhou\"]\n{keys}\n{more}\n"
        );
        write("ramgate.toml", &text);
        Self { folder }
    }

    /// With the role that this metadata service has.
    fn with_role(upstream: &FakeUpstream, metadata: &Metadata) -> Self {
        Self::new(upstream, &role(ROLE, &metadata.url()), "", ALL)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self) -> Command {
        let mut command = program(self.path(), &["serve", "--config", "ramgate.toml"]);
        // A proxy that does not exist: a request through it would fail.
        command.envs([
            ("RAMGATE_LOG", "trace"),
            ("HTTP_PROXY", "http://127.0.0.1:1"),
            ("http_proxy", "http://127.0.0.1:1"),
        ]);
        command
    }

    fn serve(&self) -> Server {
        Server::start(&mut self.command(), "attempts are written to")
    }

    fn refused(&self) -> Ran {
        let ran = finish(&mut self.command(), "");
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "nothing listens: {ran:?}");
        assert!(!self.path().join("audit.jsonl").exists(), "no log file is created");
        ran
    }

    fn last_event(&self) -> Value {
        let log = fs::read_to_string(self.path().join("audit.jsonl")).unwrap();
        crate::support::schema::checked_lines(&log).pop().unwrap()["event"].take()
    }
}

fn role(name: &str, url: &str) -> String {
    format!("instance_role = \"{name}\"\nmetadata_url = \"{url}\"")
}

fn caller() -> Caller {
    Caller::new("LTAI5tAppOfFirst0000", "one")
}

fn call(server: &Server) -> Answer {
    let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
    crate::support::ask(address, &caller().attach(Shape::V3Query))
}

/// Checks a request as the upstream would: the signature, the key id, and the signed token.
#[track_caller]
fn signed_with(sent: &str, key: &Given) {
    let limits = HeadLimits { head_bytes: 65_536, query_bytes: 65_536, body_bytes: 0, headers: 100 };
    let head = Head::read(sent.as_bytes(), &limits).unwrap();
    let parameters = read_parameters(head.query(), b"", FormLimits { parameters: 20 }).unwrap();
    let signed = Signed::new(&head, &parameters, b"");
    let claim = Claim::read(&signed).unwrap();
    claim.verify(&signed, &key.credential()).unwrap();
    let claimed = claim.fields();
    assert_eq!((claimed.access_key_id, claimed.security_token), (key.id, Some(key.token)));
    assert_eq!(head.header("x-acs-accesskey-id"), Some(key.id));
    let names = head.header("authorization").unwrap().split("SignedHeaders=").nth(1).unwrap();
    let names: Vec<_> = names.split(',').next().unwrap().split(';').collect();
    for name in ["host", "x-acs-accesskey-id", "x-acs-security-token"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

/// Waits longer than `wait_for`, because keys expire and are replaced only after seconds.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "timed out waiting: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn check_no_secret_shown(setting: &Setting, seen: &str) {
    let log = fs::read_to_string(setting.path().join("audit.jsonl")).unwrap_or_default();
    for secret in ["hunter2", "TOKEN-"] {
        assert!(!seen.contains(secret) && !log.contains(secret), "`{secret}` in {seen}{log}");
    }
}

#[test]
fn calls_are_signed_with_the_key_of_the_role() {
    let (upstream, metadata) = (FakeUpstream::start(), Metadata::start(Gives::Key(FIRST.lasting(HOURS))));
    let setting = Setting::with_role(&upstream, &metadata);
    let server = setting.serve();
    for _ in 0..3 {
        let answer = call(&server);
        assert_eq!(answer.status, 200, "{answer:?}");
        signed_with(upstream.requests().last().unwrap(), &FIRST);
    }
    assert_eq!(metadata.server.requests().len(), 2, "one request for a token, and one for a key");
    check_no_secret_shown(&setting, &format!("{}{}", server.stdout(), server.stderr()));
    assert!(server.stderr().contains("read a new key of the instance role"), "{}", server.stderr());
}

/// The key belongs to one account here, and the gateway calls ECS on its own behalf.
#[test]
fn attributes_are_read_with_the_key_of_the_role() {
    let upstream = FakeUpstream::answering(|head| {
        let tags = r#""Tags":{"Tag":[{"TagKey":"team","TagValue":"network"}]}"#;
        let set = |outer: &str, inner: &str, name: &str, id: &str| {
            let body = format!(r#"{{"TotalCount":1,"{outer}":{{"{inner}":[{{"{name}":"{id}",{tags}}}]}}}}"#);
            Behaviour::Answer(json(200, &body, ""))
        };
        if head.contains("x-acs-action: DescribeNetworkInterfaces") {
            set("NetworkInterfaceSets", "NetworkInterfaceSet", "NetworkInterfaceId", crate::support::ENI)
        } else if head.contains("x-acs-action: DescribeInstances") {
            set("Instances", "Instance", "InstanceId", crate::support::INSTANCE)
        } else {
            Behaviour::Answer(success())
        }
    });
    let metadata = Metadata::start(Gives::Key(FIRST.lasting(HOURS)));
    let key = format!("[[upstream.key]]\naccount = \"1234567890123456\"\n{}", role(ROLE, &metadata.url()));
    let setting = Setting::new(&upstream, &key, "[resources]\nsource = \"upstream\"\n", TAGGED);
    let server = setting.serve();
    let answer = call(&server);
    assert_eq!(answer.status, 200, "{answer:?} {}", setting.last_event());
    let requests = upstream.requests();
    assert_eq!(requests.len(), 3, "two look-ups and the call");
    requests.iter().for_each(|sent| signed_with(sent, &FIRST));
}

#[test]
fn other_products_are_called_with_the_key_of_the_role() {
    let (upstream, vpc) = (FakeUpstream::start(), FakeUpstream::start());
    let metadata = Metadata::start(Gives::Key(FIRST.lasting(HOURS)));
    let product = format!(
        "[[product]]\nname = \"vpc\"\nhosts = [\"vpc.test\"]\nversion = \"2016-04-28\"\nurl = \"{}\"\nother = \"evaluate\"",
        vpc.url()
    );
    let setting = Setting::new(&upstream, &role(ROLE, &metadata.url()), &product, ALL);
    let server = setting.serve();
    let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
    let mut caller = caller().calling("DescribeVSwitches");
    caller.host = "vpc.test".to_owned();
    caller.version = "2016-04-28".to_owned();
    let answer = crate::support::ask(address, &caller.request(Shape::V3Query, &[("RegionId", "cn-hangzhou")]));
    assert_eq!(answer.status, 200, "{answer:?} {}", setting.last_event());
    signed_with(&vpc.requests()[0], &FIRST);
}

#[test]
fn a_new_key_is_used_without_a_restart() {
    let first = FIRST.lasting(Duration::from_secs(24));
    let (upstream, metadata) = (FakeUpstream::start(), Metadata::start(Gives::Key(first)));
    let setting = Setting::with_role(&upstream, &metadata);
    let server = setting.serve();
    assert_eq!(call(&server).status, 200);
    signed_with(&upstream.requests()[0], &FIRST);
    metadata.give(Gives::Key(SECOND.lasting(HOURS)));
    eventually("the new key", || {
        assert_eq!(call(&server).status, 200, "no call is refused meanwhile: {}", setting.last_event());
        upstream.requests().last().unwrap().contains(SECOND.id)
    });
    signed_with(upstream.requests().last().unwrap(), &SECOND);
    check_no_secret_shown(&setting, &server.stderr());
}

#[test]
fn nothing_is_forwarded_after_the_key_expires() {
    let (upstream, metadata) =
        (FakeUpstream::start(), Metadata::start(Gives::Key(FIRST.lasting(Duration::from_secs(8)))));
    let setting = Setting::with_role(&upstream, &metadata);
    let server = setting.serve();
    metadata.give(Gives::Answer(json(500, "hunter2", "")));
    assert_eq!(call(&server).status, 200, "the last valid key is used until it expires");
    eventually("the key expires", || call(&server).status == 503);
    let forwarded = upstream.requests().len();
    let answer = call(&server);
    assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "{answer:?}");
    assert_eq!(answer.message(), "the gateway has no valid key of its own at the moment, so nothing was forwarded");
    let event = setting.last_event();
    let gateway = &event["additionalEventData"]["gateway"];
    assert_eq!((&gateway["refusal"], &gateway["httpStatus"]), (&"own-key".into(), &503.into()), "{event}");
    let reason = gateway["reason"].as_str().unwrap();
    assert!(reason.starts_with(&format!("the gateway's key of its instance's role `{ROLE}` expired at ")), "{reason}");
    assert_eq!(upstream.requests().len(), forwarded, "nothing was forwarded");
    let log = server.stderr();
    assert!(log.contains("it answered 500; the previous key is used until"), "{log}");
    eventually("the log says that there is no newer key", || server.stderr().contains("and there is no newer one"));

    metadata.give(Gives::Key(SECOND.lasting(HOURS)));
    eventually("calls succeed with the new key", || call(&server).status == 200);
    signed_with(upstream.requests().last().unwrap(), &SECOND);
    check_no_secret_shown(&setting, &server.stderr());
}

#[test]
fn the_gateway_does_not_start_without_a_key() {
    let good = || FIRST.lasting(HOURS);
    let changed = |name: &str, value: Value| {
        let mut answer: Value = serde_json::from_str(&good()).unwrap();
        answer[name] = value;
        Gives::Key(answer.to_string())
    };
    let hardened = "help: only the hardened mode of instance metadata is used: allow it for this instance";
    let cases = [
        (Gives::Unhardened(good()), "did not return a token: it answered 405", hardened),
        (Gives::Answer(json(404, "", "")), "did not return a token: it answered 404", hardened),
        (Gives::Answer(json(200, "", "")), "did not return a token: it answered 200", hardened),
        (Gives::Answer(json(302, "", "Location: /latest\r\n")), "did not return a token: it answered 302", hardened),
        (Gives::Answer(b"hello\r\n\r\n".to_vec()), "did not answer: ", "or correct `metadata_url`"),
        (
            Gives::Key(FIRST.until("2020-01-01T00:00:00Z")),
            "expired at 2020-01-01T00:00:00Z",
            "help: check the instance's clock",
        ),
        (
            Gives::Key("hunter2".to_owned()),
            "is not a valid key: it is not JSON of the expected form",
            "help: check the role",
        ),
        (Gives::Key("x".repeat(300 << 10)), "or has more than 262144 bytes", "or correct `metadata_url`"),
        (
            changed("SecurityToken", Value::Null),
            "is not a valid key: it has no valid `SecurityToken`",
            "help: check the role",
        ),
        (changed("SecurityToken", "hunter2\r\nx: y".into()), "it has no valid `SecurityToken`", "help: check the role"),
        (changed("AccessKeySecret", 7.into()), "it is not JSON of the expected form", "help: check the role"),
        (changed("Code", "Failed".into()), "it answered `Failed`", "help: check the role"),
    ];
    let upstream = FakeUpstream::start();
    for (gives, words, help) in cases {
        let label = format!("{gives:.60?}");
        let metadata = Metadata::start(gives);
        let setting = Setting::with_role(&upstream, &metadata);
        let ran = setting.refused();
        assert!(ran.stderr.contains(words) && ran.stderr.contains(help), "{label}: {words}: {}", ran.stderr);
        check_no_secret_shown(&setting, &ran.stderr);
        let requests = metadata.server.requests();
        assert!(requests[0].starts_with("PUT /latest/api/token "), "{requests:?}");
        if help == hardened {
            assert_eq!(requests.len(), 1, "{label}: no key is requested without a token");
        }
    }

    let metadata = Metadata::start(Gives::Key(good()));
    let setting = Setting::new(&upstream, &role("another", &metadata.url()), "", ALL);
    let ran = setting.refused();
    assert!(
        ran.stderr.contains("the metadata service does not know the RAM role `another` for this instance"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("help: attach the role to the instance, or correct `instance_role`"), "{ran:?}");

    let setting = Setting::new(&upstream, &role(ROLE, "http://127.0.0.1:1"), "", ALL);
    let ran = setting.refused();
    assert!(ran.stderr.contains("the metadata service at `http://127.0.0.1:1` did not answer: "), "{ran:?}");
    assert!(upstream.requests().is_empty());
}
