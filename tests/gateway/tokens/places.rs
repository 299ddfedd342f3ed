//! Where clients send a token, over sockets to the real binary, and what is refused together with one.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::made::{ISSUER, Key, SUBJECT, but, claims, set};
use crate::support::program::{Server, close_to_others, program};
use crate::support::{Answer, ENI, INSTANCE, PROD_INSTANCE, ask};

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

/// A gateway that trusts an issuer; `jwks` is the setting that says where the issuer's keys are.
pub struct TokenGateway {
    pub server: Server,
    pub address: SocketAddr,
    pub folder: TempDir,
}

impl TokenGateway {
    pub fn start(issuer: &str, jwks: &str, files: &[(&str, &[u8])]) -> Self {
        Self::behind("", issuer, jwks, files)
    }

    /// With these trusted proxies.
    fn behind(trusted: &str, issuer: &str, jwks: &str, files: &[(&str, &[u8])]) -> Self {
        let folder = tempdir().unwrap();
        let write = |name: &str, text: &[u8]| {
            fs::write(folder.path().join(name), text).unwrap();
            close_to_others(&folder.path().join(name));
        };
        files.iter().for_each(|(name, text)| write(name, text));
        write("keyring.toml", b"[[access_key]]\nid = \"LTAI5tBob\"\nsecret = \"of-bob\"\nprincipal = \"user/bob\"\n");
        let configuration = format!(
            "listen = \"127.0.0.1:0\"\npolicies = [\"{POLICIES}\"]\n[upstream]\nurl = \"simulator\"\n\
             regions = [\"cn-hangzhou\"]\n[[identity.jwt]]\nissuer = \"{issuer}\"\naudience = [\"ramgate\"]\n{jwks}\n\
             principals = [\n  {{ sub = \"{SUBJECT}\", principal = \"role/terway\" }},\n  \
             {{ sub = \"repo:org/*\", claims = {{ \"/ref\" = \"main\" }}, principal = \"user/alice\" }},\n]\n[limits]\n\
             trusted_proxies = [{trusted}]\n"
        );
        write("ramgate.toml", configuration.as_bytes());
        let mut command = program(folder.path(), &["serve", "--config", "ramgate.toml"]);
        let server = Server::start(&mut command, "attempts are written to");
        let address = server.url().strip_prefix("http://").unwrap().parse().unwrap();
        Self { server, address, folder }
    }

    pub fn attach(&self, instance: &str, query: &str, headers: &str) -> Answer {
        let request = format!(
            "GET /?Action=AttachNetworkInterface&Version=2014-05-26&RegionId=cn-hangzhou&NetworkInterfaceId={ENI}\
             &InstanceId={instance}{query} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n",
            self.address
        );
        ask(self.address, request.as_bytes())
    }

    pub fn with(&self, token: &str) -> Answer {
        self.attach(INSTANCE, "", &format!("Authorization: Bearer {token}\r\n"))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap()
    }
}

pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn gateway_for(key: &Key) -> TokenGateway {
    TokenGateway::start(ISSUER, "jwks = \"jwks.json\"", &[("jwks.json", set(&[key.jwk()]).as_bytes())])
}

#[test]
fn a_token_is_accepted_in_every_place_where_clients_send_it() {
    let key = Key::ec("one");
    let gateway = gateway_for(&key);
    let token = key.sign(&claims(now()));
    let v3 = "x-acs-action: AttachNetworkInterface\r\nx-acs-version: 2014-05-26\r\nx-acs-signature-nonce: n\r\n";
    for (query, headers) in [
        // New SDKs (in two headers), the old Go SDK (with a meaningless signature), the old Java SDK (which sends the
        // token twice), and requests by hand.
        ("&SignatureType=BEARERTOKEN".to_owned(), format!("{v3}x-acs-bearer-token: {token}\r\n")),
        (String::new(), format!("x-acs-zero-trust-idtoken: {token}\r\n")),
        (
            format!(
                "&SignatureType=BEARERTOKEN&BearerToken={token}&AccessKeyId=&Signature=x&SignatureMethod=HMAC-SHA1"
            ),
            String::new(),
        ),
        (format!("&BearerToken={token}"), format!("x-acs-bearer-token: {token}\r\n")),
        (String::new(), format!("Authorization: Bearer {token}\r\n")),
        (String::new(), format!("authorization: bearer {token}\r\n")),
    ] {
        let answer = gateway.attach(INSTANCE, &query, &headers);
        // The first call attaches. The others may get ECS's answer about the state of the ENI.
        assert!(answer.status == 200 || answer.code().starts_with("Invalid"), "{query} {headers}: {answer:?}");
        assert!(!answer.body.contains("InvalidSecurityToken"), "{answer:?}");
        let denied = gateway.attach(PROD_INSTANCE, &query, &headers);
        assert_eq!((denied.status, denied.code().as_str()), (403, "Forbidden.SubUser"), "{denied:?}");
    }
    let log = gateway.log();
    assert!(!log.contains(&token) && !log.contains(token.split('.').nth(2).unwrap()), "no token is logged");
    let lines: Vec<Value> = crate::support::schema::checked_lines(&log);
    let event = &lines[0]["event"];
    assert_eq!(event["additionalEventData"]["gateway"]["signature"]["scheme"], "BEARER", "{event:#}");
    assert_eq!(event["additionalEventData"]["gateway"]["signature"]["issuer"], ISSUER);
    assert_eq!(event["additionalEventData"]["gateway"]["signature"]["subject"], SUBJECT);
    assert_eq!(event["userIdentity"]["userName"], "terway");
    assert!(event["userIdentity"].get("accessKeyId").is_none());
}

