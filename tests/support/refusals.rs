//! One request for each kind of refusal before a call is forwarded.

use super::caller::{Caller, Shape, attach_parameters, raw};
use super::{ACCOUNT, ENI, PROD_INSTANCE};

/// A call, and the refusal that it gets.
#[derive(Debug)]
pub struct Refused {
    pub situation: &'static str,
    pub request: Vec<u8>,
    pub status: u16,
    pub code: &'static str,
    /// A distinctive part of the message.
    pub message: &'static str,
}

/// How a caller signs, and the answer format that it asks for.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    pub shape: Shape,
    pub format: &'static str,
}

pub const DIALECTS: [Dialect; 4] = [
    Dialect { shape: Shape::V1Query, format: "JSON" },
    Dialect { shape: Shape::V1Query, format: "XML" },
    Dialect { shape: Shape::V3Query, format: "JSON" },
    Dialect { shape: Shape::V3Query, format: "XML" },
];

/// Keys that the table needs in addition to the demo's.
pub const KEYS: &str = r#"
    [[access_key]]
    id = "LTAI5tTestInactive00"
    secret = "the inactive secret"
    principal = "role/terway"
    status = "inactive"

    [[access_key]]
    id = "LTAI5tTestRoot000000"
    secret = "the root secret"
    principal = "root"

    [[access_key]]
    id = "LTAI5tTestGhost00000"
    secret = "the ghost's secret"
    principal = "user/ghost"

    [[access_key]]
    id = "LTAI5tTestForeign000"
    secret = "the secret of elsewhere"
    principal = "9999999999999999:user/alice"
"#;

pub fn inactive() -> Caller {
    Caller::new("LTAI5tTestInactive00", "the inactive secret")
}

pub fn root() -> Caller {
    Caller::new("LTAI5tTestRoot000000", "the root secret")
}

pub fn stranger() -> Caller {
    Caller::new("LTAI5tNobodyKnowsMe0", "some secret")
}

impl Dialect {
    pub fn call(self, caller: &Caller, business: &[(&str, &str)]) -> Vec<u8> {
        let (mut caller, mut business) = (caller.clone(), business.to_vec());
        if self.is_v3() {
            business.push(("Format", self.format));
        } else {
            caller.format = Some(self.format.to_owned());
        }
        caller.request(self.shape, &business)
    }

    pub fn attach(self, caller: &Caller) -> Vec<u8> {
        self.call(caller, &attach_parameters())
    }

    pub fn is_v3(self) -> bool {
        self.shape == Shape::V3Query
    }

    fn with(self, name: &str, value: &str) -> Vec<u8> {
        self.call(&Caller::terway(), &with(&[(name, value)]))
    }
}

/// The parameters of the demo's attach, with values changed or parameters added.
pub fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut parameters: Vec<(&str, &str)> = attach_parameters().into();
    for (name, value) in changes {
        match parameters.iter_mut().find(|(other, _)| other == name) {
            Some(parameter) => parameter.1 = value,
            None => parameters.push((name, value)),
        }
    }
    parameters
}

/// The request with its first `from` replaced after signing.
pub fn tampered(request: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(request.to_vec()).unwrap();
    assert!(text.contains(from), "`{from}` is not in {text}");
    text.replacen(from, to, 1).into_bytes()
}

/// All refusals that a single request can cause.
pub fn refusals(dialect: Dialect) -> Vec<Refused> {
    let row = |(situation, request, status, code, message)| Refused { situation, request, status, code, message };
    let rows = readings(dialect).into_iter().chain(identities(dialect)).chain(operations(dialect));
    rows.map(row).collect()
}

