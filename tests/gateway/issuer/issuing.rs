//! A gateway that issues keys, in a process of its own, and a caller that asks it for one.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::support::caller::{FORM, encode, raw};
use crate::support::program::{Server, close_to_others, program, ramgate};
use crate::support::schema::checked_lines;
use crate::support::{Answer, Caller, Shape, ask};
use crate::tokens::made::{Key, SUBJECT, but, claims, set};

pub const ROLE: &str = "acs:ram::1234567890123456:role/terway";
pub const OPERATOR: &str = "acs:ram::1234567890123456:role/operator";
pub const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1";
pub const KEYRING: &str = "[[access_key]]\nid = \"LTAI5tAlice\"\nsecret = \"of-alice\"\nprincipal = \"user/alice\"\n\
                           [[access_key]]\nid = \"LTAI5tBob\"\nsecret = \"of-bob\"\nprincipal = \"user/bob\"\n\
                           [[access_key]]\nid = \"LTAI5tRoot\"\nsecret = \"of-root\"\nprincipal = \"root\"\n";
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/issuer");

/// A gateway with an issuer key, and a token issuer that it trusts.
pub struct Issuing {
    pub server: Server,
    pub address: SocketAddr,
    pub folder: TempDir,
    pub tokens: Key,
}

/// An issued key.
#[derive(Clone, Debug)]
pub struct Issued {
    pub id: String,
    pub secret: String,
    pub token: String,
    pub expiration: String,
}

impl Issuing {
    pub fn start() -> Self {
        Self::with("")
    }

    /// With the fixtures' policies, changed by `change`.
    pub fn with_policies(change: impl FnOnce(&Path)) -> Self {
        let folder = tempdir().unwrap();
        let policies = folder.path().join("policies");
        fs::create_dir(&policies).unwrap();
        for entry in fs::read_dir(FIXTURES).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), policies.join(entry.file_name())).unwrap();
        }
        change(&policies);
        let made = ramgate(folder.path(), &["key", "issuer", "--out", "issuer.key"]);
        assert_eq!(made.status, 0, "{made:?}");
        Self::in_folder(folder, Key::ec("one"), "", "")
    }

    /// With more under `[identity.issuer]`.
    pub fn with(more: &str) -> Self {
        let folder = tempdir().unwrap();
        let made = ramgate(folder.path(), &["key", "issuer", "--out", "issuer.key"]);
        assert_eq!(made.status, 0, "{made:?}");
        Self::in_folder(folder, Key::ec("one"), more, "")
    }

    /// Another replica, with the issuer key and the token issuer of this one.
    pub fn replica(&self) -> Self {
        let folder = tempdir().unwrap();
        fs::copy(self.path("issuer.key"), folder.path().join("issuer.key")).unwrap();
        let tokens = Key::from_pem("one", &self.tokens.pem);
        Self::in_folder(folder, tokens, "", "")
    }

    /// With the policies in the folder, or with the fixtures' if the folder has no policies.
    pub fn in_folder(folder: TempDir, tokens: Key, more: &str, sections: &str) -> Self {
        let policies = if folder.path().join("policies").is_dir() { "policies" } else { FIXTURES };
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            close_to_others(&folder.path().join(name));
        };
        write("keyring.toml", KEYRING);
        write("jwks.json", &set(&[tokens.jwk()]));
        write(
            "ramgate.toml",
            &format!(
                "listen = \"127.0.0.1:0\"\npolicies = [\"{policies}\"]\n[upstream]\nurl = \"simulator\"\n\
                 [[identity.jwt]]\nissuer = \"https://issuer.example\"\nprovider = \"ack-rrsa-c1\"\n\
                 audience = [\"sts.aliyuncs.com\"]\njwks = \"jwks.json\"\n[identity.issuer]\nenabled = true\n\
                 key_file = \"issuer.key\"\n{more}\n{sections}"
            ),
        );
        let mut command = program(folder.path(), &["serve", "--config", "ramgate.toml"]);
        let server = Server::start(&mut command, "attempts are written to");
        let address = server.url().split_once("://").unwrap().1.parse().unwrap();
        Self { server, address, folder, tokens }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The token of a pod, as a cluster issues it.
    pub fn token(&self) -> String {
        self.token_of(SUBJECT)
    }

    pub fn token_of(&self, subject: &str) -> String {
        self.tokens.sign(&but(&self.claims(), "sub", subject.into()))
    }

    pub fn claims(&self) -> Value {
        but(&claims(now()), "aud", "sts.aliyuncs.com".into())
    }

    /// Calls as the Go client does: common parameters in the query, the others in a form.
    pub fn with_oidc(&self, form: &[(&str, &str)]) -> Answer {
        let query = "/?Action=AssumeRoleWithOIDC&Format=JSON&Version=2015-04-01&Timestamp=2026-01-01T00%3A00%3A00Z";
        let host = ("Host", "sts.cn-hangzhou.aliyuncs.com");
        self.ask(&raw("POST", query, &[host, FORM, ("Connection", "close")], &encode(form)))
    }

    pub fn form<'a>(&self, token: &'a str) -> Vec<(&'static str, &'a str)> {
        vec![
            ("RoleArn", ROLE),
            ("OIDCProviderArn", PROVIDER),
            ("OIDCToken", token),
            ("RoleSessionName", "terway-node-1"),
            ("DurationSeconds", "3600"),
        ]
    }

    /// A key for the pod.
    pub fn issued(&self) -> Issued {
        let token = self.token();
        Issued::of(&self.with_oidc(&self.form(&token)))
    }

    pub fn ask(&self, request: &[u8]) -> Answer {
        ask(self.address, request)
    }

    /// Attaches the demo's ENI with a request in that shape.
    pub fn attach(&self, key: &Issued, shape: Shape) -> Answer {
        self.ask(&key.caller().attach(shape))
    }

    /// The audit events, oldest first.
    pub fn events(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.path("audit.jsonl")).unwrap();
        checked_lines(&log).into_iter().map(|mut line| line["event"].take()).collect()
    }

    pub fn last_event(&self) -> Value {
        self.events().pop().unwrap()
    }

    /// Checks that none of the secrets is in the audit log, in the program's log, or on its standard output.
    pub fn never_shows(&self, secrets: &[&str]) {
        let log = fs::read_to_string(self.path("audit.jsonl")).unwrap();
        let texts = format!("{log}{}{}", self.server.stdout(), self.server.stderr());
        for secret in secrets {
            let line = texts.lines().find(|line| line.contains(secret));
            assert!(secret.len() > 5 && line.is_none(), "{secret} was shown: {}", line.unwrap_or_default());
        }
    }
}

impl Issued {
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        Self::read(&body["Credentials"])
    }

    pub fn read(credentials: &Value) -> Self {
        let text = |name: &str| credentials[name].as_str().unwrap_or_else(|| panic!("{credentials}")).to_owned();
        Self {
            id: text("AccessKeyId"),
            secret: text("AccessKeySecret"),
            token: text("SecurityToken"),
            expiration: text("Expiration"),
        }
    }

    pub fn caller(&self) -> Caller {
        Caller { token: Some(self.token.clone()), ..Caller::new(&self.id, &self.secret) }
    }
}

/// The caller, set up for an action of STS.
pub fn sts(caller: Caller, action: &str) -> Caller {
    Caller { action: action.to_owned(), version: "2015-04-01".to_owned(), ..caller }
}

pub fn alice() -> Caller {
    Caller::new("LTAI5tAlice", "of-alice")
}

pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
}

pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