#[test]
fn a_token_with_a_second_credential_is_refused() {
    let key = Key::ec("one");
    let gateway = gateway_for(&key);
    let (token, other) = (key.sign(&claims(now())), key.sign(&claims(now() - 1)));
    let bearer = format!("x-acs-bearer-token: {token}\r\n");
    for (query, headers, code, words) in [
        ("&AccessKeyId=LTAI5tBob&Signature=x".to_owned(), bearer.clone(), "InvalidParameter", "an `AccessKeyId`"),
        ("&SecurityToken=x".to_owned(), bearer.clone(), "InvalidParameter", "a security token"),
        (String::new(), format!("{bearer}x-acs-security-token: x\r\n"), "InvalidParameter", "a security token"),
        (
            String::new(),
            format!("{bearer}Authorization: Bearer {token}\r\n"),
            "InvalidParameter",
            "another bearer token",
        ),
        (String::new(), format!("{bearer}x-acs-bearer-token: {token}\r\n"), "InvalidParameter", "x-acs-bearer-token"),
        (format!("&BearerToken={other}"), bearer.clone(), "InvalidParameter", "another bearer token"),
        (
            String::new(),
            format!("{bearer}Authorization: ACS3-HMAC-SHA256 Credential=LTAI5tBob,SignedHeaders=host,Signature=x\r\n"),
            "InvalidParameter",
            "an `Authorization` header",
        ),
        ("&SignatureType=PRIVATEKEY".to_owned(), bearer.clone(), "InvalidParameter", "another `SignatureType`"),
        ("&SignatureType=BEARERTOKEN".to_owned(), String::new(), "MissingParameter", "BearerToken"),
        (String::new(), "x-acs-bearer-token: \r\n".to_owned(), "MissingParameter", "BearerToken"),
        (
            String::new(),
            format!("{bearer}x-acs-action: DeleteNetworkInterface\r\n"),
            "InvalidParameter",
            "x-acs-action",
        ),
        (String::new(), format!("{bearer}x-acs-version: 2014-05-27\r\n"), "InvalidParameter", "x-acs-version"),
    ] {
        let answer = gateway.attach(INSTANCE, &query, &headers);
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{query} {headers}: {answer:?}");
        assert!(answer.message().contains(words), "{words}: {answer:?}");
    }
}

#[test]
fn every_invalid_token_gets_the_documented_answer() {
    let key = Key::ec("one");
    let gateway = gateway_for(&key);
    let good = claims(now());
    let expired = gateway.with(&key.sign(&claims(now() - 3600)));
    assert_eq!((expired.status, expired.code().as_str()), (400, "InvalidSecurityToken.Expired"), "{expired:?}");
    for token in [
        Key::ec("one").sign(&good),
        key.sign(&but(&good, "iss", "https://other.example".into())),
        key.sign(&but(&good, "aud", "elsewhere".into())),
        key.sign(&but(&good, "sub", "unmapped".into())),
        key.sign(&but(&good, "sub", "repo:org/x".into())),
        "eyJ".to_owned(),
    ] {
        let answer = gateway.with(&token);
        assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidSecurityToken.Malformed"), "{answer:?}");
        assert_eq!(answer.message(), "Specified SecurityToken is malformed.", "the answer does not reveal the reason");
    }
    let log = gateway.log();
    for reason in
        ["signature does not match", "issuer is not configured", "audience is different", "not mapped to a principal"]
    {
        assert!(log.contains(reason), "{reason}: {log}");
    }
    let mapped = but(&but(&good, "sub", "repo:org/x".into()), "ref", "main".into());
    let alice = gateway.attach(PROD_INSTANCE, "", &format!("Authorization: Bearer {}\r\n", key.sign(&mapped)));
    assert_eq!(alice.code(), "Forbidden.SubUser");
    assert!(gateway.log().contains("\"userName\":\"alice\""));
}

