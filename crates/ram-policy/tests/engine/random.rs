//! Random policies and requests in the form of the case file, from pools small enough that they often meet.
//!
//! A strict loader accepts every document. Cases that the rules leave open are not drawn: there is at most one session
//! policy and only with a role, no context has one key in two spellings, no list of request values mixes readable with
//! unreadable ones, and there is no number, date or block that implementations may read differently.

use serde_json::{Map, Value, json};

/// Splitmix64: the same seed gives the same cases on every machine. Bytes that a fuzzer chose come first.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
    chosen: std::collections::VecDeque<u8>,
}

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self { state: seed, chosen: std::collections::VecDeque::new() }
    }

    /// Draws the bytes one by one, and continues from a fixed seed once they are used up.
    #[allow(dead_code, reason = "used by the fuzzer")]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self { state: 0, chosen: bytes.iter().copied().collect() }
    }

    fn draw(&mut self) -> u64 {
        if let Some(byte) = self.chosen.pop_front() {
            return u64::from(byte);
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Copy>(&mut self, pool: &[T]) -> T {
        pool[self.below(pool.len())]
    }
}

const ACCOUNT: &str = "1234567890123456";
const OTHER_ACCOUNT: &str = "9876543210987654";

const LEVELS: [&str; 3] = ["member", "folder:x", "root-folder"];
const SERVICE_LINKED_ROLE: &str = "aliyunserviceroleforexample";

// An entry that occurs several times in a pool is drawn more often.

const HOLDERS: [&str; 14] = [
    "user:alice",
    "user:alice",
    "user:alice",
    "user:alice",
    "user:bob",
    "group:netops",
    "group:netops",
    "group:netops",
    "group:dba",
    "role:eni-attacher",
    "role:eni-attacher",
    "role:eni-attacher",
    "role:Deployer",
    "role:aliyunserviceroleforexample",
];

const ROLES: [&str; 4] =
    ["role:eni-attacher", "role:eni-attacher", "role:Deployer", "role:aliyunserviceroleforexample"];

const ACTIONS: [&str; 20] = [
    "*",
    "*",
    "ecs:*",
    "ecs:*",
    "ecs:**",
    "ecs:Attach*",
    "ecs:Attach*Inter*ce",
    "*:AttachNetworkInterface",
    "ECS:attachnetworkinterface",
    "ecs:AttachNetworkInterface",
    "ecs:AttachNetworkInterface",
    "ecs:?ttachNetworkInterface",
    "ecs:Attach?workInterface",
    "ecs:*Interface",
    "e?s:*",
    "ecs:Describe*",
    "*:Describe*",
    "ecs:DescribeInstances",
    "vpc:*",
    "vpc:DescribeVpcs",
];

const EXCEPTED_ACTIONS: [&str; 8] = [
    "ecs:Describe*",
    "vpc:*",
    "ram:*",
    "ecs:DetachNetworkInterface",
    "vpc:DescribeVpcs",
    "ecs:Attach*",
    "*:attachnetworkinterface",
    "ecs:*",
];

const SERVICES: [&str; 9] = ["ecs", "ecs", "ecs", "ecs", "*", "e?s", "ec*", "**", "vpc"];
const REGIONS: [&str; 12] =
    ["*", "*", "*", "*", "**", "cn-hangzhou", "cn-hangzhou", "cn-*", "*hangzhou*", "cn-??????*", "cn-beijing", ""];
const ACCOUNTS: [&str; 10] = ["*", "*", "*", "*", ACCOUNT, ACCOUNT, "1234*", "*3456", OTHER_ACCOUNT, ""];
const RELATIVE_IDS: [&str; 34] = [
    "*",
    "*",
    "*",
    "**",
    "eni/*",
    "eni/*",
    "eni/eni-*",
    "eni/eni-1",
    "eni/eni-1*",
    "eni/eni-?",
    "eni/**1",
    "*/eni-1",
    "*/eni-*",
    "?ni/*-1*",
    "e*1",
    "instance/*",
    "instance/*",
    "instance/i-*",
    "instance/i-1-prod",
    "instance/i-*-prod*",
    "instance/i-?-*",
    "i*prod",
    "*-prod",
    "*prod*:*",
    "*:*",
    "eni/eni-1:*",
    "eni/*/*",
    "eni/eni-é",
    "eni/eni-?é*",
    "*é",
    "ENI/*",
    "eni",
    "eni/",
    "*/*-*?",
];

const ENI_IDS: [&str; 13] = [
    "eni-1",
    "eni-1",
    "eni-1",
    "eni-1",
    "eni-2",
    "eni-2",
    "eni-12",
    "eni-é",
    "eni-éé",
    "eni-1:prod",
    "x:eni/eni-1",
    "eni-1/a:b",
    "Eni-1",
];
const INSTANCE_IDS: [&str; 12] = [
    "i-1-prod",
    "i-1-prod",
    "i-1-prod",
    "i-1-prod",
    "i-2-dev",
    "i-2-dev",
    "i-12-prod-a",
    "i-é-prod",
    "i-1:prod:x",
    "i-1/prod",
    "i-prod",
    "I-1-PROD",
];
const REQUEST_REGIONS: [&str; 12] = [
    "cn-hangzhou",
    "cn-hangzhou",
    "cn-hangzhou",
    "cn-hangzhou",
    "cn-hangzhou",
    "cn-hangzhou",
    "cn-hangzhou",
    "cn-hangzhou",
    "cn-hangzhou",
    "cn-beijing",
    "cn-hangzhou-b",
    "",
];

/// The type of the values that a key has and an operator compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    String,
    Number,
    Date,
    Bool,
    Ip,
}

