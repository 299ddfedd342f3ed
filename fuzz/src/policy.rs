//! Policy documents, session policies among them, and the index held against two slower ways to the same verdict.

use std::sync::Arc;

use ram_policy::{Document, Effect, Library, Source};
use ramgate::pdp::Authorization;
use ramgate::suite::{Case, CaseRequest};
use serde_json::{Value, json};

use super::json::Json;

#[path = "../../crates/ram-policy/tests/engine/random.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the engine, which use more of it")]
mod random;
#[path = "../../crates/ram-policy/tests/engine/reference.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the engine, which use more of it")]
mod reference;

/// A document that is taken is JSON without a key that stands twice, has the statements that its text has, and is the
/// same document when it is read again: alone, from a library that knows it, in another layout, or by the grammar that
/// knows places.
pub(crate) fn document(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let source = Source::new("fuzz.json", text);
    match Document::parse("fuzz", &source) {
        Err(diagnostics) => assert!(!diagnostics.is_empty(), "a refusal has a reason"),
        Ok(document) => {
            let value: Value = serde_json::from_str(text).expect("an accepted document is JSON");
            let statements = match &value["Statement"] {
                Value::Array(all) => all.clone(),
                one => vec![one.clone()],
            };
            assert_eq!(document.statements().len(), statements.len());
            for (read, written) in document.statements().iter().zip(&statements) {
                assert_eq!(read.effect() == Effect::Deny, written["Effect"] == "Deny");
            }
            let as_written: Json = serde_json::from_str(text).unwrap();
            assert!(!as_written.repeats_a_key(), "of two equal keys, readers keep one or the other");
            let mut library = Library::default();
            let first = library.document("fuzz", &source).expect("read by itself, it was taken");
            let pretty = Source::new("pretty.json", serde_json::to_string_pretty(&value).unwrap());
            let again = library.document("fuzz", &pretty).expect("how a document is laid out does not matter");
            let shown =
                |document: &Document| format!("{:?}", document.statements().iter().map(text_of).collect::<Vec<_>>());
            assert_eq!(shown(&first), shown(&document));
            assert_eq!(shown(&again), shown(&document));
            for other in as_written.with_another_case() {
                let other = Source::new("case.json", other.with_keys(|key| Value::from(key).to_string()));
                assert!(
                    Document::parse("fuzz", &other).is_err(),
                    "case counts in elements and effects: {}",
                    other.text()
                );
            }
            // The reading for good documents finds no statement whose keys are all escaped, and leaves it to the grammar.
            let slow = Document::parse("fuzz", &Source::new("slow.json", as_written.with_keys(escaped)));
            let slow = slow.expect("the grammar takes what the quick reading takes");
            assert_eq!(shown(&slow), shown(&document));
        }
    }
}

/// The key with every character as an escape.
fn escaped(key: &str) -> String {
    format!("\"{}\"", key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>())
}

fn text_of(statement: &ram_policy::Statement) -> String {
    let mut conditions: Vec<_> = statement
        .conditions()
        .iter()
        .map(|it| format!("{:?} {} {:?}", it.operator(), it.written_key(), it.values()))
        .collect();
    // JSON objects have no order, and neither have the conditions of a statement.
    conditions.sort();
    format!("{:?} {:?} {:?} {conditions:?}", statement.effect(), statement.actions(), statement.resources())
}

/// The index, a look at every statement, and the slow evaluator that the tests keep agree on policies and requests that
/// the bytes choose.
pub(crate) fn index(data: &[u8]) {
    let mut rng = random::Rng::of_bytes(data);
    let policies = random::policies(&mut rng);
    let asked = random::request(&mut rng, &policies);
    let case = json!({"name": "fuzz", "policies": policies, "request": asked, "expect": "Allow"});
    let case: Case = serde_json::from_str(&case.to_string()).unwrap();
    let Ok(pdp) = case.pdp() else { panic!("a drawn case fits") };
    let request: CaseRequest = serde_json::from_value(asked.clone()).unwrap();
    let question = request.question(|_| Vec::new()).unwrap();
    // What the request does not state is absent, as the slow evaluator reads it; a suite would take it for unknown.
    let ruling = pdp.put(question.with_unknown(Arc::default()));
    let expected = reference::judge(&policies, &asked);
    assert_eq!(
        format!("{:?}", ruling.decision().verdict()),
        format!("{:?}", expected.verdict),
        "{asked:#} {policies:#?}"
    );
    let proof = match &ruling {
        Authorization::Permitted(permit) => permit.proof(),
        Authorization::Denied(denied) => denied.proof(),
    };
    assert_eq!(proof.verdict(), ruling.decision().verdict());
    assert!(!proof.summary().to_string().is_empty());
}
