//! Generates a policy that allows the recorded attempts, and finds denied attempts that it would allow too.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::{Map, Value, json};

use crate::pdp::{Authorization, Directory, Pdp, PrincipalEntry, Question};
use ram_policy::{AccountId, AttachedTo, Diagnostic, Document, Layers, PolicySetBuilder, Principal, Source, Verdict};

use super::attempt::{Attempt, RecordedAttributes, RecordedVerdict};
use super::evidence::{Evidence, Granularity, gather};

/// How a policy is generated.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenerateOptions {
    pub granularity: Granularity,
    /// Whether the policy is limited to the recorded source addresses.
    pub source_range: bool,
}

/// A generated policy, and the evidence for it.
#[derive(Clone, Debug)]
pub struct GeneratedPolicy {
    /// The policy document, in RAM's format.
    pub policy: Value,
    /// For each statement, its actions and their evidence.
    pub evidence: Vec<(Vec<String>, Evidence)>,
    /// Denied attempts that the policy would allow.
    pub overreach: Vec<Overreach>,
}

/// A denied attempt that the policy would allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overreach {
    pub id: String,
    pub action: String,
    pub resources: Vec<String>,
}

/// The most addresses to list individually; more are merged into networks.
const MOST_ADDRESSES: usize = 16;
/// The fewest characters after the first `-` that make a common prefix of ids.
const SHORTEST_PREFIX: usize = 2;

/// Generates a policy from `attempts`, all of one principal, and verifies that it allows each of them. The result also
/// lists the attempts among `denied`, of the same principal, that the policy would allow.
///
/// # Errors
/// The policy does not load, or does not allow an attempt that it was generated from. Either is a defect of this
/// program.
pub fn generate(attempts: &[Attempt], denied: &[Attempt], options: GenerateOptions) -> Result<GeneratedPolicy, String> {
    // Actions on the same resources share a statement.
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
    let statements_json = statements.iter().map(|(resources, (actions, evidence))| {
        let mut statement = Map::new();
        statement.insert("Effect".to_owned(), "Allow".into());
        statement.insert("Action".to_owned(), actions.clone().into());
        statement.insert("Resource".to_owned(), resources.clone().into());
        if let Some(ranges) = options.source_range.then(|| ranges(evidence)).flatten() {
            statement.insert("Condition".to_owned(), json!({ "IpAddress": { "acs:SourceIp": ranges } }));
        }
        Value::Object(statement)
    });
    let policy = json!({ "Version": "1", "Statement": statements_json.collect::<Vec<_>>() });
    let evidence = statements.into_values().collect();
    let overreach = check(&policy, attempts, denied)?;
    Ok(GeneratedPolicy { policy, evidence, overreach })
}

/// Verifies the policy with the engine that judges calls. Returns the denied attempts that it would allow.
fn check(policy: &Value, attempts: &[Attempt], denied: &[Attempt]) -> Result<Vec<Overreach>, String> {
    let Some(first) = attempts.first() else { return Err("there is no attempt to generate a policy from".to_owned()) };
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
    let question = match &attempt.attributes {
        RecordedAttributes::Recorded(attributes) => question.with_attributes(attributes.clone()),
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
        // Split `acs:ecs:cn-hangzhou:1:eni/` from the id. An ARN without an id counts as a type.
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

/// The common prefix of all ids, if it is longer than `eni-`.
fn common_prefix<'a>(ids: &[&'a str]) -> Option<&'a str> {
    let first = ids.first()?;
    let length = ids
        .iter()
        .fold(first.len(), |length, id| first.bytes().zip(id.bytes()).take(length).take_while(|(a, b)| a == b).count());
    let prefix = first.get(..length)?;
    let behind = prefix.find('-').map_or(0, |dash| prefix.len() - dash - 1);
    (behind >= SHORTEST_PREFIX).then_some(prefix)
}

/// The source addresses of the calls; `None` if some call records none.
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
    fn a_common_prefix_needs_characters_after_the_type() {
        assert_eq!(common_prefix(&["eni-bp1a", "eni-bp1b"]), Some("eni-bp1"));
        assert_eq!(common_prefix(&["eni-a", "eni-b"]), None);
        assert_eq!(common_prefix(&["eni-ab", "i-ab"]), None);
        assert_eq!(common_prefix(&["i-bp1", "i-bp1"]), Some("i-bp1"));
    }
}
