//! The cost of parsing documents, attaching them, deciding a request and explaining a denial.

use std::sync::Arc;

use divan::{Bencher, black_box};
use ram_policy::{
    Action, AttachedTo, Context, ContextKey, Document, Layers, PolicySetBuilder, Principal, Request, Resource, Source,
    Targets, UnknownKeys, evaluate,
};

fn main() {
    divan::main();
}

/// Parsing a document with this many statements.
#[divan::bench(args = [1, 100, 10_000])]
fn parse(bencher: Bencher<'_, '_>, statements: usize) {
    let text = policy(statements);
    bencher.bench_local(|| Document::parse("bench", &Source::new("bench.json", black_box(text.as_str()))));
}

/// Indexing a parsed document with this many statements.
#[divan::bench(args = [1, 100, 10_000])]
fn attach(bencher: Bencher<'_, '_>, statements: usize) {
    let document = document(statements);
    bencher.bench_local(|| PolicySetBuilder::default().set(AttachedTo::User, vec![Arc::clone(black_box(&document))]));
}

/// A request that only the last of this many statements allows.
#[divan::bench(args = [1, 100, 10_000, 100_000])]
fn allow(bencher: Bencher<'_, '_>, statements: usize) {
    bench(bencher, statements, ["eni/eni-bp17pdijfczax1huji01", "instance/i-bp16qstyvxj9gpqw0001"], |_, _| ());
}

/// A request that none of this many statements allows.
#[divan::bench(args = [1, 100, 10_000, 100_000])]
fn deny(bencher: Bencher<'_, '_>, statements: usize) {
    bench(bencher, statements, ["eni/eni-x", "instance/i-x"], |_, _| ());
}

/// A denial and its reason in one line: the cost that a denied caller can cause.
#[divan::bench(args = [1, 100, 10_000, 100_000])]
fn deny_with_reason(bencher: Bencher<'_, '_>, statements: usize) {
    bench(bencher, statements, ["eni/eni-x", "instance/i-x"], |decision, request| {
        black_box(decision.reason(request).to_string());
    });
}

/// A denial and its proof, which looks at every statement.
#[divan::bench(args = [1, 100, 10_000])]
fn deny_with_proof(bencher: Bencher<'_, '_>, statements: usize) {
    bench(bencher, statements, ["eni/eni-x", "instance/i-x"], |decision, request| {
        black_box(decision.proof(request).details().to_string());
    });
}

fn bench(
    bencher: Bencher<'_, '_>,
    statements: usize,
    ids: [&str; 2],
    explain: impl Fn(&ram_policy::Decision, &Request<'_>),
) {
    let principal =
        Principal::new("1234567890123456".parse().expect("an account"), "user/alice".parse().expect("a user"));
    let action: Action = "ecs:AttachNetworkInterface".parse().expect("an action");
    let arns = ids.map(|id| format!("acs:ecs:cn-hangzhou:1234567890123456:{id}"));
    let set = PolicySetBuilder::default().set(AttachedTo::User, vec![document(statements)]);
    let layers = Arc::new(Layers::identity([set]));
    let mut context = Context::default();
    for (key, value) in [(ContextKey::SourceIp, "10.0.0.1"), (ContextKey::CurrentTime, "2026-01-01T00:00:00Z")] {
        context.add_text(key, value);
    }
    bencher.bench_local(|| {
        let resources = arns.each_ref().map(|arn| black_box(arn).parse::<Resource<'_>>().expect("an ARN"));
        let request = Request {
            principal: &principal,
            action: &action,
            resources: &resources,
            deny_only: &[],
            context: &context,
            attributes: &[],
            session_policy: None,
            unknown_keys: UnknownKeys::none(),
            targets: Targets::Known,
        };
        let decision = evaluate(&layers, &request);
        explain(&decision, &request);
        decision.verdict()
    });
}

fn document(statements: usize) -> Arc<Document> {
    Arc::new(Document::parse("bench", &Source::new("bench.json", policy(statements))).expect("a valid document"))
}

fn policy(statements: usize) -> String {
    let statement = |at: usize| {
        let (eni, instance) = if at + 1 == statements {
            ("eni/eni-bp17*".to_owned(), "instance/i-bp16*".to_owned())
        } else {
            (format!("eni/eni-{at}*"), format!("instance/i-{at}*"))
        };
        format!(
            r#"{{"Effect":"Allow","Action":["ecs:AttachNetworkInterface","ecs:Detach*"],
                "Resource":["acs:ecs:cn-hangzhou:*:{eni}","acs:ecs:cn-hangzhou:*:{instance}"],
                "Condition":{{"IpAddress":{{"acs:SourceIp":"10.0.0.0/8"}}}}}}"#
        )
    };
    let all: Vec<_> = (0..statements).map(statement).collect();
    format!(r#"{{"Version":"1","Statement":[{}]}}"#, all.join(","))
}
