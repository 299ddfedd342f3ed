//! The engine against the slow and simple reference evaluator, on random policies and requests; and its index against
//! its proof, which examines every statement.

use ram_policy::{Decision, Grounds, Judged, Request, Verdict, depends_on_attributes, evaluate};
use serde_json::Value;

use super::account::Account;
use super::call::Call;
use super::random::{Rng, less_known, policies, request, with_deny_only};
use super::reference::{self, judge};

/// How many sets of policies, and how many requests for each: a million decisions in optimized builds.
const SETS: u64 = if cfg!(debug_assertions) { 100 } else { 125_000 };
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
    let account = Account::new(&policies, &first["principal"]);
    for number in 0..REQUESTS {
        let mut asked = request(&mut rng, &policies);
        asked["principal"] = first["principal"].clone();
        let narrow = agree(&account, &policies, &asked);
        let asked = with_deny_only(&mut rng, &asked);
        let wide = agree(&account, &policies, &asked);
        assert!(wide >= narrow, "a `deny_only` resource made the verdict milder: seed {seed}\n{asked:#}");
        // A proof costs more than a decision, so with everything known there is one for each set of policies.
        if number == 0 {
            prove(&account, &policies, &asked);
        }
        less_is_known(&mut rng, &account, &policies, &asked);
    }
}

/// The index and the reference give the same verdicts.
fn agree(account: &Account, policies: &[Value], asked: &Value) -> Verdict {
    let call = account.call(asked);
    let request = call.request();
    let decision = evaluate(&account.layers, &request);
    let expected = judge(policies, asked);
    let explain = || explain(&decision, &request, asked, policies);
    let found: Vec<_> = decision.judgements().iter().map(|judged| plain(judged.verdict)).collect();
    let in_doubt = |judged: &Judged| matches!(judged.grounds, Grounds::Unknown(_));
    let doubts: Vec<_> = decision.judgements().iter().map(in_doubt).collect();
    assert_eq!((plain(decision.verdict()), found), (expected.verdict, expected.resources), "{}", explain());
    assert_eq!((doubts, decision.policy_type()), (expected.in_doubt, expected.policy_type), "{}", explain());
    decision.verdict()
}

/// The index and the proof, which examines every statement, give the same verdicts by the same statements.
fn prove(account: &Account, policies: &[Value], asked: &Value) {
    let call = account.call(asked);
    let request = call.request();
    let decision = evaluate(&account.layers, &request);
    the_proof_agrees(&decision, &request, &|| explain(&decision, &request, asked, policies));
}

/// A refused request is not allowed when less is known about it.
fn less_is_known(rng: &mut Rng, account: &Account, policies: &[Value], asked: &Value) {
    let less = less_known(rng, asked);
    // Only tags and the group of a resource are ever looked up.
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
    let verdict = agree(account, policies, &less);
    prove(account, policies, &less);
    let mut known = less.clone();
    known["context"] = asked["context"].clone();
    known["unread"] = false.into();
    if asked.get("resource_context").is_some() {
        known["resource_context"] = asked["resource_context"].clone();
    }
    if decide(account, &account.call(&known)) != Verdict::Allow {
        assert_ne!(verdict, Verdict::Allow, "{less:#}\n{policies:#?}");
    }
    if less["unread"] == true && !depends_on_attributes(&account.layers, &account.call(&less).request()) {
        known["context"] = less["context"].clone();
        let read = decide(account, &account.call(&known));
        assert_eq!(read == Verdict::Allow, verdict == Verdict::Allow, "no look-up was needed: {less:#}\n{policies:#?}");
    }
}

fn the_proof_agrees(decision: &Decision, request: &Request<'_>, explain: &impl Fn() -> String) {
    let proof = decision.proof(request);
    assert_eq!(proof.verdict(), decision.verdict(), "{}", explain());
    assert_eq!(proof.report().policy_type, decision.policy_type(), "{}", explain());
    if decision.verdict() != Verdict::Allow {
        assert_eq!(decision.reason(request).to_string(), proof.summary().to_string(), "{}", explain());
    }
    assert_eq!(proof.resources().len(), request.resources.len() + request.deny_only.len());
    for (at, (resource, judged)) in proof.resources().iter().zip(decision.judgements()).enumerate() {
        assert_eq!(resource.judged, *judged, "{}", explain());
        let by_scan: Vec<_> = resource.deciding().map(|(kind, at)| (kind, at.to_string())).collect();
        let by_index: Vec<_> =
            decision.deciding(request, at).into_iter().map(|(kind, at)| (kind, at.to_string())).collect();
        assert_eq!(by_scan, by_index, "{}", explain());
        let possible = decision.possible_deny(request, at);
        assert_eq!(possible.is_some(), matches!(judged.grounds, Grounds::Unknown(_)), "{}", explain());
        assert_eq!(possible.is_some(), resource.possible_deny().is_some(), "{}", explain());
        let without_statement = matches!(judged.grounds, Grounds::Ownership | Grounds::NotDenied);
        assert_eq!(by_scan.is_empty(), judged.verdict == Verdict::ImplicitDeny || without_statement, "{}", explain());
    }
}

fn decide(account: &Account, call: &Call) -> Verdict {
    evaluate(&account.layers, &call.request()).verdict()
}

fn explain(decision: &Decision, request: &Request<'_>, asked: &Value, policies: &[Value]) -> String {
    format!("{}\n{asked:#}\n{policies:#?}", decision.proof(request).details())
}

fn plain(verdict: Verdict) -> reference::Verdict {
    match verdict {
        Verdict::Allow => reference::Verdict::Allow,
        Verdict::ImplicitDeny => reference::Verdict::ImplicitDeny,
        Verdict::ExplicitDeny => reference::Verdict::ExplicitDeny,
    }
}
