//! Searches for a witness: a call that two policies answer differently, built from the statement's own patterns.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalog::{Binding, Catalog, Kind, Operation};
use crate::pdp::{ActionRequest, Question};
use crate::ram::{ParametersBuilder, Place, Region};
use ram_policy::{
    Condition, Context, ContextKey, Layers, Mutant, Principal, RequiredAttributes, Statement, Verdict, evaluate,
};

use super::binding::NOW;
use super::environment::Environment;

/// The number of pairs of judgements after which the search gives up.
const MOST_TRIES: usize = 20_000;
/// The number of values to try for one condition key, besides its absence.
const MOST_VALUES: usize = 6;
/// The number of ids to try for one kind of resource, and of regions.
const MOST_IDS: usize = 12;

/// A principal that holds the changed document.
pub(super) struct Holder<'a> {
    pub(super) principal: &'a Principal,
    pub(super) original: &'a Arc<Layers>,
    pub(super) changed: Arc<Layers>,
    /// Resource groups in which the document is attached.
    pub(super) groups: Vec<Arc<str>>,
}

/// The values that the suites use, to try along with those of the statement.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    pub(super) regions: BTreeSet<String>,
    pub(super) enis: BTreeSet<String>,
    pub(super) instances: BTreeSet<String>,
    pub(super) contexts: Vec<Context>,
}

/// The call, and the verdicts of both policies.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    pub(super) principal: Principal,
    pub(super) operation: Arc<Operation>,
    /// In the operation's order.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) context: Context,
    /// Condition keys that other calls of the suites have and this call lacks.
    pub(super) absent: Vec<ContextKey>,
    /// The attributes of each resource, by its relative id: all that the verdicts depend on.
    pub(super) attributes: Vec<(String, Context)>,
    pub(super) original: Verdict,
    pub(super) changed: Verdict,
}

/// The values to try for one mutant.
struct Trials<'a> {
    environment: &'a Environment,
    regions: Vec<String>,
    enis: Vec<String>,
    instances: Vec<String>,
    contexts: Vec<(Context, Context)>,
    /// Every condition key that occurs in some context.
    keys: BTreeSet<ContextKey>,
    /// Whether the case must state attributes of resources, because the statement depends on them.
    states_resources: bool,
    left: usize,
}

/// `None` if no call was found that the two policies answer differently.
pub(super) fn witness(
    environment: &Environment,
    mutant: &Mutant,
    holders: &[Holder<'_>],
    seeds: &Seeds,
) -> Option<Witness> {
    let groups: BTreeSet<_> = holders.iter().flat_map(|holder| &holder.groups).cloned().collect();
    let mut trials = Trials::new(environment, mutant, seeds, &groups);
    let selects = |operation: &&Arc<Operation>| {
        let action = operation.action();
        mutant.original.actions().select(action) || mutant.changed.actions().select(action)
    };
    let catalog = Catalog::bundled();
    let mut operations: Vec<_> = catalog.operations().filter(selects).collect();
    operations.sort_by_key(|operation| !Arc::ptr_eq(operation, Catalog::attach()));
    for operation in operations {
        for holder in holders {
            if let Some(found) = trials.with(operation, holder) {
                return Some(found);
            }
        }
    }
    None
}

impl<'a> Trials<'a> {
    fn new(environment: &'a Environment, mutant: &Mutant, seeds: &Seeds, groups: &BTreeSet<Arc<str>>) -> Self {
        let statements = [&mutant.original, &mutant.changed];
        let mut trials = Self {
            environment,
            regions: regions(&statements, seeds),
            enis: ids(&statements, "eni/", &seeds.enis, "eni-0other0"),
            instances: ids(&statements, "instance/", &seeds.instances, "i-0other0"),
            contexts: Vec::new(),
            keys: BTreeSet::new(),
            states_resources: !groups.is_empty(),
            left: MOST_TRIES,
        };
        trials.contexts(&mutant.original, seeds, groups);
        trials
    }

    /// Combines every value of the statement's condition keys with every context of the suites.
    fn contexts(&mut self, statement: &Statement, seeds: &Seeds, groups: &BTreeSet<Arc<str>>) {
        const MOST: usize = 256;
        let mut nothing = Context::default();
        nothing.add_text(ContextKey::CurrentTime, NOW);
        let bases = if seeds.contexts.is_empty() { std::slice::from_ref(&nothing) } else { &seeds.contexts };
        let mut made: Vec<(Context, Context)> =
            bases.iter().map(|context| (context.clone(), Context::default())).collect();
        let mut keys: Vec<(ContextKey, Vec<String>)> = Vec::new();
        for condition in statement.conditions() {
            let (key, values) = (condition.key().clone(), samples(condition));
            match keys.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => known.extend(values),
                None => keys.push((key, values)),
            }
        }
        if !groups.is_empty() {
            keys.push((ContextKey::ResourceGroupId, groups.iter().map(ToString::to_string).collect()));
        }
        for (key, values) in keys {
            let of_resource = RequiredAttributes::of_key(&key).any();
            self.states_resources |= of_resource;
            let mut more = Vec::new();
            for (context, attributes) in made.iter().take(MOST) {
                let place = if of_resource { attributes } else { context };
                let bare = place.without(&key);
                let put = |value: Option<&str>| {
                    let mut place = bare.clone();
                    if let Some(value) = value {
                        place.add_text(key.clone(), value);
                    }
                    if of_resource { (context.clone(), place) } else { (place, attributes.clone()) }
                };
                more.extend(values.iter().map(|value| put(Some(value))));
                // A call always has a time, so this key is never absent.
                if key != ContextKey::CurrentTime {
                    more.push(put(None));
                }
            }
            made = more;
        }
        self.keys = made.iter().flat_map(|(context, _)| context.iter().map(|(key, _)| key.clone())).collect();
        self.contexts = made;
    }

    fn with(&mut self, operation: &Arc<Operation>, holder: &Holder<'_>) -> Option<Witness> {
        let has = |name: &str| operation.parameters().iter().any(|spec| spec.name.as_str() == name);
        let none = [String::new()];
        let enis = if has("NetworkInterfaceId") { self.enis.clone() } else { none.to_vec() };
        let instances = if has("InstanceId") { self.instances.clone() } else { none.to_vec() };
        for region in self.regions.clone() {
            for eni in &enis {
                for instance in &instances {
                    let parameters = parameters(operation, &region, eni, instance);
                    if let Some(request) = bound(operation, holder.principal, &parameters)
                        && let Some(found) = self.judged(operation, holder, &parameters, &request)
                    {
                        return Some(found);
                    }
                }
            }
        }
        None
    }

    fn judged(
        &mut self,
        operation: &Arc<Operation>,
        holder: &Holder<'_>,
        parameters: &[(String, String)],
        request: &ActionRequest,
    ) -> Option<Witness> {
        for (context, stated) in &self.contexts {
            self.left = self.left.checked_sub(1)?;
            let attributes = if self.states_resources {
                vec![stated.clone(); request.resources.len()]
            } else {
                self.environment.inventory.attributes(&request.resources)
            };
            let question = Question::new(holder.principal.clone(), request.clone(), context.clone());
            let question = question.with_attributes(attributes.clone());
            let original = evaluate(holder.original, &question.request()).verdict();
            let changed = evaluate(&holder.changed, &question.request()).verdict();
            if original != changed {
                let attributes = request.resources.iter().zip(attributes).filter_map(|(resource, attributes)| {
                    let stated = self.states_resources || !attributes.is_empty();
                    let fields = resource.fields().filter(|_| resource.is_one() && stated)?;
                    Some((fields.relative.to_owned(), attributes))
                });
                let absent = self.keys.iter().filter(|key| !context.has(key)).cloned().collect();
                return Some(Witness {
                    principal: holder.principal.clone(),
                    operation: Arc::clone(operation),
                    parameters: parameters.to_vec(),
                    context: context.clone(),
                    absent,
                    attributes: attributes.collect(),
                    original,
                    changed,
                });
            }
        }
        None
    }
}

