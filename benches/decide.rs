//! The cost of a decision on both ARNs, including the construction of the question from strings.

use std::sync::Arc;

use divan::{Bencher, black_box};
use ram_policy::{AccountId, AttachedTo, Context, ContextKey, Document, Layers, PolicySetBuilder, Principal, Source};
use ramgate::catalog::{Binding, Catalog};
use ramgate::pdp::{ActionRequest, Directory, Pdp, PrincipalEntry, Question};
use ramgate::ram::{ParametersBuilder, Place};

fn main() {
    divan::main();
}

/// A call by a user with this many statements, of which only the last allows it.
#[divan::bench(args = [1, 10, 100, 1000, 10_000])]
fn decide(bencher: Bencher<'_, '_>, statements: usize) {
    let (pdp, principal) = pdp(statements);
    bencher.bench_local(|| pdp.decide(black_box(question(&principal))));
}

/// A denial and its reason, for a user with this many statements, none of which matches: the cost that a denied caller
/// can cause.
#[divan::bench(args = [100, 10_000, 100_000])]
fn deny(bencher: Bencher<'_, '_>, statements: usize) {
    let (pdp, principal) = pdp(statements);
    bencher.bench_local(|| {
        let ramgate::pdp::Authorization::Denied(denied) = pdp.decide(black_box(refused(&principal))) else {
            panic!("no statement matches");
        };
        denied.reason().len()
    });
}

/// Binding parameters to a call: names, types, region, both ARNs.
#[divan::bench]
fn bind(bencher: Bencher<'_, '_>) {
    let catalog = Catalog::bundled();
    let operation = catalog.operation("AttachNetworkInterface").expect("bundled");
    let account: AccountId = "1234567890123456".parse().expect("an account");
    let regions = ["cn-hangzhou".parse().expect("a region")];
    let mut builder = ParametersBuilder::default();
    for (name, value) in [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", "eni-bp1"), ("InstanceId", "i-bp1")] {
        builder.push(name, value, Place::Query);
    }
    let parameters = builder.finish().expect("distinct names");
    let binding = Binding { account: &account, regions: &regions };
    bencher.bench_local(|| catalog.bind(operation, black_box(&parameters), binding));
}

fn question(principal: &Principal) -> Question<ActionRequest> {
    asked(principal, "eni-bp17pdijfczax1huji01", "i-bp16qstyvxj9gpqw0001")
}

fn refused(principal: &Principal) -> Question<ActionRequest> {
    asked(principal, "eni-x", "i-x")
}

fn asked(principal: &Principal, eni: &str, instance: &str) -> Question<ActionRequest> {
    let arn = |id: &str| format!("acs:ecs:cn-hangzhou:1234567890123456:{id}").parse().expect("an ARN");
    let subject = ActionRequest {
        action: "ecs:AttachNetworkInterface".parse().expect("an action"),
        resources: vec![arn(&format!("eni/{eni}")), arn(&format!("instance/{instance}"))],
    };
    let mut context = Context::default();
    for (key, value) in [(ContextKey::SourceIp, "10.0.0.1"), (ContextKey::CurrentTime, "2026-01-01T00:00:00Z")] {
        context.add_text(key, value);
    }
    Question::new(principal.clone(), subject, context)
}

fn pdp(statements: usize) -> (Pdp, Principal) {
    let account: AccountId = "1234567890123456".parse().expect("an account");
    let principal = Principal::new(account.clone(), "user/alice".parse().expect("a user"));
    let parsed = Document::parse("bench", &Source::new("bench.json", document(statements)));
    let document = Arc::new(parsed.expect("a good document"));
    let mut sets = PolicySetBuilder::new(Catalog::bundled().indexed_actions());
    let layers = Arc::new(Layers::identity([sets.set(AttachedTo::User, vec![document])]));
    let entry = PrincipalEntry { id: None, layers, assumable: None };
    let directory = Directory::new([account], [(principal.clone(), entry)], "bench".to_owned());
    (Pdp::new(Arc::new(directory)), principal)
}

fn document(statements: usize) -> String {
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