const TYPES: [Type; 5] = [Type::String, Type::Number, Type::Date, Type::Bool, Type::Ip];

impl Type {
    fn operators(self) -> &'static [&'static str] {
        match self {
            Self::String => &[
                "StringEquals",
                "StringNotEquals",
                "StringEqualsIgnoreCase",
                "StringNotEqualsIgnoreCase",
                "StringLike",
                "StringNotLike",
            ],
            Self::Number => &[
                "NumericEquals",
                "NumericNotEquals",
                "NumericLessThan",
                "NumericLessThanEquals",
                "NumericGreaterThan",
                "NumericGreaterThanEquals",
            ],
            Self::Date => &[
                "DateEquals",
                "DateNotEquals",
                "DateLessThan",
                "DateLessThanEquals",
                "DateGreaterThan",
                "DateGreaterThanEquals",
            ],
            Self::Bool => &["Bool"],
            Self::Ip => &["IpAddress", "NotIpAddress", "IpAddressIncludeBorder", "NotIpAddressIncludeBorder"],
        }
    }

    /// Texts that a policy may have under an operator of this type.
    fn policy_values(self) -> &'static [&'static str] {
        match self {
            Self::String => &[
                "dev",
                "dev",
                "ops",
                "Dev",
                "d?v*",
                "d*",
                "*",
                "*v",
                "*.*",
                "10*",
                "true",
                "2026-*",
                "dev ops",
                "équipe",
                "?quipe",
                "σασ",
                "i̇",
                "kelvin",
                "straße",
                "${acs:PrincipalARN}",
            ],
            Self::Number => &[
                "10",
                "10.0",
                "010",
                "9.99",
                "10.001",
                "0",
                "-0.0",
                "-5",
                "-5.0",
                "-10",
                "100",
                "340282366920938463463374607431768211456",
                "340282366920938463463374607431768211456.000000000000000000001",
            ],
            Self::Date => &[
                "2026-03-01T08:00:00Z",
                "2026-03-01T16:00:00+08:00",
                "2026-03-01T10:00:00+08:00",
                "2026-03-01T02:00:00Z",
                "2026-03-01T08:00:00.000000001Z",
                "2026-03-01T08:00:00.5Z",
                "2026-03-01T00:00:00Z",
                "2026-03-02T00:00:00Z",
                "2026-02-28T22:30:00-01:30",
                "2024-02-29T12:00:00Z",
                "1969-12-31T23:59:59.5Z",
            ],
            Self::Bool => &["true", "true", "false", "false", "True", "FALSE"],
            Self::Ip => &[
                "203.0.113.0/24",
                "203.0.113.0/24",
                "203.0.113.10",
                "203.0.113.10/32",
                "203.0.113.77/25",
                "203.0.113.128/25",
                "10.0.0.5/8",
                "0.0.0.0/0",
                "192.0.2.7",
                "::ffff:203.0.113.10",
                "::ffff:203.0.113.0/120",
                "::ffff:cb00:710a/128",
                "2001:db8::/32",
                "2001:db8::1",
                "2001:db8::dead:beef/64",
                "2001:0DB8:0:0::2/127",
                "::/0",
            ],
        }
    }

    /// Texts that a request may have and an operator of this type can read.
    fn readable_values(self) -> &'static [&'static str] {
        match self {
            Self::String => &[
                "dev",
                "dev",
                "dev",
                "ops",
                "Dev",
                "DEV",
                "dev ops",
                " dev",
                "",
                "d*",
                "ÉQUIPE",
                "équipe",
                "ΣΑΣ",
                "σας",
                "İ",
                "Kelvin",
                "\u{212a}elvin",
                "STRASSE",
                "${acs:PrincipalARN}",
            ],
            Self::Number => &[
                "10",
                "10",
                "010",
                "10.000",
                "9.99",
                "10.0010",
                "0",
                "-0",
                "00.0",
                "-5",
                "-5.5",
                "-9",
                "99",
                "340282366920938463463374607431768211456",
                "340282366920938463463374607431768211456.000000000000000000002",
            ],
            Self::Date => &[
                "2026-03-01T08:00:00Z",
                "2026-03-01T08:00:00Z",
                "2026-03-01T10:00:00+08:00",
                "2026-03-01T16:00:00.000+08:00",
                "2026-03-01T08:00:00.500000000Z",
                "2026-03-01T08:00:00.000000001Z",
                "2026-03-01T07:59:59.999999999Z",
                "2026-03-01T00:00:00Z",
                "2026-02-28T19:00:00-05:00",
                "2026-03-02T05:30:00+05:30",
                "2024-02-29T23:30:00+11:30",
                "1969-12-31T23:59:59.4Z",
            ],
            Self::Bool => &["true", "true", "true", "false", "false", "TRUE", "False"],
            Self::Ip => &[
                "203.0.113.10",
                "203.0.113.10",
                "203.0.113.10",
                "203.0.113.0",
                "203.0.113.127",
                "203.0.113.255",
                "10.200.3.4",
                "192.0.2.7",
                "0.0.0.0",
                "::ffff:203.0.113.10",
                "::FFFF:CB00:710A",
                "::ffff:10.0.0.1",
                "2001:db8::1",
                "2001:0DB8:0:0:0:0:0:3",
                "2001:db8::dead:0:1",
                "2001:db9::1",
                "::203.0.113.10",
            ],
        }
    }

    /// Texts that look like this type but cannot be read as it.
    fn unreadable_values(self) -> &'static [&'static str] {
        match self {
            // Every text is a string.
            Self::String => self.readable_values(),
            Self::Number => &["1e1", "+10", "10.", ".5", "0x10", "1_0", " 10", "-", "--5", "1.0.0", "١٠", "NaN", ""],
            Self::Date => &[
                "2026-03-01",
                "2026-03-01T08:00:00",
                "2026-03-01T08:00Z",
                "2026-03-01 08:00:00Z",
                "2026-03-01t08:00:00z",
                "2026-03-01T08:00:00+0800",
                "2026-03-01T08:00:00+08",
                "2026-03-01T08:00:00.Z",
                "2026-03-01T08:00:00,5Z",
                "2026-03-01T08:00:00Z ",
                "2026-02-29T08:00:00Z",
                "2026-13-01T08:00:00Z",
                "2026-03-01T24:00:00Z",
                "+2026-03-01T08:00:00Z",
                "20260301T080000Z",
                "1772352000",
                "not-a-date",
            ],
            Self::Bool => &["yes", "1", "0", "", "true ", "t", "falſe"],
            Self::Ip => &[
                "not-an-ip",
                "",
                "203.0.113.010",
                "203.0.113",
                "203.0.113.10/32",
                "203.0.113.10:443",
                "203.0.113.256",
                " 203.0.113.10",
                "[2001:db8::1]",
                "2001:db8::1%eth0",
                "2001:db8:::1",
                "*",
            ],
        }
    }
}

