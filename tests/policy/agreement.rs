//! The engine against the slow, obvious evaluator, on random policies and requests; and its own two ways against each
//! other.

use std::sync::Arc;

use ram_policy::{Grounds, Judged, UnknownKeys, Verdict};
use ramgate::pdp::{ActionRequest, Authorization, Question};
use ramgate::suite::{Case, CasePdp, CaseRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::random::{Rng, less_known, policies, request};
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
    let stage = case.pdp().unwrap_or_else(|unfit| panic!("{unfit:?}"));
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
        less_is_known(&mut rng, &stage, &policies, &asked);
    }
}

/// The third value: the index, the look at every statement, and the reference come to the same; and nothing that was
/// refused is allowed because less is known.
fn less_is_known(rng: &mut Rng, stage: &CasePdp, policies: &[Value], asked: &Value) {
    let less = less_known(rng, asked);
    // Of a resource, nobody looks for more than its tags and its group.
    let mut asked = asked.clone();
    if less["unread"] == true {
        for facts in
            asked.get_mut("resource_context").and_then(Value::as_object_mut).into_iter().flatten().map(|(_, it)| it)
        {
            let looked_for = ["acs:resourcetag/", "ecs:tag/", "acs:resourcegroupid"];
            let is_looked_for = |key: &str| looked_for.iter().any(|name| key.to_ascii_lowercase().starts_with(name));
            facts.as_object_mut().unwrap().retain(|key, _| is_looked_for(key));
        }
    }
    let expected = judge(policies, &less);
    let ruling = decide(stage, &less);
    let decision = ruling.decision();
    let tell = || format!("{}\n{less:#}\n{policies:#?}", ruling.proof().details());
    let found: Vec<_> = decision.judgements().iter().map(|judged| plain(judged.verdict)).collect();
    let in_doubt = |judged: &Judged| matches!(judged.grounds, Grounds::Unknown(_));
    let doubts: Vec<_> = decision.judgements().iter().map(in_doubt).collect();
    assert_eq!((plain(decision.verdict()), found), (expected.verdict, expected.resources), "{}", tell());
    assert_eq!((doubts, decision.policy_type()), (expected.in_doubt, expected.policy_type), "{}", tell());
    the_proof_agrees(&ruling, &tell);
    let mut told = less.clone();
    told["context"] = asked["context"].clone();
    told["unread"] = false.into();
    if asked.get("resource_context").is_some() {
        told["resource_context"] = asked["resource_context"].clone();
    }
    let known = decide(stage, &told);
    if known.decision().verdict() != Verdict::Allow {
        assert_ne!(decision.verdict(), Verdict::Allow, "{}", tell());
    }
    if less["unread"] == true && !stage.depends_on_attributes(&question(&less)) {
        told["context"] = less["context"].clone();
        let read = decide(stage, &told).decision().verdict();
        assert_eq!(read == Verdict::Allow, decision.verdict() == Verdict::Allow, "not worth a look-up: {}", tell());
    }
}

/// The index, and looking at every statement, come to the same verdicts by the same statements.
fn the_proof_agrees(ruling: &Authorization<ActionRequest>, tell: &impl Fn() -> String) {
    let (decision, proof) = (ruling.decision(), ruling.proof());
    assert_eq!(proof.verdict(), decision.verdict(), "{}", tell());
    assert_eq!(proof.report().policy_type, decision.policy_type(), "{}", tell());
    let request = match ruling {
        Authorization::Permitted(permit) => permit.request(),
        Authorization::Denied(denied) => denied.request(),
    };
    if let Authorization::Denied(denied) = ruling {
        assert_eq!(denied.reason(), proof.summary().to_string(), "{}", tell());
    }
    for (at, (resource, judged)) in proof.resources().iter().zip(decision.judgements()).enumerate() {
        assert_eq!(resource.judged, *judged, "{}", tell());
        let by_scan: Vec<_> = resource.deciding().map(|(kind, at)| (kind, at.to_string())).collect();
        let by_index: Vec<_> =
            decision.deciding(&request, at).into_iter().map(|(kind, at)| (kind, at.to_string())).collect();
        assert_eq!(by_scan, by_index, "{}", tell());
        let doubt = decision.possible_deny(&request, at);
        assert_eq!(doubt.is_some(), matches!(judged.grounds, Grounds::Unknown(_)), "{}", tell());
        assert_eq!(doubt.is_some(), resource.possible_deny().is_some(), "{}", tell());
        let owned = judged.grounds == Grounds::Ownership;
        assert_eq!(by_scan.is_empty(), judged.verdict == Verdict::ImplicitDeny || owned, "{}", tell());
    }
}

fn decide(stage: &CasePdp, request: &Value) -> Authorization<ActionRequest> {
    stage.put(question(request))
}

/// With nothing unknown but what `unknown` and `unread` say.
fn question(request: &Value) -> Question<ActionRequest> {
    let mut written = request.clone();
    for more in ["unknown", "unread"] {
        written.as_object_mut().unwrap().remove(more);
    }
    let case: CaseRequest = CaseRequest::deserialize(&written).unwrap();
    let question = case.question(|_| Vec::new()).unwrap();
    let names: Vec<&str> = request["unknown"].as_array().into_iter().flatten().map(|it| it.as_str().unwrap()).collect();
    let mut unknown = UnknownKeys::new([], names.iter().copied());
    for name in names {
        unknown = unknown.with(&name.parse().unwrap());
    }
    let question = question.with_unknown(Arc::new(unknown));
    if request["unread"] == true { question.with_facts(Vec::new()) } else { question }
}

fn plain(verdict: Verdict) -> reference::Verdict {
    match verdict {
        Verdict::Allow => reference::Verdict::Allow,
        Verdict::ImplicitDeny => reference::Verdict::ImplicitDeny,
        Verdict::ExplicitDeny => reference::Verdict::ExplicitDeny,
    }
}
