//! Secrets: their sources, and that no output, log or debug form shows them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::metadata::{FIRST, Gives, Metadata, ROLE};
use crate::support::program::{Ran, Server, close_to_others, finish, program, ramgate};
use crate::support::{ENI, INSTANCE};
use ram_policy::{Principal, Source};
use ramgate::config::InstanceRoleSettings;
use ramgate::gateway::{InstanceRole, UpstreamKeys, client_tls, now};
use ramgate::identity::{
    BearerClaim, Claim, Credential, Grant, Issuer, IssuerKeyRing, KeyRing, KeyStatus, NewIssuerKey, Secret, Signed,
    SignedIdentity, canonical_query,
};
use ramgate::ram::{Origin, ParametersBuilder, Place, Session};
use ramgate::testing::wire::{FormLimits, Head, HeadLimits, read_parameters};
use tempfile::{TempDir, tempdir};

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
const SECRET: &str = "hunter2-never-shown";

/// A folder with a configuration and a key ring. `secret` is the line that says where its only key has its secret.
fn folder(secret: &str, upstream: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: String| {
        fs::write(folder.path().join(name), text).unwrap();
        close_to_others(&folder.path().join(name));
    };
    write("keyring.toml", format!("[[access_key]]\nid = \"LTAI5tTerway\"\n{secret}\nprincipal = \"role/terway\"\n"));
    write(
        "ramgate.toml",
        format!(
            "listen = \"127.0.0.1:0\"\npolicies = [\"{POLICIES}\"]\n[upstream]\nregions = [\"cn-hangzhou\"]\n{upstream}\n"
        ),
    );
    write("the.secret", format!("{SECRET}\n"));
    folder
}

fn serve(folder: &Path) -> Ran {
    finish(&mut program(folder, &["serve", "--config", "ramgate.toml"]), "")
}

#[test]
fn secret_command_provides_the_secret_of_a_key() {
    let folder = folder("secret_command = [\"cat\", \"the.secret\"]", "url = \"simulator\"");
    let server =
        Server::start(&mut program(folder.path(), &["serve", "--config", "ramgate.toml"]), "attempts are written to");
    fs::write(
        folder.path().join("caller.toml"),
        format!("[[access_key]]\nid = \"LTAI5tTerway\"\nsecret = \"{SECRET}\"\nprincipal = \"role/terway\"\n"),
    )
    .unwrap();
    close_to_others(&folder.path().join("caller.toml"));
    let call = ["call", "--endpoint", &server.url(), "--keyring", "caller.toml", "--key", "LTAI5tTerway"];
    let what = ["--region", "cn-hangzhou", "--eni", ENI, "--instance", INSTANCE];
    let ran = ramgate(folder.path(), &[&call[..], &what].concat());
    assert_eq!(ran.status, 0, "{ran:?}");
    let seen = format!("{}{}", server.stdout(), server.stderr());
    let log = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    assert!(!crate::support::schema::checked_lines(&log).is_empty());
    assert!(!seen.contains(SECRET) && !log.contains(SECRET), "{seen}{log}");
}

#[test]
fn a_secret_command_that_provides_no_secret_prevents_the_start() {
    for (command, said) in [
        ("[]", "`secret_command` does not name a program"),
        ("[\"no-such-program\"]", "`no-such-program` did not print a secret: No such file"),
        ("[\"true\"]", "the secret is empty"),
        ("[\"sh\", \"-c\", \"cat the.secret; exit 3\"]", "`sh` did not print a secret: it ended with exit status: 3"),
        ("[\"sh\", \"-c\", \"kill -9 $$\"]", "`sh` did not print a secret: it ended with signal: 9"),
        (
            "[\"sh\", \"-c\", \"while cat the.secret; do :; done\"]",
            "`sh` did not print a secret: it printed more than 4096 bytes",
        ),
        ("[\"printf\", \"\\\\377\"]", "`printf` did not print a secret: its output is not UTF-8"),
    ] {
        let folder = folder(&format!("secret_command = {command}"), "url = \"simulator\"");
        let ran = serve(folder.path());
        assert!(ran.status == 2 && ran.stderr.contains(said), "{command}: {ran:?}");
        assert!(!ran.stderr.contains(SECRET), "the error quotes the output of the command: {ran:?}");
        assert!(ran.stderr.contains("keyring.toml:3:18"), "{ran:?}");
    }
    let two = folder("secret_command = [\"true\"]\nsecret = \"x\"", "url = \"simulator\"");
    assert!(serve(two.path()).stderr.contains("more than one"));
}

#[test]
fn secret_command_provides_the_secret_of_the_gateways_own_key() {
    let ring = format!("secret = \"{SECRET}\"");
    let with = |command: &str| {
        let upstream =
            format!("url = \"https://127.0.0.1:1\"\naccess_key_id = \"LTAI5tOwn\"\nsecret_command = {command}");
        folder(&ring, &upstream)
    };
    let refused = serve(with("[\"false\"]").path());
    assert!(refused.status == 2 && refused.stderr.contains("`false` did not print a secret"), "{refused:?}");
    let folder = with("[\"cat\", \"the.secret\"]");
    let mut server =
        Server::start(&mut program(folder.path(), &["serve", "--config", "ramgate.toml"]), "attempts are written to");
    assert_eq!(server.terminate(Duration::from_secs(5)), Some(0));
    assert!(!server.stderr().contains(SECRET));
}

