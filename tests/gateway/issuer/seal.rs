//! Security tokens: their validity, to the second, and their integrity, to the byte.

use jiff::Timestamp;
use ram_policy::{Principal, Source};
use ramgate::identity::{
    Authenticator, Channel, Claim, Clock, Grant, IdentityError, InMemoryNonces, Issued, Issuer, IssuerKeyRing, KeyRing,
    NewIssuerKey, NonceLimits, SecurityTokenError, Signed,
};
use ramgate::ram::{KnownBy, Origin, Session};
use ramgate::testing::wire::{FormLimits, Head, HeadLimits, read_parameters};

use crate::support::Shape;
use crate::support::caller::Caller;

const NOW: i64 = 1_767_225_600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

/// A file with keys that come into force at these seconds.
fn file(from: &[i64]) -> (String, Vec<String>) {
    let keys: Vec<NewIssuerKey> = from.iter().map(|from| NewIssuerKey::random(at(*from))).collect();
    let text = |key: &NewIssuerKey| {
        format!("[[key]]\nid = \"{}\"\nfrom = \"{}\"\nsecret = \"{}\"\n", key.id, key.from, key.secret.expose())
    };
    (keys.iter().map(text).collect(), keys.iter().map(|key| key.id.clone()).collect())
}

fn ring(text: &str) -> IssuerKeyRing {
    IssuerKeyRing::read(&Source::new("issuer.key", text)).unwrap()
}

fn grant(lasts: i64) -> Grant {
    let principal = Principal::new("1234567890123456".parse().unwrap(), "role/terway".parse().unwrap());
    let origin = Origin::Token { issuer: "https://issuer.example".into(), subject: "pod".into() };
    let session = Session {
        name: "node-1".parse().unwrap(),
        key: Issuer::new_access_key_id(),
        expires: at(lasts),
        origin,
        narrowed_by: None,
    };
    Grant { principal, session, policy: None }
}

/// Authenticates a call with the key at a time.
fn call(issuer: &Issuer, key: &Issued, shape: Shape, seconds: i64) -> Result<KnownBy, IdentityError> {
    let caller = Caller {
        token: Some(key.security_token.expose().to_owned()),
        timestamp: Some(at(seconds).to_string()),
        ..Caller::new(key.access_key_id.as_str(), key.secret.expose())
    };
    authenticated(issuer, &caller.attach(shape), seconds)
}

fn authenticated(issuer: &Issuer, request: &[u8], seconds: i64) -> Result<KnownBy, IdentityError> {
    let limits = HeadLimits { head_bytes: 1 << 16, query_bytes: 1 << 15, body_bytes: 1 << 16, headers: 100 };
    let end = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let (head, body) = (Head::read(&request[..end], &limits).unwrap(), &request[end..]);
    let parameters = read_parameters(head.query(), body, FormLimits { parameters: 100 }).unwrap();
    let signed = Signed::new(&head, &parameters, body);
    let (keys, nonces) = (KeyRing::default(), nonces());
    let authenticator = Authenticator {
        keys: &keys,
        issuers: &[],
        issuer: Some(issuer),
        channel: Channel::Open,
        clock: Clock { skew: std::time::Duration::from_secs(900) },
        nonces: &nonces,
        budget: None,
    };
    let claim = Claim::read(&signed).unwrap();
    authenticator.authenticate(&claim, &signed, at(seconds)).map(|it| it.caller.proof)
}

fn nonces() -> InMemoryNonces {
    let limits = NonceLimits { span: std::time::Duration::from_secs(1860), capacity: 1000, share: 1.0 };
    InMemoryNonces::new(limits, || std::time::Duration::ZERO)
}

#[test]
fn a_key_is_valid_until_the_second_it_expires() {
    let issuer = Issuer::new(ring(&file(&[0]).0));
    let key = issuer.issue(&grant(900), at(0)).unwrap();
    for shape in [Shape::V1Query, Shape::V3Query] {
        for (seconds, good) in [(0, true), (899, true), (900, false), (901, false)] {
            let expected = if good { Ok(()) } else { Err(IdentityError::SecurityToken(SecurityTokenError::Expired)) };
            assert_eq!(call(&issuer, &key, shape, seconds).map(|_| ()), expected, "{seconds}");
        }
    }
    let Ok(KnownBy::Session(session)) = call(&issuer, &key, Shape::V1Query, 1) else { panic!() };
    assert_eq!((session.name.as_str(), session.expires), ("node-1", at(900)));
    assert_eq!(session.origin.token(), Some(("https://issuer.example", "pod")));
}

