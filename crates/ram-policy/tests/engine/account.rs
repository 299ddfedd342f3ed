//! Converts policies and requests from the form of the case file into the types of the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use ram_policy::{
    AttachedTo, Context, Document, Layers, Library, PolicySet, Principal, Scoped, Source, Targets, UnknownKeys,
};
use serde_json::{Map, Value};

use super::call::{Call, sets};

/// All policies that apply to one principal.
#[derive(Debug)]
pub struct Account {
    pub layers: Arc<Layers>,
    pub session: Option<Arc<PolicySet>>,
}

impl Account {
    /// Every policy must load, including those that are attached to other principals.
    pub fn new(policies: &[Value], principal: &Value) -> Self {
        let mut library = Library::default();
        let (mut levels, mut session) = (BTreeMap::<&str, Vec<Arc<Document>>>::new(), None);
        let (mut account, mut groups) = (Vec::new(), Vec::new());
        for (at, policy) in policies.iter().enumerate() {
            let name = format!("policies-{at}");
            let source = Source::new(format!("{name}.json"), policy["document"].to_string());
            let document = Arc::new(library.document(&name, &source).unwrap());
            match policy["kind"].as_str().unwrap() {
                "control" => levels.entry(policy["level"].as_str().unwrap()).or_default().push(document),
                "session" => session = Some(document),
                _ => {
                    let Some(to) = attached_to(policy["attached_to"].as_str().unwrap(), principal) else { continue };
                    match policy["scope"].as_str().unwrap().strip_prefix("resource-group:") {
                        None => account.push((to, document)),
                        Some(group) => groups.push((to, group, document)),
                    }
                }
            }
        }
        let mut sets = sets();
        let levels: Vec<_> =
            levels.into_iter().map(|(level, documents)| sets.set(AttachedTo::Level(level.into()), documents)).collect();
        let account: Vec<_> = account.into_iter().map(|(to, document)| sets.set(to, vec![document])).collect();
        let scoped = groups
            .into_iter()
            .map(|(to, group, document)| Scoped { resource_group: group.into(), set: sets.set(to, vec![document]) });
        let mut layers = Layers::identity(account).scoped(scoped.collect());
        if principal["service_linked"] != true {
            layers = layers.under(&levels.into());
        }
        let session = session.map(|document| PolicySet::session(document, sets.action_slots()));
        Self { layers: Arc::new(layers), session }
    }

    /// The call of a request. Only what its members `unknown` and `unread` list is unknown.
    pub fn call(&self, request: &Value) -> Call {
        let principal = &request["principal"];
        let account = principal["account_id"].as_str().unwrap().parse().unwrap();
        let identity = match principal["type"].as_str().unwrap() {
            "root" => "root".to_owned(),
            kind => format!("{kind}/{}", principal["name"].as_str().unwrap()),
        };
        let arns = |member: &str| strings(&request[member]);
        let context_of = |arn: &&str| context(request["resource_context"].get(arn));
        let all = arns("resources").into_iter().chain(arns("deny_only")).collect::<Vec<_>>();
        let mut unknown = UnknownKeys::new([], arns("unknown"));
        for name in arns("unknown") {
            unknown = unknown.with(&name.parse().unwrap());
        }
        Call {
            principal: Principal::new(account, identity.parse().unwrap()),
            action: request["action"].as_str().unwrap().parse().unwrap(),
            resources: arns("resources").iter().map(|arn| arn.parse().unwrap()).collect(),
            deny_only: arns("deny_only").iter().map(|arn| arn.parse().unwrap()).collect(),
            context: context(Some(&request["context"])),
            attributes: if request["unread"] == true { Vec::new() } else { all.iter().map(context_of).collect() },
            session: self.session.clone(),
            unknown: Arc::new(unknown),
            targets: Targets::Known,
        }
    }
}

/// How a policy with this holder is attached to the principal; `None` if it belongs to another principal.
fn attached_to(holder: &str, principal: &Value) -> Option<AttachedTo> {
    let (kind, name) = holder.split_once(':').unwrap();
    match kind {
        "group" => {
            let member = principal["type"] == "user" && strings(&principal["groups"]).contains(&name);
            member.then(|| AttachedTo::Group(name.into()))
        }
        kind if principal["type"] != kind || principal["name"] != name => None,
        "user" => Some(AttachedTo::User),
        _ => Some(AttachedTo::Role),
    }
}

fn context(members: Option<&Value>) -> Context {
    let mut context = Context::default();
    for (key, values) in members.and_then(Value::as_object).into_iter().flat_map(Map::iter) {
        for value in strings(values) {
            context.add_text(key.parse().unwrap(), value);
        }
    }
    context
}

/// The strings of a lone string or a list of strings; empty for a missing member.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap()).collect(),
        lone => lone.as_str().into_iter().collect(),
    }
}
