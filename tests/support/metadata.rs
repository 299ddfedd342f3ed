//! A fake metadata service of an ECS instance. In hardened mode it answers only requests with a token.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ram_policy::Principal;
use ramgate::gateway::now;
use ramgate::identity::{Credential, KeyStatus, Secret, format_timestamp};

use super::FakeUpstream;
use super::upstream::{Behaviour, json};

pub const ROLE: &str = "gateway-role";

pub struct Metadata {
    pub server: FakeUpstream,
    gives: Arc<Mutex<Gives>>,
}

/// How the service answers.
#[derive(Clone, Debug)]
pub enum Gives {
    /// This key, to requests for the role that carry a valid token.
    Key(String),
    /// This key, to all requests for the role: the service does not support tokens.
    Unhardened(String),
    /// These bytes, to every request.
    Answer(Vec<u8>),
}

/// A key of the role.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    pub id: &'static str,
    pub secret: &'static str,
    pub token: &'static str,
}

pub const FIRST: Given = Given { id: "STS.first", secret: "hunter2-first", token: "CAIS-hunter2-token+first/==" };
pub const SECOND: Given = Given { id: "STS.second", secret: "hunter2-second", token: "CAIS-hunter2-token+second/==" };

impl Given {
    /// The service's answer with this key, which expires after `left`.
    pub fn lasting(&self, left: Duration) -> String {
        self.until(&format_timestamp(now() + left))
    }

    pub fn until(&self, expiration: &str) -> String {
        serde_json::json!({
            "AccessKeyId": self.id, "AccessKeySecret": self.secret, "SecurityToken": self.token,
            "Expiration": expiration, "LastUpdated": format_timestamp(now()), "Code": "Success",
        })
        .to_string()
    }

    /// The key without its token, for checking signatures.
    pub fn credential(&self) -> Credential {
        let principal = Principal::new(super::ACCOUNT.parse().unwrap(), "root".parse().unwrap());
        Credential::new(self.id.parse().unwrap(), &Secret::new(self.secret), principal, KeyStatus::Active)
    }
}

impl Metadata {
    pub fn start(gives: Gives) -> Self {
        let gives = Arc::new(Mutex::new(gives));
        let (shared, tokens) = (Arc::clone(&gives), Mutex::new(Vec::new()));
        let server = FakeUpstream::answering(move |request| {
            let header = |name: &str| {
                let mut lines = request.lines().skip(1).filter_map(|line| line.split_once(": "));
                lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            };
            let hardened = |answer: &str| {
                let mut tokens = tokens.lock().unwrap();
                if request.starts_with("PUT /latest/api/token ") {
                    let ttl = header("X-aliyun-ecs-metadata-token-ttl-seconds").and_then(|ttl| ttl.parse::<u32>().ok());
                    if !ttl.is_some_and(|ttl| (1..=21_600).contains(&ttl)) {
                        return json(400, "no ttl", "");
                    }
                    let token = format!("TOKEN-{}==", tokens.len());
                    tokens.push(token.clone());
                    return json(200, &token, "");
                }
                let token = header("X-aliyun-ecs-metadata-token");
                if !token.is_some_and(|token| tokens.iter().any(|given| given == token)) {
                    return json(403, "no token", "");
                }
                of_the_role(request, answer)
            };
            Behaviour::Answer(match &*shared.lock().unwrap() {
                Gives::Key(answer) => hardened(answer),
                Gives::Unhardened(_) if request.starts_with("PUT ") => json(405, "", ""),
                Gives::Unhardened(answer) => of_the_role(request, answer),
                Gives::Answer(answer) => answer.clone(),
            })
        });
        Self { server, gives }
    }

    pub fn give(&self, gives: Gives) {
        *self.gives.lock().unwrap() = gives;
    }

    pub fn url(&self) -> String {
        self.server.url()
    }
}

fn of_the_role(request: &str, answer: &str) -> Vec<u8> {
    let place = format!("GET /latest/meta-data/ram/security-credentials/{ROLE} ");
    if request.starts_with(&place) { json(200, answer, "") } else { json(404, "not found", "") }
}
