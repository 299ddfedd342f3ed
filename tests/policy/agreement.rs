//! The engine against the slow, obvious evaluator, on random policies and requests; and its own two ways against each
//! other.

use ramgate::pdp::{Asked, Ruling};
use ramgate::policy::Verdict;
use ramgate::suite::{Case, CaseRequest, Stage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::random::{Rng, policies, request};
use super::reference::{self, judge};

/// How many sets of policies, and how many requests of each. In optimised builds the million that the engine owes.
const SETS: u64 = if cfg!(debug_assertions) { 400 } else { 125_000 };
const REQUESTS: u64 = 8;

#[test]
fn the_engine_agrees_with_the_reference() {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64).min(8);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for seed in (thread..SETS).step_by(threads as usize) {
                    compare(seed);
                }
            });
        }
    });
}

fn compare(seed: u64) {
    let mut rng = Rng::new(seed ^ 0x5eed_0000_0000);
    let policies = policies(&mut rng);
    let first = request(&mut rng, &policies);
    let case = json!({"name": "random", "policies": policies, "request": first, "expect": "Allow"});
    let case: Case = serde_json::from_str(&case.to_string()).unwrap();
    let stage = case.stage().unwrap_or_else(|unfit| panic!("{unfit:?}"));
    for number in 0..REQUESTS {
        let mut asked = request(&mut rng, &policies);
        asked["principal"] = first["principal"].clone();
        let ruling = decide(&stage, &asked);
        let expected = judge(&policies, &asked);
        let decision = ruling.decision();
        let found: Vec<_> = decision.judgements().iter().map(|judged| plain(judged.verdict)).collect();
        let tell = || format!("seed {seed}\n{}\n{asked:#}\n{policies:#?}", ruling.proof().details());
        assert_eq!(plain(decision.verdict()), expected.verdict, "{}", tell());
        assert_eq!(found, expected.resources, "{}", tell());
        assert_eq!(decision.policy_type(), expected.policy_type, "{}", tell());
        if number == 0 {
            the_proof_agrees(&ruling, &tell);
        }
    }
}

/// The index, and looking at every statement, come to the same verdicts by the same statements.
fn the_proof_agrees(ruling: &Ruling<Asked>, tell: &impl Fn() -> String) {
    let (decision, proof) = (ruling.decision(), ruling.proof());
    assert_eq!(proof.verdict(), decision.verdict(), "{}", tell());
    assert_eq!(proof.report().policy_type, decision.policy_type(), "{}", tell());
    let request = match ruling {
        Ruling::Permitted(permit) => permit.request(),
        Ruling::Denied(denied) => denied.request(),
    };
    if let Ruling::Denied(denied) = ruling {
        assert_eq!(denied.reason(), proof.summary().to_string(), "{}", tell());
    }
    for (at, (resource, judged)) in proof.resources().iter().zip(decision.judgements()).enumerate() {
        assert_eq!(resource.judged, *judged, "{}", tell());
        let by_scan: Vec<_> = resource.deciding().map(|(kind, at)| (kind, at.to_string())).collect();
        let by_index: Vec<_> =
            decision.deciding(&request, at).into_iter().map(|(kind, at)| (kind, at.to_string())).collect();
        assert_eq!(by_scan, by_index, "{}", tell());
        let owned = judged.grounds == ramgate::policy::Grounds::Ownership;
        assert_eq!(by_scan.is_empty(), judged.verdict == Verdict::ImplicitDeny || owned, "{}", tell());
    }
}

fn decide(stage: &Stage, request: &Value) -> Ruling<Asked> {
    let request: CaseRequest = CaseRequest::deserialize(request).unwrap();
    stage.decide(&request).unwrap_or_else(|unfit| panic!("{unfit:?}"))
}

fn plain(verdict: Verdict) -> reference::Verdict {
    match verdict {
        Verdict::Allow => reference::Verdict::Allow,
        Verdict::ImplicitDeny => reference::Verdict::ImplicitDeny,
        Verdict::ExplicitDeny => reference::Verdict::ExplicitDeny,
    }
}
