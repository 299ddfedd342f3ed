//! Tests of the engine alone: documents, decisions, explanations, laws, and random requests against a reference
//! evaluator, which is itself tested here against the worked cases.
#![allow(clippy::unwrap_used)]

pub mod account;
mod agreement;
pub mod call;
mod covers;
mod deny_only;
mod documents;
mod explanations;
mod globs;
mod laws;
mod nearest;
mod needs;
pub mod random;
pub mod reference;
mod trust;

use std::collections::BTreeMap;

use random::{Rng, policies, request};
use reference::{Verdict, judge};
use serde_json::Value;

const CASES: &str = include_str!("../../../../tests/fixtures/cases/ram-decisions.cases.json");

#[test]
fn the_reference_agrees_with_every_worked_case() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    let mut judged = 0;
    for case in cases.iter().filter(|case| case["expect"] != "PolicyRejected") {
        let found = judge(case["policies"].as_array().unwrap(), &case["request"]);
        assert_eq!(format!("{:?}", found.verdict), case["expect"], "{}", case["name"]);
        if let Some(layer) = case.get("layer") {
            assert_eq!(found.policy_type, layer.as_str(), "{}", case["name"]);
        }
        assert_eq!(found.verdict == Verdict::Allow, found.policy_type.is_none(), "{}", case["name"]);
        assert_eq!(found.verdict, *found.resources.iter().max().unwrap(), "{}", case["name"]);
        judged += 1;
    }
    assert_eq!(judged, 96);
}

#[test]
fn random_cases_reach_every_verdict_often() {
    const CASES: usize = if cfg!(debug_assertions) { 5_000 } else { 20_000 };
    let mut rng = Rng::new(1);
    let mut verdicts = BTreeMap::new();
    let mut denials = BTreeMap::new();
    for _ in 0..CASES {
        let policies = policies(&mut rng);
        let judged = judge(&policies, &request(&mut rng, &policies));
        *verdicts.entry(judged.verdict).or_insert(0) += 1;
        if let Some(policy_type) = judged.policy_type {
            *denials.entry((policy_type, judged.verdict)).or_insert(0) += 1;
        }
    }
    println!("{verdicts:#?}\n{denials:#?}");
    for verdict in [Verdict::Allow, Verdict::ImplicitDeny, Verdict::ExplicitDeny] {
        assert!(verdicts[&verdict] * 100 >= CASES * 15, "{verdicts:?}");
    }
    for denial in [
        ("ControlPolicy", Verdict::ImplicitDeny),
        ("ControlPolicy", Verdict::ExplicitDeny),
        ("SessionPolicy", Verdict::ImplicitDeny),
        ("SessionPolicy", Verdict::ExplicitDeny),
        ("AccountLevelIdentityBasedPolicy", Verdict::ImplicitDeny),
        ("AccountLevelIdentityBasedPolicy", Verdict::ExplicitDeny),
        ("ResourceGroupLevelIdentityBasedPolicy", Verdict::ExplicitDeny),
    ] {
        assert!(denials.get(&denial).is_some_and(|count| count * 100 >= CASES), "{denial:?}: {denials:?}");
    }
}

/// A part of the policies decides a case if the case has another result without that part.
#[test]
fn every_layer_decides_sometimes() {
    const CASES: usize = 2_000;
    let mut rng = Rng::new(2);
    let mut decided = BTreeMap::new();
    for _ in 0..CASES {
        let policies = policies(&mut rng);
        let request = request(&mut rng, &policies);
        let judged = judge(&policies, &request);
        for (member, prefix) in PARTS {
            let is_of_part = |policy: &Value| policy[member].as_str().is_some_and(|text| text.starts_with(prefix));
            let others: Vec<Value> = policies.iter().filter(|policy| !is_of_part(policy)).cloned().collect();
            if others.len() < policies.len() && judge(&others, &request) != judged {
                *decided.entry((prefix, judged.verdict)).or_insert(0) += 1;
            }
        }
    }
    println!("{decided:#?}");
    for (_, prefix) in PARTS {
        for verdict in [Verdict::Allow, Verdict::ExplicitDeny] {
            // A policy that only restricts others cannot be the reason why a call is allowed.
            let bounds = prefix == "session" || CONTROL_LEVELS.contains(&prefix);
            let least = if bounds && verdict == Verdict::Allow { 0 } else { CASES / 200 };
            let count = decided.get(&(prefix, verdict)).copied().unwrap_or(0);
            assert!(count >= least, "{prefix} decides {count} cases for {verdict:?}: {decided:?}");
        }
    }
}

const CONTROL_LEVELS: [&str; 3] = ["member", "folder:", "root-folder"];

/// Members of a policy object, and the prefixes of their texts.
const PARTS: [(&str, &str); 9] = [
    ("level", "member"),
    ("level", "folder:"),
    ("level", "root-folder"),
    ("kind", "session"),
    ("scope", "account"),
    ("scope", "resource-group:"),
    ("attached_to", "user:"),
    ("attached_to", "group:"),
    ("attached_to", "role:"),
];