/// A condition key, its spellings, and its values.
struct Key {
    spellings: &'static [&'static str],
    value_type: Type,
    /// Texts for policies under string operators, in addition to those for any key.
    patterns: &'static [&'static str],
    /// If not empty, the values that requests have instead of those of the type.
    identifiers: &'static [&'static str],
}

const PRINCIPAL_ARN: Key = Key {
    spellings: &["acs:PrincipalARN", "acs:PrincipalArn", "acs:principalarn", "ACS:PRINCIPALARN"],
    value_type: Type::String,
    patterns: &[
        "acs:ram::1234567890123456:user/alice",
        "acs:ram::1234567890123456:role/deployer",
        "acs:ram::1234567890123456:role/Deployer",
        "acs:ram:*:*:role/*",
        "acs:ram:*:*:role/eni-attacher",
        "acs:ram::*:user/*",
        "acs:ram::*:ROLE/*",
        "acs:ram:*:*:root",
        "acs:ram::*:user/?ob",
    ],
    // Forged: what a caller claims to be must have no effect.
    identifiers: &[
        "acs:ram::1234567890123456:user/alice",
        "acs:ram::1234567890123456:role/deployer",
        "acs:ram::1234567890123456:root",
    ],
};
const TEAM: Key = Key {
    spellings: &[
        "acs:ResourceTag/team",
        "acs:ResourceTag/team",
        "ecs:tag/team",
        "ACS:resourcetag/team",
        "ECS:Tag/team",
    ],
    value_type: Type::String,
    patterns: &[],
    identifiers: &[],
};
const CAPITAL_TEAM: Key = Key {
    spellings: &["acs:ResourceTag/Team", "ecs:tag/Team"],
    value_type: Type::String,
    patterns: &[],
    identifiers: &[],
};
const RESOURCE_GROUP: Key = Key {
    spellings: &["acs:ResourceGroupId", "acs:ResourceGroupId", "acs:resourcegroupid"],
    value_type: Type::String,
    patterns: &["rg-a", "rg-b", "rg-*", "rg-?", "RG-A"],
    identifiers: &["rg-a", "rg-a", "rg-a", "rg-b", "rg-c"],
};
const CUSTOM: Key =
    Key { spellings: &["acs:Custom", "acs:custom"], value_type: Type::Number, patterns: &[], identifiers: &[] };
