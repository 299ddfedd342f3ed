//! The real binary in front of an upstream whose answers a test can change.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::support::caller::Shape;
use crate::support::program::{Server, close_to_others, program};
use crate::support::upstream::{Behaviour, REQUEST_ID, success};
use crate::support::{Answer, Caller, FakeUpstream, ask};

pub const ACCOUNT: &str = "1234567890123456";
pub const ALL: &str = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
pub const FIXED: &str = "access_key_id = \"LTAI5tGatewayItself0\"\nsecret_env = \"OWN_SECRET\"";

/// Texts that identify the gateway, which no caller may see.
const IDENTITY: [&str; 6] = ["LTAI5tGateway", "gateway-user", "AccessDeniedDetail", ACCOUNT, "acs:ram::", "hunter2"];

/// An upstream whose next answers can be changed.
pub struct Ecs {
    pub server: FakeUpstream,
    answer: Arc<Mutex<Vec<u8>>>,
}

impl Ecs {
    pub fn start() -> Self {
        let answer = Arc::new(Mutex::new(success()));
        let shared = Arc::clone(&answer);
        let server = FakeUpstream::answering(move |_| Behaviour::Answer(shared.lock().unwrap().clone()));
        Self { server, answer }
    }

    pub fn answers(&self, answer: Vec<u8>) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Answers with an error in JSON that has further members.
    pub fn refuses(&self, status: u16, code: &str, message: &str) {
        let body = serde_json::json!({
            "Code": code, "Message": message, "RequestId": REQUEST_ID, "HostId": "ecs.aliyuncs.com",
            "AccessDeniedDetail": {"AuthPrincipalDisplayName": "gateway-user", "AuthPrincipalOwnerId": ACCOUNT},
        });
        self.answers(crate::support::upstream::json(status, &body.to_string(), ""));
    }
}

/// A running gateway, its folder, and its admin listener.
pub struct Gateway {
    folder: TempDir,
    pub server: Server,
    pub admin: SocketAddr,
}

impl Gateway {
    /// `keys` are lines of `[upstream]`; `more` follows the section `[admin]`.
    pub fn start(url: &str, keys: &str, more: &str, policy: &str) -> Self {
        let folder = tempdir().unwrap();
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            close_to_others(&folder.path().join(name));
        };
        fs::create_dir(folder.path().join("policies")).unwrap();
        write("policies/account.toml", &format!("account = \"{ACCOUNT}\"\n[users.app]\npolicies = [\"own\"]\n"));
        write("policies/own.json", policy);
        let Caller { id, secret, .. } = caller();
        write(
            "keyring.toml",
            &format!("[[access_key]]\nid = \"{id}\"\nsecret = \"{secret}\"\nprincipal = \"user/app\"\n"),
        );
        let top =
            format!("listen = \"127.0.0.1:0\"\n[upstream]\nurl = \"{url}\"\nregions = [\"cn-hangzhou\"]\n{keys}\n");
        write("ramgate.toml", &format!("{top}[admin]\nlisten = \"127.0.0.1:0\"\n{more}\n"));
        let mut command = program(folder.path(), &["serve", "--config", "ramgate.toml"]);
        command.env("OWN_SECRET", "the gateway's own secret");
        let server = Server::start(&mut command, "attempts are written to");
        let admin = server.address_after("metrics at http://");
        Self { folder, server, admin }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn address(&self) -> SocketAddr {
        self.server.url().strip_prefix("http://").unwrap().parse().unwrap()
    }

    pub fn attach(&self, shape: Shape) -> Answer {
        ask(self.address(), &caller().attach(shape))
    }

    pub fn call(&self, operation: &str, given: &[(&str, &str)]) -> Answer {
        ask(self.address(), &caller().calling(operation).request(Shape::V3Query, given))
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
        let answer = ask(self.admin, request.as_bytes());
        (answer.status, answer.body)
    }

    pub fn ready(&self) -> (u16, String) {
        self.get("/readyz")
    }

    #[track_caller]
    pub fn counts(&self, line: &str) {
        let metrics = self.get("/metrics").1;
        assert!(metrics.lines().any(|other| other == line), "no `{line}` in {metrics}");
    }

    /// The last event of the audit log: the outcome of the last forwarded call.
    pub fn outcome(&self) -> Value {
        let log = fs::read_to_string(self.path().join("audit.jsonl")).unwrap();
        crate::support::schema::checked_lines(&log).pop().unwrap()["event"].take()
    }

    /// The lines of the program's log that contain these words.
    pub fn logged(&self, words: &str) -> Vec<String> {
        self.server.stderr().lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }

    /// Waits for the line, because the log lags behind the answer.
    #[track_caller]
    pub fn logs_once(&self, level: &str, words: &str) -> String {
        eventually(words, || !self.logged(words).is_empty());
        let lines = self.logged(words);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains(level), "{lines:?}");
        lines[0].clone()
    }
}

pub fn caller() -> Caller {
    Caller::new("LTAI5tAppOfFirst0000", "one")
}

/// Checks for a 503 of the gateway itself that does not identify the gateway.
#[track_caller]
pub fn is_unavailable(answer: &Answer, message: &str, case: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "{case}: {answer:?}");
    assert!(answer.message().contains(message), "{case}: {answer:?}");
    let id = answer.field("RequestId");
    assert_eq!(answer.header("x-acs-request-id"), Some(id.as_str()), "{case}");
    assert!(id.len() == 36 && id != REQUEST_ID, "{case}: {answer:?}");
    let all = format!("{answer:?}");
    for word in IDENTITY {
        assert!(!all.contains(word), "{case}: `{word}` in {all}");
    }
}

/// Waits longer than `wait_for`: probes are sent only every 15 s.
#[track_caller]
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(90);
    while !holds() {
        assert!(Instant::now() < end, "timed out waiting: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
