//! The reference evaluator of RAM policies and the random cases it judges, each held to what it promises.
#![allow(clippy::unwrap_used)]

pub mod reference;

use reference::{Verdict, judge};
use serde_json::Value;

const CASES: &str = include_str!("../fixtures/cases/ram-decisions.cases.json");

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