const VPC: Key = Key {
    spellings: &["vpc:VPC", "vpc:vpc"],
    value_type: Type::String,
    patterns: &["acs:vpc:cn-hangzhou:1234567890123456:vpc/vpc-1", "acs:vpc:*:*:vpc/vpc-?", "acs:vpc:*:vpc/*"],
    identifiers: &["acs:vpc:cn-hangzhou:1234567890123456:vpc/vpc-1", "acs:vpc:cn-beijing:1234567890123456:vpc/vpc-2"],
};
const SOURCE_IP: Key = Key {
    spellings: &["acs:SourceIp", "acs:SourceIp", "acs:SourceIP", "acs:sourceip"],
    value_type: Type::Ip,
    patterns: &["203.0.113.*", "203.0.113.10", "10.*", "2001:db8:*", "::ffff:*"],
    identifiers: &[],
};
const CURRENT_TIME: Key = Key {
    spellings: &["acs:CurrentTime", "acs:CurrentTime", "acs:currenttime"],
    value_type: Type::Date,
    patterns: &["2026-03-01T*", "2026-03-01T08:00:00Z", "*+08:00", "????-03-*"],
    identifiers: &[],
};
const SECURE_TRANSPORT: Key = Key {
    spellings: &["acs:SecureTransport", "acs:securetransport"],
    value_type: Type::Bool,
    patterns: &["true", "TRUE", "t*", "false"],
    identifiers: &[],
};
const MFA_PRESENT: Key = Key {
    spellings: &["acs:MFAPresent", "acs:MfaPresent"],
    value_type: Type::Bool,
    patterns: &["true", "f*"],
    identifiers: &[],
};

const KEYS: [&Key; 11] = [
    &PRINCIPAL_ARN,
    &TEAM,
    &CAPITAL_TEAM,
    &RESOURCE_GROUP,
    &CUSTOM,
    &CUSTOM,
    &VPC,
    &SOURCE_IP,
    &CURRENT_TIME,
    &SECURE_TRANSPORT,
    &MFA_PRESENT,
];

