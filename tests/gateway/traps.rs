//! Answers that real clients would misread, and habits of theirs that must be accepted (`docs/spec/wire-protocol.md`
//! 5.3, `docs/spec/ecs-eni.md` A.4, `docs/spec/sdk-behaviour.md` 3).

use std::path::PathBuf;

use crate::support::caller::{FORM, raw};
use crate::support::refusals::{DIALECTS, Dialect, KEYS, OWN_ACCOUNT, Refused, refusals, tampered, with};
use crate::support::{Answer, Caller, Setup, TestGateway, ask, envelope};
use ram_policy::Source;

/// If one of these words occurs in an error, Terraform repeats the call or assumes that the resource is gone.
const WATCHED_WORDS: [&str; 6] =
    ["NotFound", "InternalError", "ServiceUnavailable", "OperationConflict", "InvalidOperation", "Throttling"];

/// Terraform also acts if a code that it expects *begins* with the code that it received.
const WATCHED_CODES: [&str; 14] = [
    "InvalidOperation.InvalidEniState",
    "InvalidOperation.InvalidEcsState",
    "InvalidOperation.InvalidEniType",
    "InvalidOperation.HasMemberEniAttached",
    "Operation.Conflict",
    "OperationConflict",
    "ServiceUnavailable",
    "InternalError",
    "Throttling.User",
    "Throttling.Api",
    "Forbidden.InstanceNotFound",
    "InvalidEniId.NotFound",
    "InvalidEcsId.NotFound",
    "InvalidInstanceId.NotFound",
];

#[test]
fn no_refusal_is_mistaken_for_another_error() {
    for_all_refusals(|refused, answer, situation| {
        assert!(!matches!(answer.status, 300..400 | 404 | 429), "{situation}: {answer:?}");
        let code = answer.code();
        let prefix = WATCHED_CODES.iter().find(|watched| watched.starts_with(&code));
        assert_eq!(prefix, None, "{situation}: `{code}` is read as another code");
        assert_ne!(code, "Forbidden", "{situation}");
        if !refused.code.contains("NotFound") {
            assert!(!answer.body.contains("NotFound"), "{situation}: {answer:?}");
        }
    });
}

#[test]
fn no_answer_reveals_the_text_that_was_signed() {
    for_all_refusals(|refused, answer, situation| {
        if refused.code == "SignatureDoesNotMatch" {
            assert!(answer.message().contains(':'), "old Python clients split the message at the colon: {answer:?}");
        }
        let body = answer.body.to_ascii_lowercase();
        for echo in ["string to sign", "stringtosign", "canonicalrequest", "acs3-hmac", "caistoken", "hmac-sha1"] {
            assert!(!body.contains(echo), "{situation}: `{echo}` in {answer:?}");
        }
    });
}

#[test]
fn no_denial_contains_a_watched_word() {
    for word in WATCHED_WORDS {
        let gateway = TestGateway::start(account_named_after(word));
        for dialect in DIALECTS {
            for (key, shows_detail) in [("LTAI5tTestUser000000", false), ("LTAI5tTestRole000000", false), (TAME, true)]
            {
                let answer = gateway.ask(&dialect.attach(&Caller::new(key, "s")));
                let situation = format!("{word}, {key} ({dialect:?})");
                envelope::check(&answer, dialect.format, &situation);
                assert_eq!((answer.status, answer.code().as_str()), (403, "Forbidden.SubUser"), "{situation}");
                for word in WATCHED_WORDS {
                    assert!(!answer.body.contains(word), "{situation}: {answer:?}");
                }
                assert_eq!(answer.body.contains("AccessDeniedDetail"), shows_detail, "{situation}: {answer:?}");
            }
        }
    }
}

#[test]
fn a_refused_head_is_answered_in_the_format_that_its_sender_reads() {
    let gateway = TestGateway::demo();
    let heads: [(&str, Vec<u8>, &str); 7] = [
        ("libcloud", raw("GET", "//?Format=XML&Action=A", &[("Host", "a"), ("Accept-Encoding", "gzip")], ""), "XML"),
        ("no format", raw("GET", "//", &[("Host", "a")], ""), "XML"),
        ("an old SDK", raw("PUT", "/?Format=JSON", &[("Host", "a")], ""), "JSON"),
        ("a V3 SDK", raw("PUT", "/", &[("Host", "a"), ("Authorization", "ACS3-HMAC-SHA256 x")], ""), "JSON"),
        ("an `Accept` header", raw("PUT", "/", &[("Host", "a"), ("accept", "application/json")], ""), "JSON"),
        ("a form", raw("PUT", "/", &[("Host", "a"), FORM], "Format=JSON"), "JSON"),
        ("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".to_vec(), "XML"),
    ];
    for (sender, head, format) in heads {
        let answer = gateway.exchange(&head);
        envelope::check(&answer, format, sender);
        assert!(answer.closed, "{sender}: what follows such a head cannot be trusted: {answer:?}");
    }
}

