//! A policy that allows what was recorded, and what it would allow besides.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::{Map, Value, json};

use crate::pdp::{Authorization, Directory, Pdp, PrincipalEntry, Question};
use ram_policy::{AccountId, AttachedTo, Diagnostic, Document, Layers, PolicySetBuilder, Principal, Source, Verdict};

use super::attempt::{Attempt, RecordedAttributes, RecordedVerdict};
use super::evidence::{Evidence, Granularity, gather};

/// How the policy is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenerateOptions {
    pub granularity: Granularity,
    /// Whether calls must come from where they came from.
    pub source_range: bool,
}

/// A policy, and what led to it.
#[derive(Clone, Debug)]
pub struct GeneratedPolicy {
    /// As RAM takes it.
    pub policy: Value,
    /// One for each statement.
    pub evidence: Vec<(Vec<String>, Evidence)>,
    /// Denied attempts that it would allow.
    pub overreach: Vec<Overreach>,
}

/// A denied attempt that a policy would allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overreach {
    pub id: String,
    pub action: String,
    pub resources: Vec<String>,
}

/// No more addresses are listed one by one.
const MOST_ADDRESSES: usize = 16;
/// Ids that begin alike have that much in common behind the first `-` at least.
const SHORTEST_PREFIX: usize = 2;

/// Makes a policy of `attempts`, all of one principal, and judges it by them: what was allowed is allowed by it. What it
/// would allow of `denied`, the principal's other attempts, comes along.
///
/// # Errors
/// A policy that does not load, or that does not allow what it was made of: a fault of ours.
pub fn generate(attempts: &[Attempt], denied: &[Attempt], options: GenerateOptions) -> Result<GeneratedPolicy, String> {
    // Actions on the same resources are one statement.
    let mut statements: BTreeMap<Vec<String>, (Vec<String>, Evidence)> = BTreeMap::new();
    for (action, evidence) in gather(attempts) {
        let resources = patterns(&evidence, options.granularity);
        match statements.get_mut(&resources) {
            Some((actions, all)) => {
                actions.push(action);
                all.absorb(&evidence);
            }
            None => drop(statements.insert(resources, (vec![action], evidence))),
        }
    }
    let written = statements.iter().map(|(resources, (actions, evidence))| {
        let mut statement = Map::new();
        statement.insert("Effect".to_owned(), "Allow".into());
        statement.insert("Action".to_owned(), actions.clone().into());
        statement.insert("Resource".to_owned(), resources.clone().into());
        if let Some(ranges) = options.source_range.then(|| ranges(evidence)).flatten() {
            statement.insert("Condition".to_owned(), json!({ "IpAddress": { "acs:SourceIp": ranges } }));
        }
        Value::Object(statement)
    });
    let policy = json!({ "Version": "1", "Statement": written.collect::<Vec<_>>() });
    let evidence = statements.into_values().collect();
    let overreach = check(&policy, attempts, denied)?;
    Ok(GeneratedPolicy { policy, evidence, overreach })
}

/// Judged by the engine that judges calls.
fn check(policy: &Value, attempts: &[Attempt], denied: &[Attempt]) -> Result<Vec<Overreach>, String> {
    let Some(first) = attempts.first() else { return Err("there is no attempt to make a policy of".to_owned()) };
    let source = Source::new("generated", policy.to_string());
    let document = Document::parse("generated", &source).map_err(|diagnostics: Vec<Diagnostic>| {
        let titles = diagnostics.into_iter().map(|diagnostic| diagnostic.title);
        format!("the policy does not load: {}", titles.collect::<Vec<_>>().join("; "))
    })?;
    let pdp = pdp_of(&first.principal, Arc::new(document));
    if let Some(lost) = attempts.iter().find(|attempt| !allows(&pdp, attempt)) {
        return Err(format!("the policy does not allow the recorded attempt `{}`", lost.id));
    }
    let over = denied.iter().filter(|attempt| attempt.recorded == RecordedVerdict::Denied && allows(&pdp, attempt));
    Ok(over
        .map(|attempt| Overreach {
            id: attempt.id.clone(),
            action: attempt.subject.action.as_str().to_owned(),
            resources: attempt.subject.resources.iter().map(ToString::to_string).collect(),
        })
        .collect())
}

