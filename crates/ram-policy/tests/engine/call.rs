//! A request that owns its parts, and helpers that make layers in one line.

use std::sync::Arc;

use ram_policy::{
    Action, AttachedTo, Context, Document, Layers, Library, PolicySet, PolicySetBuilder, Principal, Request, Resource,
    Source, Targets, UnknownKeys,
};

/// The actions that have a slot in the index.
const INDEXED: [&str; 5] = [
    "ecs:AttachNetworkInterface",
    "ecs:DetachNetworkInterface",
    "ecs:DescribeNetworkInterfaces",
    "ecs:DescribeInstances",
    "sts:AssumeRole",
];

#[derive(Clone, Debug)]
pub struct Call {
    pub principal: Principal,
    pub action: Action,
    pub resources: Vec<Resource<'static>>,
    pub deny_only: Vec<Resource<'static>>,
    pub context: Context,
    pub attributes: Vec<Context>,
    pub session: Option<Arc<PolicySet>>,
    pub unknown: Arc<UnknownKeys>,
    pub targets: Targets,
}

impl Call {
    pub fn new(identity: &str, resources: &[&str]) -> Self {
        Self {
            principal: Principal::new("1".parse().unwrap(), identity.parse().unwrap()),
            action: "ecs:AttachNetworkInterface".parse().unwrap(),
            resources: resources.iter().map(|arn| arn.parse().unwrap()).collect(),
            deny_only: Vec::new(),
            context: Context::default(),
            attributes: vec![Context::default(); resources.len()],
            session: None,
            unknown: Arc::default(),
            targets: Targets::Known,
        }
    }

    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.context.add_text(key.parse().unwrap(), value);
        self
    }

    pub fn request(&self) -> Request<'_> {
        Request {
            principal: &self.principal,
            action: &self.action,
            resources: &self.resources,
            deny_only: &self.deny_only,
            context: &self.context,
            attributes: &self.attributes,
            session_policy: self.session.as_ref(),
            unknown_keys: &self.unknown,
            targets: self.targets,
        }
    }
}

/// A builder with an index for a few actions.
pub fn sets() -> PolicySetBuilder {
    PolicySetBuilder::new(INDEXED.map(|action| action.parse().unwrap()))
}

pub fn document(name: &str, text: &str) -> Arc<Document> {
    let source = Source::new(format!("{name}.json"), text);
    Arc::new(Library::default().document(name, &source).unwrap())
}

/// One layer of identity policies.
pub fn identity(attached: Vec<(AttachedTo, Vec<Arc<Document>>)>) -> Arc<Layers> {
    let mut sets = sets();
    Arc::new(Layers::identity(attached.into_iter().map(|(to, documents)| sets.set(to, documents)).collect::<Vec<_>>()))
}
