//! Laws that hold for all policies and all requests.

use std::sync::Arc;

use proptest::prelude::*;
use ram_policy::{
    AttachedTo, Decision, Document, Finding, Layers, Library, PolicySetBuilder, Source, StatementRef, Targets, Verdict,
    evaluate,
};
use serde_json::{Value, json};

use super::call::{Call, document, identity, sets};

fn statement(effects: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let action = prop::sample::select(&["*", "ecs:*", "ecs:Attach*", "ecs:Describe*", "*:attachnetworkinterface"][..]);
    let resource = prop::sample::select(
        &["*", "acs:ecs:*:*:eni/*", "acs:ecs:*:*:instance/*", "acs:*:*:*:*", "acs:ecs:*:*:eni/eni-1", "acs:ecs:*:2:*"]
            [..],
    );
    let condition = prop::sample::select(vec![
        json!({}),
        json!({"StringEquals": {"acs:X": "a"}}),
        json!({"StringNotEquals": {"acs:X": ["a", "b"]}}),
        json!({"NotIpAddress": {"acs:X": "10.0.0.0/8"}}),
        json!({"StringLike": {"acs:PrincipalARN": "*:user/a*"}}),
    ]);
    let element = prop::sample::select(&["Action", "NotAction"][..]);
    (prop::sample::select(effects), element, action, resource, condition).prop_map(
        |(effect, element, action, resource, condition)| {
            let resources = [resource, "acs:vpc:*:*:vpc/*"];
            json!({"Effect": effect, element: action, "Resource": resources, "Condition": condition})
        },
    )
}

/// Statements that may matter for a call of which only the name is known.
fn by_name() -> impl Strategy<Value = Value> {
    let action = prop::sample::select(vec![
        json!("*"),
        json!("ecs:Stop*"),
        json!("ECS:stopinstance"),
        json!(["ecs:AttachNetworkInterface", "ecs:StopInstance", "ecs:StopInstances"]),
        json!(["ecs:StopInstance", "ecs:Start*"]),
        json!(["ecs:StopInstances", "ecs:AttachNetworkInterface"]),
    ]);
    let resource = prop::sample::select(&["*", "acs:ecs:*:*:*", "acs:*:*:*:*", "acs:ecs:*:*:instance/*"][..]);
    let condition = prop::sample::select(vec![
        json!({}),
        json!({"StringEquals": {"acs:X": "a"}}),
        json!({"StringEquals": {"acs:ResourceTag/t": "x"}}),
        json!({"StringNotEquals": {"acs:ResourceTag/t": "x"}}),
        json!({"StringNotEquals": {"acs:ResourceTag/t": "x", "acs:X": "a"}}),
    ]);
    let (effect, element) = (["Allow", "Allow", "Deny"], ["Action", "Action", "NotAction"]);
    let (effect, element) = (prop::sample::select(effect.to_vec()), prop::sample::select(element.to_vec()));
    (effect, element, action, resource, condition).prop_map(|(effect, element, action, resource, condition)| {
        json!({"Effect": effect, element: action, "Resource": resource, "Condition": condition})
    })
}

fn policies() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(statement(&["Allow", "Allow", "Deny"]), 0..6)
}

fn request() -> impl Strategy<Value = Call> {
    let resource = prop::sample::select(
        &[
            "acs:ecs:r:1:eni/eni-1",
            "acs:ecs:r:1:eni/eni-2",
            "acs:ecs:r:1:instance/i-1",
            "acs:ecs:r:2:eni/eni-1",
            "acs:ecs:r:1:eni/*",
            "*",
        ][..],
    );
    let value = prop::option::of(prop::sample::select(&["a", "b", "c", "10.0.0.1"][..]));
    let identity = prop::sample::select(&["user/alice", "role/terway"][..]);
    let action = prop::sample::select(&["ecs:AttachNetworkInterface", "ecs:NoSlot", "ecs:DescribeInstances"][..]);
    (prop::collection::vec(resource, 1..3), value, identity, action).prop_map(|(resources, value, identity, action)| {
        let mut call = Call::new(identity, &resources);
        call.action = action.parse().unwrap();
        match value {
            Some(value) => call.with("acs:X", value),
            None => call,
        }
    })
}