fn pdp_of(principal: &Principal, document: Arc<Document>) -> Pdp {
    let set = PolicySetBuilder::default().set(AttachedTo::Role, vec![document]);
    let entry = PrincipalEntry { id: None, layers: Arc::new(Layers::identity([set])), assumable: None };
    let account: AccountId = principal.account().clone();
    Pdp::new(Arc::new(Directory::new([account], [(principal.clone(), entry)], String::new())))
}

fn allows(pdp: &Pdp, attempt: &Attempt) -> bool {
    let question = Question::new(attempt.principal.clone(), attempt.subject.clone(), attempt.context.clone());
    let question = match &attempt.facts {
        RecordedAttributes::Recorded(facts) => question.with_facts(facts.clone()),
        RecordedAttributes::Unrecorded => question,
    };
    let authorization = pdp.decide(question);
    match authorization {
        Authorization::Permitted(permit) => permit.decision().verdict() == Verdict::Allow,
        Authorization::Denied(_) => false,
    }
}

/// The resources as patterns, in order, each once.
fn patterns(evidence: &Evidence, granularity: Granularity) -> Vec<String> {
    let mut of_type: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for arn in &evidence.resources {
        // `acs:ecs:cn-hangzhou:1:eni/` and the id; what has no id is a type of its own.
        let at = arn.rfind('/').map_or(arn.len(), |slash| slash + 1);
        of_type.entry(arn[..at].to_owned()).or_default().push(&arn[at..]);
    }
    let mut patterns = Vec::new();
    for (kind, ids) in of_type {
        let all = !kind.ends_with('/');
        match granularity {
            _ if all => patterns.push(kind),
            Granularity::Type => patterns.push(format!("{kind}*")),
            Granularity::Prefix if ids.len() > 1 && !ids.contains(&"*") => match common_prefix(&ids) {
                Some(prefix) => patterns.push(format!("{kind}{prefix}*")),
                None => patterns.extend(ids.iter().map(|id| format!("{kind}{id}"))),
            },
            Granularity::Arn | Granularity::Prefix => patterns.extend(ids.iter().map(|id| format!("{kind}{id}"))),
        }
    }
    patterns
}

/// What all ids begin with, where that is more than `eni-`.
fn common_prefix<'a>(ids: &[&'a str]) -> Option<&'a str> {
    let first = ids.first()?;
    let length = ids
        .iter()
        .fold(first.len(), |length, id| first.bytes().zip(id.bytes()).take(length).take_while(|(a, b)| a == b).count());
    let prefix = first.get(..length)?;
    let behind = prefix.find('-').map_or(0, |dash| prefix.len() - dash - 1);
    (behind >= SHORTEST_PREFIX).then_some(prefix)
}

/// Where the calls came from; none where some call tells no address.
fn ranges(evidence: &Evidence) -> Option<Vec<String>> {
    if evidence.sourceless || evidence.sources.is_empty() {
        return None;
    }
    if evidence.sources.len() <= MOST_ADDRESSES {
        return Some(evidence.sources.iter().map(ToString::to_string).collect());
    }
    let around = |address: &IpAddr| match address {
        IpAddr::V4(address) => Ipv4Net::new(*address, 24).map(|net| IpNet::V4(net.trunc())),
        IpAddr::V6(address) => Ipv6Net::new(*address, 64).map(|net| IpNet::V6(net.trunc())),
    };
    let nets: Vec<IpNet> = evidence.sources.iter().filter_map(|address| around(address).ok()).collect();
    Some(IpNet::aggregate(&nets).iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_begin_alike_have_a_prefix() {
        assert_eq!(common_prefix(&["eni-bp1a", "eni-bp1b"]), Some("eni-bp1"));
        assert_eq!(common_prefix(&["eni-a", "eni-b"]), None);
        assert_eq!(common_prefix(&["eni-ab", "i-ab"]), None);
        assert_eq!(common_prefix(&["i-bp1", "i-bp1"]), Some("i-bp1"));
    }
}
