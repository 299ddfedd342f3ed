//! Compares the engine with a slow, obvious evaluator on random policies and requests, and its index with its proof.

use std::sync::Arc;

use ram_policy::{Grounds, Judged, UnknownKeys, Verdict};
use ramgate::pdp::{ActionRequest, Authorization, Question};
use ramgate::suite::{Case, CasePdp, CaseRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::random::{Rng, less_known, policies, request};
use super::reference::{self, judge};

/// The number of sets of policies, and of requests for each. An optimized build makes a million comparisons.
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
        let authorization = decide(&stage, &asked);
        let expected = judge(&policies, &asked);
        let decision = authorization.decision();
        let found: Vec<_> = decision.judgements().iter().map(|judged| plain(judged.verdict)).collect();
        let context = || format!("seed {seed}\n{}\n{asked:#}\n{policies:#?}", authorization.proof().details());
        assert_eq!(plain(decision.verdict()), expected.verdict, "{}", context());
        assert_eq!(found, expected.resources, "{}", context());
        assert_eq!(decision.policy_type(), expected.policy_type, "{}", context());
        if number == 0 {
            the_proof_agrees(&authorization, &context);
        }
        less_is_known(&mut rng, &stage, &policies, &asked);
    }
}

/// Three-valued evaluation: with unknown keys, the index, the scan of every statement and the reference agree, and a
/// request that is refused with all keys known is never allowed.
fn less_is_known(rng: &mut Rng, stage: &CasePdp, policies: &[Value], asked: &Value) {
    let less = less_known(rng, asked);
    // Only tags and the resource group of a resource can be unread.
    let mut asked = asked.clone();
    if less["unread"] == true {
        for attributes in
            asked.get_mut("resource_context").and_then(Value::as_object_mut).into_iter().flatten().map(|(_, it)| it)
        {
            let looked_for = ["acs:resourcetag/", "ecs:tag/", "acs:resourcegroupid"];
            let is_looked_for = |key: &str| looked_for.iter().any(|name| key.to_ascii_lowercase().starts_with(name));
            attributes.as_object_mut().unwrap().retain(|key, _| is_looked_for(key));
        }
    }
    let expected = judge(policies, &less);
    let authorization = decide(stage, &less);
    let decision = authorization.decision();
    let context = || format!("{}\n{less:#}\n{policies:#?}", authorization.proof().details());
    let found: Vec<_> = decision.judgements().iter().map(|judged| plain(judged.verdict)).collect();
    let in_doubt = |judged: &Judged| matches!(judged.grounds, Grounds::Unknown(_));
    let doubts: Vec<_> = decision.judgements().iter().map(in_doubt).collect();
    assert_eq!((plain(decision.verdict()), found), (expected.verdict, expected.resources), "{}", context());
    assert_eq!((doubts, decision.policy_type()), (expected.in_doubt, expected.policy_type), "{}", context());
    the_proof_agrees(&authorization, &context);
    let mut complete = less.clone();
    complete["context"] = asked["context"].clone();
    complete["unread"] = false.into();
    if asked.get("resource_context").is_some() {
        complete["resource_context"] = asked["resource_context"].clone();
    }
    let known = decide(stage, &complete);
    if known.decision().verdict() != Verdict::Allow {
        assert_ne!(decision.verdict(), Verdict::Allow, "{}", context());
    }
    if less["unread"] == true && !stage.depends_on_attributes(&question(&less)) {
        complete["context"] = less["context"].clone();
        let read = decide(stage, &complete).decision().verdict();
        assert_eq!(
            read == Verdict::Allow,
            decision.verdict() == Verdict::Allow,
            "reading the attributes changed the verdict: {}",
            context()
        );
    }
}

/// The index and the scan of every statement reach the same verdicts by the same statements.
fn the_proof_agrees(authorization: &Authorization<ActionRequest>, context: &impl Fn() -> String) {
    let (decision, proof) = (authorization.decision(), authorization.proof());
    assert_eq!(proof.verdict(), decision.verdict(), "{}", context());
    assert_eq!(proof.report().policy_type, decision.policy_type(), "{}", context());
    let request = match authorization {
        Authorization::Permitted(permit) => permit.request(),
        Authorization::Denied(denied) => denied.request(),
    };
    if let Authorization::Denied(denied) = authorization {
        assert_eq!(denied.reason(), proof.summary().to_string(), "{}", context());
    }
    for (at, (resource, judged)) in proof.resources().iter().zip(decision.judgements()).enumerate() {
        assert_eq!(resource.judged, *judged, "{}", context());
        let by_scan: Vec<_> = resource.deciding().map(|(kind, at)| (kind, at.to_string())).collect();
        let by_index: Vec<_> =
            decision.deciding(&request, at).into_iter().map(|(kind, at)| (kind, at.to_string())).collect();
        assert_eq!(by_scan, by_index, "{}", context());
        let doubt = decision.possible_deny(&request, at);
        assert_eq!(doubt.is_some(), matches!(judged.grounds, Grounds::Unknown(_)), "{}", context());
        assert_eq!(doubt.is_some(), resource.possible_deny().is_some(), "{}", context());
        let owned = judged.grounds == Grounds::Ownership;
        assert_eq!(by_scan.is_empty(), judged.verdict == Verdict::ImplicitDeny || owned, "{}", context());
    }
}

fn decide(stage: &CasePdp, request: &Value) -> Authorization<ActionRequest> {
    stage.put(question(request))
}

/// The question in a request. Only the keys in `unknown`, and attributes if `unread` is set, are unknown.
fn question(request: &Value) -> Question<ActionRequest> {
    let mut raw = request.clone();
    for more in ["unknown", "unread"] {
        raw.as_object_mut().unwrap().remove(more);
    }
    let case: CaseRequest = CaseRequest::deserialize(&raw).unwrap();
    let question = case.question(|_| Vec::new()).unwrap();
    let names: Vec<&str> = request["unknown"].as_array().into_iter().flatten().map(|it| it.as_str().unwrap()).collect();
    let mut unknown = UnknownKeys::new([], names.iter().copied());
    for name in names {
        unknown = unknown.with(&name.parse().unwrap());
    }
    let question = question.with_unknown(Arc::new(unknown));
    if request["unread"] == true { question.with_attributes(Vec::new()) } else { question }
}

fn plain(verdict: Verdict) -> reference::Verdict {
    match verdict {
        Verdict::Allow => reference::Verdict::Allow,
        Verdict::ImplicitDeny => reference::Verdict::ImplicitDeny,
        Verdict::ExplicitDeny => reference::Verdict::ExplicitDeny,
    }
}