pub fn policies(rng: &mut Rng) -> Vec<Value> {
    if rng.percent(30) {
        return vec![conditions_only(rng)];
    }
    let mut policies = Vec::new();
    let has_control = rng.percent(45);
    let has_session = rng.percent(25);
    // The greater of two draws, because with few policies most calls are denied for lack of an Allow.
    let count = rng.below(13).max(rng.below(13));
    for index in 0..count {
        if has_session && index == 0 {
            policies.push(json!({ "kind": "session", "document": ceiling(rng) }));
        } else if has_control && rng.percent(20) {
            let level = rng.pick(&LEVELS);
            policies.push(json!({ "kind": "control", "level": level, "document": ceiling(rng) }));
        } else {
            let scope = rng.pick(&["account", "account", "account", "resource-group:rg-a", "resource-group:rg-b"]);
            // With a session policy, only the policies of roles matter.
            let holder = if has_session && rng.percent(60) { rng.pick(&ROLES) } else { rng.pick(&HOLDERS) };
            let document = document(rng, Vec::new());
            policies.push(json!({
                "kind": "identity", "attached_to": holder, "scope": scope, "document": document,
            }));
        }
    }
    policies
}

/// One policy in which only conditions decide, because among many statements a single comparison seldom decides.
fn conditions_only(rng: &mut Rng) -> Value {
    let mut statements = Vec::new();
    for effect in [rng.pick(&["Allow", "Deny"]), "Allow"] {
        statements.push(json!({ "Effect": effect, "Action": "*", "Resource": "*", "Condition": condition(rng) }));
    }
    if rng.percent(50) {
        statements[1] = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    }
    let holder = rng.pick(&["user:alice", "role:Deployer"]);
    let document = json!({ "Version": "1", "Statement": statements });
    json!({ "kind": "identity", "attached_to": holder, "scope": "account", "document": document })
}