/// An attacker in the path could read the token. Behind a proxy, the caller's connection to the proxy counts.
#[test]
fn a_token_without_tls_to_the_proxy_is_refused() {
    let key = Key::ec("one");
    let files: &[(&str, &[u8])] = &[("jwks.json", set(&[key.jwk()]).into_bytes().leak())];
    let gateway = TokenGateway::behind("\"127.0.0.1/32\"", ISSUER, "jwks = \"jwks.json\"", files);
    let bearer = format!("Authorization: Bearer {}\r\n", key.sign(&claims(now())));
    for (forwarded, open) in [
        ("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: http\r\n", true),
        ("X-Forwarded-For: 203.0.113.9\r\n", true),
        ("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n", false),
        ("", false),
    ] {
        let answer = gateway.attach(PROD_INSTANCE, "", &format!("{bearer}{forwarded}"));
        let expected = if open { (400, "InvalidParameter") } else { (403, "Forbidden.SubUser") };
        assert_eq!((answer.status, answer.code().as_str()), expected, "{forwarded}: {answer:?}");
        assert!(!open || answer.message().contains("send it over TLS"), "{answer:?}");
    }
}

#[test]
fn tokens_are_refused_if_no_issuer_is_configured() {
    let folder = tempdir().unwrap();
    let server = Server::start(&mut program(folder.path(), &["serve", "--listen", "127.0.0.1:0"]), "Ctrl-C stops");
    let address: SocketAddr = server.url().strip_prefix("http://").unwrap().parse().unwrap();
    let key = Key::ec("one");
    let request = format!(
        "GET /?Action=AttachNetworkInterface&Version=2014-05-26 HTTP/1.1\r\nHost: {address}\r\n\
         Authorization: Bearer {}\r\nConnection: close\r\n\r\n",
        key.sign(&claims(now()))
    );
    let answer = ask(address, request.as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidParameter"), "{answer:?}");
    assert!(answer.message().contains("no token issuer is configured"), "{answer:?}");
}

#[test]
fn an_invalid_issuer_is_refused_at_startup() {
    let key = Key::ec("one");
    let secret = r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"x"}]}"#;
    let good = set(&[key.jwk()]);
    let entry =
        "issuer = \"https://i\"\naudience = [\"a\"]\nprincipals = [{ sub = \"s\", principal = \"role/terway\" }]\n";
    for (jwt, jwks, words) in [
        (format!("{entry}jwks = \"jwks.json\""), secret, "symmetric key"),
        (format!("{entry}jwks = \"nowhere.json\""), good.as_str(), "cannot be read"),
        (format!("{entry}jwks = \"http://issuer.example/keys\""), &good, "could be changed in transit"),
        (format!("{entry}jwks = \"http://127.0.0.1.example/keys\""), &good, "could be changed in transit"),
        (format!("{entry}jwks = \"http://127.0.0.1:80@issuer.example/keys\""), &good, "could be changed in transit"),
        (entry.replace("https://i", "http://i"), &good, "the issuer is not an https URL"),
        (entry.replace("[\"a\"]", "[]"), &good, "the audience is empty"),
        (entry.replace("role/terway", "role/absent"), &good, "is not in any policy directory"),
        (entry.replace("role/terway", "terway"), &good, "is not a valid principal"),
        (
            entry.replace("principals = [{ sub = \"s\", principal = \"role/terway\" }]", "principals = []"),
            &good,
            "no subject",
        ),
        (format!("{entry}algorithms = [\"HS256\"]"), &good, "`HS256` is not an accepted token algorithm"),
        (format!("{entry}algorithms = [\"none\"]"), &good, "`none` is not an accepted token algorithm"),
        (format!("{entry}leeway = \"5m\""), &good, "more than a minute"),
        (format!("{entry}jwks = \"jwks.json\"\n[[identity.jwt]]\n{entry}jwks = \"jwks.json\""), &good, "given twice"),
        (entry.replace("{ sub", "{ claims = { ns = \"x\" }, sub"), &good, "is not a JSON pointer"),
    ] {
        let folder = tempdir().unwrap();
        let configuration = format!(
            "listen = \"127.0.0.1:0\"\npolicies = [\"{POLICIES}\"]\n[upstream]\nurl = \"simulator\"\n\
             regions = [\"cn-hangzhou\"]\n[[identity.jwt]]\n{jwt}\n"
        );
        start_refused(folder.path(), &configuration, jwks, words);
    }
}

fn start_refused(folder: &Path, configuration: &str, jwks: &str, words: &str) {
    for (name, text) in [
        ("ramgate.toml", configuration),
        ("jwks.json", jwks),
        ("keyring.toml", "[[access_key]]\nid = \"LTAI5tBob\"\nsecret = \"of-bob\"\nprincipal = \"user/bob\"\n"),
    ] {
        fs::write(folder.join(name), text).unwrap();
        close_to_others(&folder.join(name));
    }
    let ran = crate::support::program::finish(&mut program(folder, &["serve", "--config", "ramgate.toml"]), "");
    assert!(ran.status == 2 && ran.stderr.contains(words), "{words}: {ran:?}");
}