/// The slots of one list of actions are not those of another.
#[test]
fn sets_with_different_slots_are_judged_together() {
    let allow = |action: &str| {
        let statement = json!({"Effect": "Allow", "Action": action, "Resource": "*"});
        document("p", &text(std::slice::from_ref(&statement)))
    };
    let slots = |actions: [&str; 2]| PolicySetBuilder::new(actions.map(|action| action.parse().unwrap()));
    let (attach, describe) = ("ecs:AttachNetworkInterface", "ecs:DescribeInstances");
    let mut account = slots([attach, describe]);
    let layers = Arc::new(Layers::identity([account.set(AttachedTo::Role, vec![allow("*")])]));
    let mut call = Call::new("role/terway", &["acs:ecs:r:1:eni/eni-1"]);
    for (narrowed_to, expected) in [(attach, Verdict::Allow), (describe, Verdict::ImplicitDeny)] {
        let session = slots([describe, attach]).set(AttachedTo::Session, vec![allow(narrowed_to)]);
        call.session = Some(session);
        assert_eq!(verdict(&layers, &call), expected, "{narrowed_to}");
    }
}

#[test]
fn a_decision_may_cross_threads_and_outlive_its_request() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Decision>();
}

fn text(statements: &[Value]) -> String {
    json!({"Version": "1", "Statement": statements}).to_string()
}

/// Each statement in a document of its own.
fn layers(statements: &[Value]) -> Arc<Layers> {
    let attach =
        |(index, statement): (usize, &Value)| document(&format!("p{index}"), &text(std::slice::from_ref(statement)));
    identity(vec![(AttachedTo::User, statements.iter().enumerate().map(attach).collect())])
}