type Row = (&'static str, Vec<u8>, u16, &'static str, &'static str);

fn readings(dialect: Dialect) -> Vec<Row> {
    let good = dialect.attach(&Caller::terway());
    let query = |more: &str| tampered(&good, " HTTP/1.1", &format!("{more} HTTP/1.1"));
    let header = |line: &str| tampered(&good, "\r\n\r\n", &format!("\r\n{line}\r\n\r\n"));
    let many: String = (0..101).map(|number| format!("&A{number}=1")).collect();
    let lines = (0..101).map(|number| format!("X-{number}: 1")).collect::<Vec<_>>().join("\r\n");
    let mut elsewhere = Caller::terway();
    elsewhere.host = "rds.aliyuncs.com".to_owned();
    vec![
        ("a method", tampered(&good, "POST ", "PUT "), 403, "UnsupportedHTTPMethod", "`PUT` is not supported"),
        ("a repeated name", query("&InstanceId=i-2"), 400, "InvalidParameter", "`InstanceId` occurs twice"),
        ("a broken escape", query("&A=%zz"), 400, "InvalidParameter", "escape"),
        ("a fragment", query("#x"), 400, "InvalidParameter", "request target"),
        ("another path", tampered(&good, " /?", " /x?"), 400, "InvalidParameter", "request target `/x`"),
        ("two hosts", header("Host: b"), 400, "InvalidParameter", "`Host` occurs twice"),
        ("an `Expect` header", header("Expect: 100-continue"), 400, "InvalidParameter", "`Expect` is not accepted"),
        ("another product", dialect.attach(&elsewhere), 400, "InvalidParameter", "is not an ECS endpoint"),
        ("a large query", query(&format!("&A={}", "x".repeat(17_000))), 413, "InvalidParameter", "the query has"),
        (
            "a large body",
            header("Content-Length: 70000"),
            413,
            "InvalidParameter",
            "the body has more than 65536 bytes: 70000 are announced",
        ),
        ("many parameters", query(&many), 413, "InvalidParameter", "more than 100 parameters"),
        ("a large head", header(&format!("X: {}", "x".repeat(60_000))), 431, "InvalidParameter", "the head has more"),
        ("many headers", header(&lines), 431, "InvalidParameter", "more than 100 header lines"),
    ]
}

fn identities(dialect: Dialect) -> Vec<Row> {
    let anonymous = format!("/?Action=AttachNetworkInterface&Version=2014-05-26&Format={}", dialect.format);
    let like_terway = |change: &dyn Fn(&mut Caller)| {
        let mut caller = Caller::terway();
        change(&mut caller);
        dialect.attach(&caller)
    };
    let two_schemes = match dialect.is_v3() {
        true => tampered(&dialect.attach(&Caller::terway()), " HTTP/1.1", "&Signature=x HTTP/1.1"),
        false => {
            tampered(&dialect.attach(&Caller::terway()), "\r\n\r\n", "\r\nAuthorization: ACS3-HMAC-SHA256 x\r\n\r\n")
        }
    };
    let bad_signature = like_terway(&|caller| caller.secret = "wrong".to_owned());
    let (code, message) = match dialect.is_v3() {
        true => ("SignatureDoesNotMatch", "does not match our calculation: check the secret."),
        false => ("IncompleteSignature", "The request signature does not conform to Aliyun standards."),
    };
    let (inactive_text, ghost, foreign) = (
        "The Account is not found or ak is expired.",
        Caller::new("LTAI5tTestGhost00000", "the ghost's secret"),
        Caller::new("LTAI5tTestForeign000", "the secret of elsewhere"),
    );
    let sts = Caller::new("STS.NUBnZ5yMQRq7zcGH", "s");
    let token = "InvalidSecurityToken.MismatchWithAccessKey";
    let time = |text: &'static str| like_terway(&|caller| caller.timestamp = Some(text.to_owned()));
    let long = like_terway(&|caller| caller.nonce = Some("n".repeat(257)));
    let with_token = like_terway(&|caller| caller.token = Some("CAIStoken".to_owned()));
    vec![
        ("no credentials", raw("POST", &anonymous, &[("Host", "g")], ""), 400, "MissingParameter", "\"AccessKeyId\""),
        ("two schemes", two_schemes, 400, "InvalidParameter", "use one scheme"),
        ("an unknown key", dialect.attach(&stranger()), 400, "InvalidAccessKeyId.NotFound", "does not exist"),
        ("a key of the real STS", dialect.attach(&sts), 400, token, "exchange it with `ramgate key token-file"),
        ("a bad signature", bad_signature, 400, code, message),
        ("an inactive key", dialect.attach(&inactive()), 403, "Abs.InvalidAccount.NotFound", inactive_text),
        ("a token with a permanent key", with_token, 400, token, "drop the token"),
        ("a stale clock", time("2020-01-01T00:00:00Z"), 400, "InvalidTimeStamp.Expired", "is expired"),
        ("a clock ahead", time("2222-01-01T00:00:00Z"), 400, "InvalidTimeStamp.Expired", "is expired"),
        ("an invalid time", time("yesterday"), 400, "InvalidTimeStamp.Format", "not well formatted"),
        ("a long nonce", long, 400, "InvalidParameter", "a nonce must have 1 to 256"),
        (
            "a principal that is not in the account file",
            dialect.attach(&ghost),
            403,
            "Abs.InvalidAccount.NotFound",
            inactive_text,
        ),
        ("a key of another account", dialect.attach(&foreign), 403, "Abs.InvalidAccount.NotFound", inactive_text),
        ("the root", dialect.attach(&root()), 403, "InvalidUserType.NotSupported", "root user may not use"),
    ]
}

fn operations(dialect: Dialect) -> Vec<Row> {
    let calling = |action: &str| dialect.attach(&Caller::terway().calling(action));
    let mut old = Caller::terway();
    old.version = "2012-09-13".to_owned();
    let without = |name: &str| {
        let parameters: Vec<_> = attach_parameters().into_iter().filter(|(other, _)| *other != name).collect();
        dialect.call(&Caller::terway(), &parameters)
    };
    let production = dialect.call(&Caller::alice(), &with(&[("InstanceId", PROD_INSTANCE)]));
    let with = |name, value| dialect.with(name, value);
    let denied = "User not authorized to operate on the specified resource.";
    let index = "InvalidParameter.NetworkCardIndexInvalid";
    vec![
        ("an unknown operation", calling("RunInstances"), 403, "Forbidden.NotSupportRAM", "accessed by RAM mode"),
        ("another version", dialect.attach(&old), 400, "InvalidParameter", "\"Action or Version\""),
        ("no region", without("RegionId"), 400, "MissingParameter", "\"RegionId\""),
        ("no ENI", without("NetworkInterfaceId"), 400, "MissingParameter", "\"NetworkInterfaceId\""),
        ("no instance", without("InstanceId"), 400, "MissingParameter", "\"InstanceId\""),
        ("an empty instance", with("InstanceId", ""), 400, "MissingParameter", "\"InstanceId\""),
        ("a trunk ENI", with("TrunkNetworkInstanceId", ENI), 400, "UnsupportedParameter", "is unavailable"),
        (
            "an invalid instance id",
            with("InstanceId", "I-A"),
            400,
            "InvalidInstanceID.Malformed",
            "an instance id is `i-`",
        ),
        ("an invalid ENI id", with("NetworkInterfaceId", "eni-*"), 400, "InvalidParams.EniId", "an ENI id is `eni-`"),
        (
            "an invalid region id",
            with("RegionId", "Hangzhou"),
            400,
            "InvalidOperation.InvalidRegion",
            "is not a region id",
        ),
        ("a region elsewhere", with("RegionId", "cn-beijing"), 400, "Forbidden.RegionId", "`cn-beijing` is not served"),
        ("an invalid number", with("NetworkCardIndex", "first"), 400, "InvalidParameter", "a whole number is expected"),
        ("an invalid card index", with("NetworkCardIndex", "64"), 400, index, "The network card index is invalid"),
        ("an unknown parameter", with("Colour", "red"), 400, "UnsupportedParameter", "`Colour` does not belong"),
        ("another owner", with("OwnerId", "42"), 400, "UnsupportedParameter", "names an account other than"),
        (
            "a look-alike name",
            with("instanceid", "i-2"),
            400,
            "InvalidParameter",
            "`instanceid` resembles `InstanceId`",
        ),
        ("an implicit deny", dialect.attach(&Caller::bob()), 403, "Forbidden.SubUser", denied),
        ("an explicit deny", production, 403, "Forbidden.SubUser", denied),
    ]
}

/// An owner parameter that names the caller's own account. It is accepted and has no effect.
pub const OWN_ACCOUNT: (&str, &str) = ("OwnerId", ACCOUNT);