fn samples(condition: &Condition) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let samples = condition.values().iter().flat_map(ram_policy::ConditionValue::samples);
    samples.filter(|value| seen.insert(value.clone())).take(MOST_VALUES).collect()
}

fn regions(statements: &[&Statement], seeds: &Seeds) -> Vec<String> {
    let named = statements.iter().flat_map(|it| it.resources()).filter_map(ram_policy::ArnPattern::fields);
    let named = named.flat_map(|[_, region, ..]| region.samples()).take(MOST_IDS / 2);
    // Regions to try besides those in the statement.
    let others = ["cn-hangzhou", "cn-beijing", "ap-southeast-1"].map(str::to_owned);
    let valid = |region: &String| region.parse::<Region>().is_ok();
    distinct(named.chain(others).chain(seeds.regions.iter().cloned()).filter(valid))
}

/// Ids of one type of resource: samples of the patterns, one that no pattern names, and those of the suites.
fn ids(statements: &[&Statement], kind: &str, seeds: &BTreeSet<String>, other: &str) -> Vec<String> {
    let patterns = statements.iter().flat_map(|it| it.resources());
    let named = patterns.flat_map(|pattern| pattern.relative().samples());
    let named = named.filter_map(|relative| relative.strip_prefix(kind).map(str::to_owned));
    let named = named.take(MOST_IDS / 2);
    distinct(named.chain([other.to_owned()]).chain(seeds.iter().cloned()))
}

fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(text.clone())).take(MOST_IDS).collect()
}

/// The required parameters of the operation, with placeholders for plain texts, numbers and booleans.
fn parameters(operation: &Operation, region: &str, eni: &str, instance: &str) -> Vec<(String, String)> {
    let specs = operation.parameters().iter();
    let given = specs.filter_map(|spec| {
        let name = spec.name.as_str();
        let value = match name {
            "RegionId" => region,
            "NetworkInterfaceId" => eni,
            "InstanceId" => instance,
            _ if !spec.required => return None,
            _ => match spec.kind {
                Kind::Region => region,
                Kind::EniId => eni,
                Kind::InstanceId => instance,
                Kind::Integer => "1",
                Kind::Boolean => "true",
                Kind::String => "x-1",
            },
        };
        Some((name.replace(".N", ".1"), value.to_owned()))
    });
    given.collect()
}

fn bound(operation: &Arc<Operation>, principal: &Principal, parameters: &[(String, String)]) -> Option<ActionRequest> {
    let mut builder = ParametersBuilder::default();
    for (name, value) in parameters {
        builder.push(name, value, Place::Query);
    }
    let parameters = builder.finish().ok()?;
    let region: Region = parameters.value("RegionId")?.parse().ok()?;
    let binding = Binding { account: principal.account(), regions: std::slice::from_ref(&region) };
    let call = Catalog::bundled().bind(operation, &parameters, binding).ok()?;
    Some(ActionRequest { action: operation.action().clone(), resources: call.resources().to_vec() })
}