#[test]
fn an_unknown_answer_format_is_refused_in_a_known_one() {
    let gateway = TestGateway::demo();
    let bad = |dialect| Dialect { format: "html", ..dialect };
    for (dialect, format) in [(DIALECTS[0], "XML"), (DIALECTS[2], "JSON")] {
        let answer = gateway.ask(&bad(dialect).attach(&Caller::terway()));
        envelope::check(&answer, format, "a bad Format");
        assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidParameter.Format"));
    }
    let accepting = [("Host", "a"), ("Accept", "application/json")];
    envelope::check(&gateway.ask(&raw("POST", "/?Format=html", &accepting, "")), "JSON", "Accept");
}

#[test]
fn without_a_format_the_answer_is_json_for_v3_and_xml_for_v1() {
    let gateway = TestGateway::demo();
    let mut silent = Caller::bob();
    silent.format = None;
    let parameters = with(&[]);
    envelope::check(&gateway.ask(&silent.request(crate::support::Shape::V1Query, &parameters)), "XML", "V1");
    envelope::check(&gateway.ask(&silent.request(crate::support::Shape::V3Query, &parameters)), "JSON", "V3");
    for (format, expected) in [("None", "XML"), ("json", "JSON"), ("xml", "XML")] {
        silent.format = Some(format.to_owned());
        envelope::check(&gateway.ask(&silent.request(crate::support::Shape::V1Query, &parameters)), expected, format);
    }
}

#[test]
fn parameters_that_real_clients_add_are_accepted() {
    let gateway = TestGateway::demo();
    let habits: [&[(&str, &str)]; 5] = [
        &[("on", "AttachNetworkInterface")],
        &[("SourceIp", "1.2.3.4"), ("SecureTransport", "true")],
        &[OWN_ACCOUNT],
        &[("WaitForNetworkConfigurationReady", "true")],
        &[("TrunkNetworkInstanceId", "eni-a")],
    ];
    let (last, fine) = habits.split_last().unwrap();
    for habit in fine {
        let answer = gateway.ask(&DIALECTS[0].call(&Caller::terway(), &with(habit)));
        assert_eq!(answer.status, 200, "{habit:?}: {answer:?}");
    }
    assert_eq!(gateway.ask(&DIALECTS[0].call(&Caller::terway(), &with(last))).status, 400);
    // pop-core keeps the first letter of the action in the unsigned header as its caller wrote it.
    let small = tampered(
        &DIALECTS[0].attach(&Caller::terway()),
        "\r\n\r\n",
        "\r\nx-acs-action: attachNetworkInterface\r\nx-acs-version: 2014-05-26\r\n\r\n",
    );
    assert_eq!(gateway.ask(&small).status, 200);
}

#[test]
fn a_repeated_attach_of_the_same_pair_converges() {
    let gateway = TestGateway::demo();
    for _ in 0..2 {
        let answer = gateway.ask(&DIALECTS[0].attach(&Caller::terway()));
        assert_eq!(answer.status, 200, "Terway repeats an attach until it succeeds: {answer:?}");
    }
}

#[test]
fn a_chunked_form_is_read() {
    let gateway = TestGateway::demo();
    let form = Caller::terway().v1_query(ramgate::testing::wire::Method::Post, &with(&[]));
    let headers = [("Host", "a"), FORM, ("Transfer-Encoding", "chunked")];
    let mut request = raw("POST", "/", &headers, "");
    request.extend_from_slice(format!("{:x}\r\n{form}\r\n0\r\n\r\n", form.len()).as_bytes());
    assert_eq!(gateway.ask(&request).status, 200, "Node clients send their forms chunked");
}

fn for_all_refusals(check: impl Fn(&Refused, &Answer, &str)) {
    let gateway = TestGateway::start(Setup { keyring: KEYS.to_owned(), ..Setup::default() });
    for dialect in DIALECTS {
        for refused in refusals(dialect) {
            let answer = ask(gateway.address, &refused.request);
            check(&refused, &answer, &format!("{} ({dialect:?})", refused.situation));
        }
    }
}

const TAME: &str = "LTAI5tTestTame000000";

/// A user and a role that are named after a word and have no id to show instead, a user with a harmless name, and a
/// policy, also named after the word, that denies everything.
fn account_named_after(word: &str) -> Setup {
    let account = format!(
        "account = \"{}\"\n\
         [users.the-{word}-user]\npolicies = [\"{word}\"]\n\
         [users.tame]\npolicies = [\"{word}\"]\n\
         [roles.{word}]\npolicies = [\"{word}\"]\n",
        crate::support::ACCOUNT
    );
    let document = r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}"#;
    let mut setup = Setup::default();
    setup.policies.accounts = vec![(PathBuf::from("account.toml"), Source::new("account.toml", account))];
    setup.policies.documents = vec![(PathBuf::from(format!("{word}.json")), Source::new("a document", document))];
    let principals =
        [("LTAI5tTestUser000000", format!("user/the-{word}-user")), ("LTAI5tTestRole000000", format!("role/{word}"))];
    for (id, principal) in principals.into_iter().chain([(TAME, "user/tame".to_owned())]) {
        setup.keyring += &format!("[[access_key]]\nid = \"{id}\"\nsecret = \"s\"\nprincipal = \"{principal}\"\n");
    }
    setup
}