fn verdict(layers: &Arc<Layers>, call: &Call) -> Verdict {
    evaluate(layers, &call.request()).verdict()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// A valid document in which a piece is replaced by another, at any character.
    #[test]
    fn any_text_is_read_without_a_panic(
        statements in policies(), at in 0..200_usize, torn in 0..4_usize,
        piece in "[]\\[{}\",:0-9a-z\\\\\u{e9}\n]{0,4}",
    ) {
        let good: Vec<char> = json!({"Version": "1", "Statement": statements}).to_string().chars().collect();
        let at = at.min(good.len());
        let (head, tail) = (&good[..at], &good[(at + torn).min(good.len())..]);
        let text: String = head.iter().copied().chain(piece.chars()).chain(tail.iter().copied()).collect();
        if let Err(diagnostics) = Document::parse("p", &Source::new("p.json", text)) {
            prop_assert!(!diagnostics.is_empty());
            for diagnostic in diagnostics {
                prop_assert!(diagnostic.is_error() && diagnostic.position().is_some(), "{diagnostic}");
            }
        }
    }

    #[test]
    fn without_policies_nothing_is_allowed(request in request()) {
        prop_assert_eq!(verdict(&layers(&[]), &request), Verdict::ImplicitDeny);
    }

    #[test]
    fn one_more_deny_never_makes_the_verdict_milder(
        mut statements in policies(), deny in statement(&["Deny"]), request in request(),
    ) {
        let before = verdict(&layers(&statements), &request);
        statements.push(deny);
        prop_assert!(verdict(&layers(&statements), &request) >= before);
    }

    #[test]
    fn one_more_allow_never_overrides_an_explicit_deny(
        mut statements in policies(), allow in statement(&["Allow"]), request in request(),
    ) {
        let before = verdict(&layers(&statements), &request);
        statements.push(allow);
        let after = verdict(&layers(&statements), &request);
        prop_assert!(after <= before);
        prop_assert_eq!(before == Verdict::ExplicitDeny, after == Verdict::ExplicitDeny);
    }

    #[test]
    fn order_does_not_matter(mut statements in policies(), mut request in request(), by in 0..6_usize) {
        let before = verdict(&layers(&statements), &request);
        let by = by % statements.len().max(1);
        statements.rotate_left(by);
        for statement in &mut statements {
            for element in ["Action", "NotAction", "Resource"] {
                if let Some(list) = statement.get_mut(element).and_then(Value::as_array_mut) {
                    list.reverse();
                }
            }
        }
        request.resources.reverse();
        prop_assert_eq!(verdict(&layers(&statements), &request), before);
    }

    #[test]
    fn one_more_resource_never_makes_the_verdict_milder(
        statements in policies(), mut request in request(), other in request(),
    ) {
        let before = verdict(&layers(&statements), &request);
        request.resources.extend(other.resources);
        prop_assert!(verdict(&layers(&statements), &request) >= before);
    }

    /// All statements in one document, each in its own document, and each in its own set: the verdict is the same.
    #[test]
    fn the_grouping_of_statements_does_not_matter(statements in policies(), request in request()) {
        let apart = verdict(&layers(&statements), &request);
        if !statements.is_empty() {
            let whole = identity(vec![(AttachedTo::User, vec![document("p", &text(&statements))])]);
            prop_assert_eq!(verdict(&whole, &request), apart);
        }
        let each = |statement: &Value| {
            (AttachedTo::Group("g".into()), vec![document("p", &text(std::slice::from_ref(statement)))])
        };
        let sets = identity(statements.iter().map(each).collect());
        prop_assert_eq!(verdict(&sets, &request), apart);
    }

    /// Documents that share their parts are the same as documents that are read one by one.
    #[test]
    fn a_library_reads_the_same_documents(statements in policies(), request in request()) {
        let mut library = Library::default();
        let mut read = |(index, statement): (usize, &Value)| {
            let source = Source::new(format!("p{index}.json"), text(std::slice::from_ref(statement)));
            Arc::new(library.document(&format!("p{index}"), &source).unwrap())
        };
        let documents = statements.iter().enumerate().map(&mut read).collect();
        let shared = Arc::new(Layers::identity([sets().set(AttachedTo::User, documents)]));
        let request = request.request();
        let (shared, apart) = (evaluate(&shared, &request), evaluate(&layers(&statements), &request));
        let details = |decision: &Decision| decision.proof(&request).details().to_string();
        prop_assert_eq!(details(&shared), details(&apart));
    }

    /// With and without an index: a set without slots examines every statement.
    #[test]
    fn indexed_and_scanned_agree(statements in policies(), request in request()) {
        let documents: Vec<_> = statements.iter().map(|it| document("p", &text(std::slice::from_ref(it)))).collect();
        let scanned = PolicySetBuilder::default().set(AttachedTo::User, documents);
        let scanned = Arc::new(Layers::identity([scanned]));
        prop_assert_eq!(verdict(&scanned, &request), verdict(&layers(&statements), &request));
    }

    /// Many patterns with common prefixes, in a wide tree: the index finds the same statements as a scan of all
    /// patterns.
    #[test]
    fn a_crowded_index_finds_the_same_statements_as_a_scan(
        patterns in prop::collection::vec("([ab/]{0,4}|[a-z0-9]{0,2})[*?]{0,1}[ab]{0,2}[*]{0,1}", 1..60),
        relatives in prop::collection::vec("([ab/]{1,6}|[a-z0-9]{1,3})", 12),
        effects in prop::collection::vec(prop::sample::select(&["Allow", "Deny"][..]), 60),
    ) {
        let statement = |(pattern, effect): (&String, &&str)| {
            let pattern = if pattern.is_empty() { "*" } else { pattern };
            json!({"Effect": effect, "Action": "ecs:Attach*", "Resource": format!("acs:ecs:*:1:{pattern}")})
        };
        let statements: Vec<Value> = patterns.iter().zip(&effects).map(statement).collect();
        let all = document("p", &text(&statements));
        let indexed = Arc::new(Layers::identity([sets().set(AttachedTo::User, vec![Arc::clone(&all)])]));
        let scanned = Arc::new(Layers::identity([PolicySetBuilder::default().set(AttachedTo::User, vec![all])]));
        for relative in &relatives {
            let call = Call::new("user/alice", &[&format!("acs:ecs:r:1:{relative}")]);
            let (by_index, by_scan) = (evaluate(&indexed, &call.request()), evaluate(&scanned, &call.request()));
            prop_assert_eq!(by_index.verdict(), by_scan.verdict(), "{}", relative);
            let deciding = |decision: &Decision| {
                decision.deciding(&call.request(), 0).iter().map(|(_, at)| at.statement.index()).collect::<Vec<_>>()
            };
            prop_assert_eq!(deciding(&by_index), deciding(&by_scan), "{}", relative);
        }
    }

    /// For a call of which only the name is known, the index by name finds the same statements as a scan. With a slot
    /// for the action, every statement is examined.
    #[test]
    fn statements_found_by_name_are_those_that_a_scan_finds(
        statements in prop::collection::vec(by_name(), 0..9),
        value in prop::option::of(prop::sample::select(&["a", "b"][..])),
    ) {
        let mut call = Call::new("user/alice", &["*"]);
        (call.action, call.targets) = ("ecs:StopInstance".parse().unwrap(), Targets::Unknown);
        call.attributes = Vec::new();
        if let Some(value) = value {
            call = call.with("acs:X", value);
        }
        let documents: Vec<_> = statements.iter().map(|it| document("p", &text(std::slice::from_ref(it)))).collect();
        let set = |mut sets: PolicySetBuilder| sets.set(AttachedTo::User, documents.clone());
        let layers = |sets: PolicySetBuilder| Arc::new(Layers::identity([set(sets)]));
        let (named, scanned) = (layers(sets()), layers(PolicySetBuilder::new([call.action.clone()])));
        let request = call.request();
        let (by_name, by_scan) = (evaluate(&named, &request), evaluate(&scanned, &request));
        prop_assert_eq!(by_name.verdict(), by_scan.verdict());
        prop_assert_eq!(by_name.verdict(), by_name.proof(&request).verdict());
        let place = |at: StatementRef<'_>| {
            documents.iter().position(|it| std::ptr::eq(&raw const **it, at.document))
        };
        let deciding = |decision: &Decision| {
            decision.deciding(&request, 0).iter().map(|(_, at)| place(*at)).collect::<Vec<_>>()
        };
        prop_assert_eq!(deciding(&by_name), deciding(&by_scan));
        let possible_deny = |decision: &Decision| {
            decision.possible_deny(&request, 0).map(|possible| (place(possible.at), possible.mismatch))
        };
        prop_assert_eq!(possible_deny(&by_name), possible_deny(&by_scan));
    }

    #[test]
    fn the_proof_agrees_with_the_verdict(statements in policies(), request in request()) {
        let layers = layers(&statements);
        let decision = evaluate(&layers, &request.request());
        let request = request.request();
        let proof = decision.proof(&request);
        prop_assert_eq!(proof.verdict(), decision.verdict());
        for resource in proof.resources() {
            let foreign = resource.resource.account() == Some("2");
            let findings: Vec<_> = resource.layers.iter().flat_map(|layer| &layer.findings).collect();
            prop_assert_eq!(findings.len(), if foreign { 0 } else { statements.len() });
            let decides = findings.iter().any(|(_, finding)| *finding == Finding::Decides);
            prop_assert_eq!(decides, resource.judged.verdict != Verdict::ImplicitDeny);
        }
        prop_assert!(!proof.summary().to_string().contains('\n'));
        prop_assert!(!proof.details().to_string().is_empty());
    }
}