/// A token with any byte changed, cut off or added is refused.
#[test]
fn a_token_that_was_changed_or_cut_is_refused() {
    let issuer = Issuer::new(ring(&file(&[0]).0));
    let key = issuer.issue(&grant(900), at(0)).unwrap();
    let (id, token) = (key.access_key_id.as_str(), key.security_token.expose());
    issuer.open(id, token).unwrap();
    for place in 0..token.len() {
        let mut changed = token.as_bytes().to_vec();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let error = issuer.open(id, &changed).unwrap_err();
        assert!(matches!(error, SecurityTokenError::Malformed | SecurityTokenError::UnknownKey), "{place}");
        issuer.open(id, &token[..place]).unwrap_err();
    }
    issuer.open(id, &format!("{token}A")).unwrap_err();
    let other = issuer.issue(&grant(900), at(0)).unwrap();
    assert_eq!(issuer.open(other.access_key_id.as_str(), token).unwrap_err(), SecurityTokenError::Mismatch);
    assert_eq!(issuer.open("LTAI5tAlice", token).unwrap_err(), SecurityTokenError::Mismatch);
    assert!(!key.secret.is(&other.secret), "each key has its own secret");
    let stranger = Issuer::new(ring(&file(&[0]).0));
    assert_eq!(stranger.open(id, token).unwrap_err(), SecurityTokenError::UnknownKey);
}

#[test]
fn the_secret_of_one_key_does_not_sign_for_another() {
    let issuer = Issuer::new(ring(&file(&[0]).0));
    let (one, other) = (issuer.issue(&grant(900), at(0)).unwrap(), issuer.issue(&grant(900), at(0)).unwrap());
    let mixed = Issued { secret: other.secret.clone(), ..one.clone() };
    assert_eq!(call(&issuer, &mixed, Shape::V1Query, 1).unwrap_err(), IdentityError::SignatureV1);
    assert_eq!(call(&issuer, &mixed, Shape::V3Query, 1).unwrap_err(), IdentityError::SignatureV3);
    let mixed = Issued { security_token: other.security_token.clone(), ..one.clone() };
    let error = call(&issuer, &mixed, Shape::V1Query, 1).unwrap_err();
    assert_eq!(error, IdentityError::SecurityToken(SecurityTokenError::Mismatch));
    let bare =
        Caller { timestamp: Some(at(1).to_string()), ..Caller::new(one.access_key_id.as_str(), one.secret.expose()) };
    assert_eq!(
        authenticated(&issuer, &bare.attach(Shape::V3Query), 1).unwrap_err(),
        IdentityError::MissingSecurityToken
    );
    let foreign = Caller { token: Some("CAIS…".to_owned()), ..bare.clone() };
    assert_eq!(authenticated(&issuer, &foreign.attach(Shape::V1Query), 1).unwrap_err(), IdentityError::ForeignToken);
}

/// The newest key in force seals tokens; every key opens them.
#[test]
fn keys_roll_over_with_an_overlap() {
    let (text, ids) = file(&[0, 600]);
    let issuer = Issuer::new(ring(&text));
    let sealed_with = |seconds: i64| {
        let key = issuer.issue(&grant(seconds + 900), at(seconds)).unwrap();
        let token = key.security_token.expose().to_owned();
        token.split('.').nth(1).unwrap().to_owned()
    };
    for (seconds, id) in [(0, &ids[0]), (599, &ids[0]), (600, &ids[1]), (6000, &ids[1])] {
        assert_eq!(&sealed_with(seconds), id, "{seconds}");
    }
    assert!(issuer.issue(&grant(900), at(-1)).is_err(), "no key is in force yet");
    let old = issuer.issue(&grant(4000), at(0)).unwrap();
    assert!(call(&issuer, &old, Shape::V1Query, 700).is_ok());
    // Without the old key, its tokens are refused at once, even those that were opened before.
    let second = text.split("[[key]]").nth(2).unwrap();
    issuer.replace(ring(&format!("[[key]]{second}")));
    let error = call(&issuer, &old, Shape::V1Query, 700).unwrap_err();
    assert_eq!(error, IdentityError::SecurityToken(SecurityTokenError::UnknownKey));
}

#[test]
fn a_key_is_superseded_when_all_its_sessions_have_expired() {
    let twelve_hours = 43_200;
    let (text, ids) = file(&[0, 600, 1200]);
    let keys = ring(&text);
    let gone = |seconds: i64| keys.superseded(at(seconds)).map(str::to_owned).collect::<Vec<_>>();
    assert!(gone(600 + twelve_hours).is_empty());
    assert_eq!(gone(600 + twelve_hours + 1), ids[..1]);
    assert_eq!(gone(1200 + twelve_hours + 1), ids[..2]);
    assert_eq!(gone(1_000_000), ids[..2], "the last key is never superseded");
}

#[test]
fn an_invalid_key_file_is_refused_without_quoting_its_secret() {
    let secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let from = at(0);
    let key = |id: &str, secret: &str| format!("[[key]]\nid = \"{id}\"\nfrom = \"{from}\"\nsecret = \"{secret}\"\n");
    assert!(IssuerKeyRing::read(&Source::new("k", key("a", secret))).is_ok());
    for text in [
        String::new(),
        "schema = 2\n".to_owned() + &key("a", secret),
        key("", secret),
        key("a b", secret),
        key("a", "short"),
        key("a", secret) + &key("a", secret),
        key("a", secret).replace("2026", "soon"),
        key("a", secret) + "more = 1\n",
        format!("secret = \"{secret}\""),
    ] {
        let diagnostics = IssuerKeyRing::read(&Source::new("k", text.as_str())).unwrap_err();
        for diagnostic in diagnostics {
            assert!(!format!("{diagnostic:?}").contains(secret), "{diagnostic:?}");
        }
    }
}