/// A document that restricts others, and so usually begins by allowing everything.
fn ceiling(rng: &mut Rng) -> Value {
    let mut first = Vec::new();
    if rng.percent(75) {
        first.push(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    }
    document(rng, first)
}

/// A document with the statements `first` and random ones, one to five in total.
fn document(rng: &mut Rng, first: Vec<Value>) -> Value {
    let mut statements = first;
    let count = 1 + rng.below(5);
    while statements.len() < count {
        statements.push(statement(rng));
    }
    // The order of statements must not matter.
    let (one, other) = (rng.below(statements.len()), rng.below(statements.len()));
    statements.swap(one, other);
    json!({ "Version": "1", "Statement": statements })
}

fn statement(rng: &mut Rng) -> Value {
    let mut statement = Map::new();
    let is_deny = rng.percent(20);
    statement.insert("Effect".to_owned(), json!(if is_deny { "Deny" } else { "Allow" }));
    if rng.percent(if is_deny { 5 } else { 15 }) {
        statement.insert("NotAction".to_owned(), one_or_several(rng, |rng| rng.pick(&EXCEPTED_ACTIONS).to_owned()));
    } else {
        statement.insert("Action".to_owned(), one_or_several(rng, |rng| rng.pick(&ACTIONS).to_owned()));
    }
    statement.insert("Resource".to_owned(), one_or_several(rng, resource_pattern));
    if rng.percent(if is_deny { 50 } else { 35 }) {
        statement.insert("Condition".to_owned(), condition(rng));
    }
    Value::Object(statement)
}

fn resource_pattern(rng: &mut Rng) -> String {
    if rng.percent(30) {
        return "*".to_owned();
    }
    let (service, region) = (rng.pick(&SERVICES), rng.pick(&REGIONS));
    let (account, relative_id) = (rng.pick(&ACCOUNTS), rng.pick(&RELATIVE_IDS));
    format!("acs:{service}:{region}:{account}:{relative_id}")
}

fn condition(rng: &mut Rng) -> Value {
    let mut condition = Map::new();
    // A Condition block may be empty, as in published policies; it restricts nothing.
    for _ in 0..rng.pick(&[0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3]) {
        let first = rng.pick(&KEYS);
        let operator_type = if rng.percent(70) { first.value_type } else { rng.pick(&TYPES) };
        let operator = rng.pick(operator_type.operators());
        let mut keys = Map::new();
        keys.insert(rng.pick(first.spellings).to_owned(), policy_values(rng, operator, operator_type, first));
        if rng.percent(20) {
            let second = rng.pick(&KEYS);
            // Two spellings of one key would be a duplicate key.
            if second.spellings != first.spellings {
                keys.insert(rng.pick(second.spellings).to_owned(), policy_values(rng, operator, operator_type, second));
            }
        }
        condition.insert(operator.to_owned(), Value::Object(keys));
    }
    Value::Object(condition)
}

fn policy_values(rng: &mut Rng, operator: &str, operator_type: Type, key: &Key) -> Value {
    let value = |rng: &mut Rng| {
        let pool = if operator_type == Type::String && !key.patterns.is_empty() && rng.percent(85) {
            key.patterns
        } else {
            operator_type.policy_values()
        };
        rng.pick(pool).to_owned()
    };
    if operator != "Bool" {
        return one_or_several(rng, value);
    }
    let only = value(rng);
    if rng.percent(50) { json!(only) } else { json!([only]) }
}

/// A lone string, or a list of one to three.
fn one_or_several(rng: &mut Rng, mut one: impl FnMut(&mut Rng) -> String) -> Value {
    if rng.percent(50) {
        return json!(one(rng));
    }
    let count = 1 + rng.below(3);
    json!((0..count).map(|_| one(rng)).collect::<Vec<_>>())
}

pub fn request(rng: &mut Rng, policies: &[Value]) -> Value {
    let arns = resources(rng);
    let mut resource_context = Map::new();
    for arn in &arns {
        if rng.percent(85) {
            resource_context.insert(arn.clone(), facts_of_resource(rng));
        }
    }
    let mut request = json!({
        "principal": principal(rng, policies),
        "action": action(rng),
        "resources": arns,
        "context": facts_of_call(rng),
    });
    if !resource_context.is_empty() || rng.percent(50) {
        request["resource_context"] = Value::Object(resource_context);
    }
    request
}

/// The same request, of which less is known: some keys without a value may have one, and perhaps the attributes of the
/// resources have not been read. This is in two members that a case file does not have: `unknown`, names of keys
/// without their tag keys, and `unread`.
pub fn less_known(rng: &mut Rng, request: &Value) -> Value {
    let mut request = request.clone();
    let names = ["acs:SourceIp", "acs:CurrentTime", "acs:SecureTransport", "acs:MFAPresent", "acs:Custom", "vpc:VPC"];
    let unknown: Vec<&str> = names.into_iter().filter(|_| rng.percent(40)).collect();
    // Half of the values that were given are removed.
    for name in &unknown {
        if rng.percent(50) {
            let given = request["context"].as_object_mut().unwrap();
            given.retain(|key, _| !key.eq_ignore_ascii_case(name));
        }
    }
    request["unknown"] = json!(unknown);
    request["unread"] = json!(rng.percent(40));
    request
}

/// The same request with up to two further resources that need no Allow, in the member `deny_only`, which a case file
/// does not have.
#[allow(dead_code, reason = "not used by the tests of the gateway")]
pub fn with_deny_only(rng: &mut Rng, request: &Value) -> Value {
    let mut request = request.clone();
    let named = request["resources"].clone();
    let mut arns = resources(rng);
    arns.truncate(2);
    arns.retain(|arn| !named.as_array().unwrap().contains(&json!(arn)));
    for arn in &arns {
        if rng.percent(85) {
            request["resource_context"][arn] = facts_of_resource(rng);
        }
    }
    request["deny_only"] = json!(arns);
    request
}

fn action(rng: &mut Rng) -> &'static str {
    if rng.percent(80) {
        return "ecs:AttachNetworkInterface";
    }
    rng.pick(&[
        "ecs:attachnetworkinterface",
        "ECS:AttachNETWORKInterface",
        "ecs:DescribeInstances",
        "ecs:DescribeInstances",
        "vpc:DescribeVpcs",
    ])
}

