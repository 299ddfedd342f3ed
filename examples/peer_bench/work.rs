//! The workloads: users with RAM documents, and requests with the expected answers.
//!
//! Generated from a fixed seed, so that every run, and every other engine with the same data, decides the same
//! requests.

use std::net::Ipv4Addr;

use serde::{Serialize, Serializer};

const ACTION: &str = "ecs:AttachNetworkInterface";
const ACCOUNT: &str = "1234567890123456";
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// One data set.
pub(crate) struct Workload {
    /// Each user's name, and the texts of the documents that are attached to the user.
    pub(crate) users: Vec<(String, Vec<String>)>,
    pub(crate) requests: Vec<Request>,
    pub(crate) documents: usize,
    pub(crate) statements: usize,
}

/// A call as strings, before anything is parsed.
pub(crate) struct Request {
    pub(crate) user: String,
    pub(crate) action: &'static str,
    /// The ENI, then the instance.
    pub(crate) resources: [String; 2],
    pub(crate) ip: String,
    /// The expected verdict, from a scan over all statements of the user.
    pub(crate) allow: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum UnknownWorkload {
    #[error("unknown workload `{0}`: use W1, W2, W3, S1:<statements of one user> or S2:<documents, ten a user>")]
    Name(String),
    #[error("workload `{0}`: the size after the colon must be a whole number from 1 to {MOST}")]
    Size(String),
}

/// With a larger size, the texts do not fit into the memory of an ordinary machine.
const MOST: usize = 10_000_000;

impl Workload {
    /// * `W1`: one user with 5 small documents.
    /// * `W2`: one user with 100 statements, of which only the last allows the calls.
    /// * `W3`: 1,000 users with 10 small documents each.
    /// * `S1:n`: as W2, with n statements.
    /// * `S2:n`: n small documents, 10 a user.
    pub(crate) fn named(name: &str) -> Result<Self, UnknownWorkload> {
        let size = |text: &str| match text.parse() {
            Ok(size @ 1..=MOST) => Ok(size),
            _ => Err(UnknownWorkload::Size(name.to_owned())),
        };
        let users: Vec<User> = match name.split_once(':') {
            None if name == "W1" => vec![User::new(0, small_documents(0, 5))],
            None if name == "W2" => vec![User::new(0, long_documents(100))],
            None if name == "W3" => (0..1000).map(|at| User::new(at, small_documents(at, 10))).collect(),
            Some(("S1", text)) => vec![User::new(0, long_documents(size(text)?))],
            Some(("S2", text)) => {
                let documents = size(text)?;
                let each = documents.min(10);
                (0..documents.div_ceil(10)).map(|at| User::new(at, small_documents(at, each))).collect()
            }
            _ => return Err(UnknownWorkload::Name(name.to_owned())),
        };
        Ok(Self {
            requests: requests(&users),
            documents: users.iter().map(|user| user.documents.len()).sum(),
            statements: users.iter().map(|user| user.statements().count()).sum(),
            users: users.into_iter().map(User::into_texts).collect(),
        })
    }
}

struct User {
    name: String,
    documents: Vec<Document>,
}

/// The fields are in the order in which they are serialized.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: Effect,
    action: Vec<String>,
    resource: Vec<String>,
    #[serde(rename = "Condition", skip_serializing_if = "Option::is_none", serialize_with = "source_ip")]
    block: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
enum Effect {
    Allow,
    Deny,
}
use Effect::{Allow, Deny};

fn source_ip<S: Serializer>(block: &Option<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::json!({"IpAddress": {"acs:SourceIp": [block]}}).serialize(serializer)
}

impl Statement {
    fn new(effect: Effect, action: &[&str], resource: &[String]) -> Self {
        let action = action.iter().map(|&action| action.to_owned()).collect();
        Self { effect, action, resource: resource.to_vec(), block: None }
    }

    fn only_from(mut self, block: &'static str) -> Self {
        self.block = Some(block);
        self
    }

    fn applies(&self, resource: &str, ip: &str) -> bool {
        self.action.iter().any(|pattern| matches(pattern, ACTION))
            && self.resource.iter().any(|pattern| matches(pattern, resource))
            && self.block.is_none_or(|block| contains(block, ip))
    }
}

impl User {
    fn new(at: usize, documents: Vec<Vec<Statement>>) -> Self {
        let documents = documents.into_iter().map(|statement| Document { version: "1", statement }).collect();
        Self { name: format!("u{at}"), documents }
    }

    fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.documents.iter().flat_map(|document| &document.statement)
    }

    /// The reference: a scan without an index, which ends early only at a Deny.
    fn may_attach(&self, resources: &[String; 2], ip: &str) -> bool {
        resources.iter().all(|resource| {
            let mut effects = self.statements().filter(|it| it.applies(resource, ip)).map(|it| it.effect).peekable();
            effects.peek().is_some() && effects.all(|effect| effect == Allow)
        })
    }

    fn into_texts(self) -> (String, Vec<String>) {
        let text = |document| serde_json::to_string(document).expect("strings and lists always serialize");
        let texts = self.documents.iter().map(text).collect();
        (self.name, texts)
    }
}

fn ecs(region: &str, rest: &str) -> String {
    format!("acs:ecs:{region}:{ACCOUNT}:{rest}")
}

fn any() -> [String; 1] {
    ["*".to_owned()]
}

fn protected() -> Statement {
    Statement::new(Deny, &["ecs:*"], &["acs:ecs:*:*:instance/*-protected*".to_owned()])
}