#[test]
fn no_debug_form_shows_a_secret() {
    let principal = Principal::new("1".parse().unwrap(), "role/terway".parse().unwrap());
    let secret = Secret::new(SECRET);
    let key = || Credential::new("LTAI5tTerway".parse().unwrap(), &secret, principal.clone(), KeyStatus::Active);
    let limits = HeadLimits { head_bytes: 4096, query_bytes: 4096, body_bytes: 0, headers: 10 };
    let head = format!("GET /?Action=X HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {SECRET}\r\n\r\n");
    let head = Head::read(head.as_bytes(), &limits).unwrap();
    let mut parameters = ParametersBuilder::default();
    parameters.push("Action", "X", Place::Query);
    let parameters = parameters.finish().unwrap();
    let signed = Signed::new(&head, &parameters, b"");
    let identity =
        SignedIdentity::sign("STS.x".parse().unwrap(), &secret, Some(Secret::new(SECRET)), "d".to_owned(), "a");
    let new = NewIssuerKey { id: "a".to_owned(), from: jiff::Timestamp::UNIX_EPOCH, secret: secret.clone() };
    let issuer_key = NewIssuerKey::random(jiff::Timestamp::UNIX_EPOCH);
    let file =
        format!("[[key]]\nid = \"a\"\nfrom = \"{}\"\nsecret = \"{}\"", issuer_key.from, issuer_key.secret.expose());
    let issuer = Issuer::new(IssuerKeyRing::read(&Source::new("k", file.as_str())).unwrap());
    let session = Session {
        name: "node-1".parse().unwrap(),
        key: Issuer::new_access_key_id(),
        expires: jiff::Timestamp::MAX,
        origin: Origin::CallerIdentity("x".into()),
        narrowed_by: None,
    };
    let grant = Grant { principal: principal.clone(), session, policy: None };
    let issued = issuer.issue(&grant, jiff::Timestamp::now()).unwrap();
    let opened = issuer.open(issued.access_key_id.as_str(), issued.security_token.expose()).unwrap();
    for shown in [format!("{issued:?}"), format!("{opened:?}"), format!("{issuer:?}"), format!("{issuer_key:?}")] {
        for hidden in [issued.secret.expose(), issued.security_token.expose(), issuer_key.secret.expose()] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
    for shown in temporary_claims() {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    let metadata = Metadata::start(Gives::Key(FIRST.lasting(Duration::from_secs(600))));
    let settings = InstanceRoleSettings { role: ROLE.to_owned(), metadata_url: metadata.url() };
    let role = Arc::new(InstanceRole::new(settings, "1".parse().unwrap(), client_tls(None).unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(role.read(now())).unwrap();
    for shown in [
        format!("{head:?}"),
        format!("{signed:?}"),
        format!("{identity:?}"),
        format!("{new:?}"),
        format!("{:?}", Source::new("k", SECRET).confidential()),
        format!("{secret:?}"),
        format!("{:?}", key()),
        format!("{:?}", key().with_security_token(Secret::new(SECRET))),
        format!("{:?}", KeyRing::new([key()])),
        format!("{:?}", UpstreamKeys::from(key().with_security_token(Secret::new(SECRET)))),
        format!("{:?}", UpstreamKeys::from(role)),
        format!("{:?}", BearerClaim::read(&signed).unwrap()),
        format!("{:?}", Claim::read(&signed).unwrap()),
    ] {
        assert!(!shown.contains(SECRET) && !shown.contains("hunter2"), "{shown}");
    }
}

/// The debug forms of everything that is read from a call with a temporary key, under both signatures.
fn temporary_claims() -> Vec<String> {
    let caller =
        crate::support::Caller { token: Some(SECRET.to_owned()), ..crate::support::Caller::new("STS.x", "a-secret") };
    let mut shown = Vec::new();
    for shape in [crate::support::Shape::V1Query, crate::support::Shape::V3Query] {
        let request = caller.attach(shape);
        let limits = HeadLimits { head_bytes: 1 << 14, query_bytes: 1 << 14, body_bytes: 0, headers: 50 };
        let head = Head::read(&request, &limits).unwrap();
        let parameters = read_parameters(head.query(), b"", FormLimits { parameters: 50 }).unwrap();
        let signed = Signed::new(&head, &parameters, b"");
        let claim = Claim::read(&signed).unwrap();
        assert_eq!(claim.fields().security_token, Some(SECRET));
        shown.extend([format!("{head:?}"), format!("{parameters:?}"), format!("{signed:?}"), format!("{claim:?}")]);
        match &claim {
            Claim::V1(claim) => shown.push(format!("{:?}", claim.string_to_sign(&signed))),
            Claim::V3(claim) => shown.push(format!("{:?}", claim.canonical_request(&signed))),
            Claim::Bearer(_) => unreachable!(),
        }
        shown.push(format!("{:?}", canonical_query(parameters.iter())));
    }
    shown
}