/// One to three distinct ARNs.
fn resources(rng: &mut Rng) -> Vec<String> {
    let account = if rng.percent(2) { OTHER_ACCOUNT } else { ACCOUNT };
    let region = rng.pick(&REQUEST_REGIONS);
    let mut arns = Vec::new();
    for _ in 0..rng.pick(&[1, 1, 2, 2, 2, 3]) {
        let account = if rng.percent(2) { OTHER_ACCOUNT } else { account };
        let starts_with_eni = arns.len() % 2 == 0;
        let relative_id = if starts_with_eni != rng.percent(15) {
            format!("eni/{}", rng.pick(&ENI_IDS))
        } else {
            format!("instance/{}", rng.pick(&INSTANCE_IDS))
        };
        let arn = format!("acs:ecs:{region}:{account}:{relative_id}");
        if !arns.contains(&arn) {
            arns.push(arn);
        }
    }
    arns
}

/// Usually a principal to which one of the policies is attached.
fn principal(rng: &mut Rng, policies: &[Value]) -> Value {
    let needs_role = policies.iter().any(|policy| policy["kind"] == "session");
    if !needs_role && rng.percent(2) {
        return json!({ "type": "root", "account_id": ACCOUNT });
    }
    let mut holders: Vec<&str> = policies.iter().filter_map(|policy| policy["attached_to"].as_str()).collect();
    if holders.is_empty() || rng.percent(10) {
        holders = HOLDERS.to_vec();
    }
    if needs_role {
        holders.retain(|holder| holder.starts_with("role:"));
        if holders.is_empty() {
            holders.push("role:eni-attacher");
        }
    }
    match rng.pick(&holders).split_once(':').unwrap() {
        ("role", name) if name == SERVICE_LINKED_ROLE => {
            json!({ "type": "role", "account_id": ACCOUNT, "name": name, "session": "svc", "service_linked": true })
        }
        ("role", name) => json!({ "type": "role", "account_id": ACCOUNT, "name": name, "session": "job-42" }),
        (holder, name) => {
            let name = if holder == "group" { "alice" } else { name };
            let groups = rng.pick(&[&[][..], &["netops"], &["netops", "dba"], &["netops", "dba"], &["audit"]]);
            json!({ "type": "user", "account_id": ACCOUNT, "name": name, "groups": groups })
        }
    }
}

fn facts_of_call(rng: &mut Rng) -> Value {
    let mut attributes = Map::new();
    for (key, chance) in [
        (&SOURCE_IP, 85),
        (&CURRENT_TIME, 85),
        (&SECURE_TRANSPORT, 85),
        (&MFA_PRESENT, 40),
        (&CUSTOM, 60),
        (&VPC, 20),
        (&TEAM, 10),
        (&PRINCIPAL_ARN, 10),
    ] {
        if rng.percent(chance) {
            state(rng, &mut attributes, key);
        }
    }
    Value::Object(attributes)
}

fn facts_of_resource(rng: &mut Rng) -> Value {
    let mut attributes = Map::new();
    for (key, chance) in [
        (&TEAM, 65),
        (&CAPITAL_TEAM, 25),
        (&VPC, 20),
        // Attributes of the resource replace those of the call.
        (&CUSTOM, 15),
        (&SOURCE_IP, 5),
        (&CURRENT_TIME, 5),
        (&SECURE_TRANSPORT, 5),
        (&PRINCIPAL_ARN, 5),
    ] {
        if rng.percent(chance) {
            state(rng, &mut attributes, key);
        }
    }
    if rng.percent(75) {
        // In this spelling, because the reference evaluator reads the group of the resource from it.
        attributes.insert("acs:ResourceGroupId".to_owned(), json!(rng.pick(RESOURCE_GROUP.identifiers)));
    }
    Value::Object(attributes)
}

/// Gives a key a value: a readable one, two of them, or one that looks right but cannot be read.
fn state(rng: &mut Rng, attributes: &mut Map<String, Value>, key: &Key) {
    let spelling = rng.pick(key.spellings).to_owned();
    if !key.identifiers.is_empty() {
        attributes.insert(spelling, json!(rng.pick(key.identifiers)));
        return;
    }
    // The custom key may have values of any type, and is the only one with numbers.
    let value_type =
        if key.spellings == CUSTOM.spellings && rng.percent(50) { rng.pick(&TYPES) } else { key.value_type };
    let value = if rng.percent(8) {
        json!(rng.pick(value_type.unreadable_values()))
    } else if rng.percent(8) {
        let pool = value_type.readable_values();
        json!([rng.pick(pool), rng.pick(pool)])
    } else {
        json!(rng.pick(value_type.readable_values()))
    };
    attributes.insert(spelling, value);
}