/// The first three documents decide the measured calls. The others are the unrelated policies that a real user has.
fn small_documents(user: usize, count: usize) -> Vec<Vec<Statement>> {
    let eni = ecs("cn-hangzhou", "eni/*");
    let instance = ecs("cn-hangzhou", &format!("instance/i-u{user}-*"));
    let attach = ["ecs:AttachNetworkInterface", "ecs:DetachNetworkInterface"];
    let mut documents = vec![
        vec![Statement::new(Allow, &attach, &[eni]).only_from("10.0.0.0/8")],
        vec![Statement::new(Allow, &["ecs:Attach*"], &[instance])],
        vec![protected()],
    ];
    documents.extend((3..count).map(|at| noise(user, at)));
    documents.truncate(count);
    documents
}

fn noise(user: usize, at: usize) -> Vec<Statement> {
    let allow = |action: &[&str], resource: &[String]| Statement::new(Allow, action, resource);
    match at % 7 {
        0 => {
            let instance = ecs("cn-beijing", &format!("instance/i-u{user}-*"));
            vec![allow(&["ecs:AttachNetworkInterface"], &[ecs("cn-beijing", "eni/*"), instance])]
        }
        1 => vec![allow(&["vpc:*"], &[format!("acs:vpc:cn-hangzhou:{ACCOUNT}:vpc/vpc-{user}-*")])],
        2 => vec![
            allow(&["slb:Describe*", "slb:Add*"], &["acs:slb:*:*:*".to_owned()]),
            Statement::new(Deny, &["slb:Delete*"], &any()),
        ],
        3 => vec![allow(&["ecs:Describe*"], &any())],
        4 => vec![allow(&["oss:GetObject", "oss:PutObject"], &[format!("acs:oss:*:*:bucket-{user}-{at}/*")])],
        5 => vec![
            allow(&["rds:Describe*"], &any()),
            allow(&["rds:CreateBackup"], &[format!("acs:rds:cn-hangzhou:{ACCOUNT}:dbinstance/rm-{user}-*")]),
        ],
        _ => {
            let instance = ecs("cn-hangzhou", &format!("instance/i-u{user}-*"));
            vec![allow(&["ecs:RunInstances", "ecs:StartInstance"], &[instance])]
        }
    }
}

/// `count` statements in documents of 100. Only the last one allows the measured calls, and one in the middle denies
/// some.
fn long_documents(count: usize) -> Vec<Vec<Statement>> {
    let allow = |action: &[&str], resource: String| Statement::new(Allow, action, &[resource]);
    let mut statements: Vec<Statement> = (0..count - 1)
        .map(|at| match at % 4 {
            0 => allow(&["ecs:AttachNetworkInterface"], ecs("cn-hangzhou", &format!("instance/i-dev{at}-*"))),
            1 => Statement::new(Allow, &["ecs:Describe*", "ecs:List*"], &any()),
            2 => allow(&["ecs:Attach*"], ecs("cn-beijing", &format!("eni/eni-{at}-*"))).only_from("10.0.0.0/8"),
            _ => allow(&["oss:GetObject"], format!("acs:oss:*:*:bucket-{at}/*")),
        })
        .collect();
    if count > 4 {
        statements[count / 2] = protected();
    }
    let ours = [ecs("cn-hangzhou", "eni/*"), ecs("cn-hangzhou", "instance/i-u0-*")];
    statements.push(Statement::new(Allow, &["ecs:AttachNetworkInterface"], &ours).only_from("10.0.0.0/8"));
    statements.chunks(100).map(<[_]>::to_vec).collect()
}

/// Every second request must be refused: in turn for its address, its instance, an explicit Deny, and its region.
fn requests(users: &[User]) -> Vec<Request> {
    let mut random = Random(SEED);
    // Fewer requests for a user with very many statements, because the reference answers each of them first.
    let most = users.iter().map(|user| user.statements().count()).max().unwrap_or(1);
    let count = (20_000_000 / most).clamp(64, 4096) & !7;
    (0..count)
        .map(|at| {
            let owner = random.below(users.len());
            let mut eni = ecs("cn-hangzhou", &format!("eni/eni-{}", random.id()));
            let mut instance = ecs("cn-hangzhou", &format!("instance/i-u{owner}-{}", random.id()));
            let mut ip = format!("10.{}.{}.{}", random.below(256), random.below(256), random.below(256));
            match at % 8 {
                1 => ip = format!("192.0.2.{}", random.below(256)),
                3 => instance = ecs("cn-hangzhou", &format!("instance/i-x{owner}-{}", random.id())),
                5 => instance = ecs("cn-hangzhou", &format!("instance/i-u{owner}-protected-{}", random.below(1000))),
                7 => eni = ecs("cn-shanghai", &format!("eni/eni-{}", random.id())),
                _ => {}
            }
            let user = &users[owner];
            let resources = [eni, instance];
            let allow = user.may_attach(&resources, &ip);
            Request { user: user.name.clone(), action: ACTION, resources, ip, allow }
        })
        .collect()
}

/// xorshift64*: gives the same numbers everywhere, while the generator of a crate may change with its version.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    fn id(&mut self) -> String {
        const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        (0..12).map(|_| char::from(ALPHABET[self.below(36)])).collect()
    }
}

/// `*` matches any run of bytes, `?` one byte. It shares no code with the engine's matcher, because it checks it.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut retry) = (0, 0, None);
    while t < text.len() {
        match (pattern.get(p), retry) {
            (Some(b'*'), _) => {
                retry = Some((p + 1, t));
                p += 1;
            }
            (Some(&byte), _) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            (_, Some((after, from))) => {
                retry = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
            (_, None) => return false,
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

fn contains(block: &str, ip: &str) -> bool {
    let (network, length) = block.split_once('/').expect("the blocks above have a length");
    let bits = |text: &str| u32::from(text.parse::<Ipv4Addr>().expect("the addresses above are IPv4"));
    let length: u32 = length.parse().expect("the blocks above have a number for a length");
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    bits(network) & mask == bits(ip) & mask
}
