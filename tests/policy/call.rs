//! A request that owns what it asks, and layers in a line.

use std::sync::Arc;

use ramgate::catalog::Catalog;
use ramgate::policy::{AttachedTo, Document, Layers, Library, Naming, PolicySet, Request, Sets};
use ramgate::ram::{Action, Context, Principal, Resource, UnknownKeys};
use ramgate::source::Source;

#[derive(Clone, Debug)]
pub struct Call {
    pub principal: Principal,
    pub action: Action,
    pub resources: Vec<Resource<'static>>,
    pub context: Context,
    pub facts: Vec<Context>,
    pub session: Option<Arc<PolicySet>>,
    pub unknown: Arc<UnknownKeys>,
    pub naming: Naming,
}

impl Call {
    pub fn new(identity: &str, resources: &[&str]) -> Self {
        Self {
            principal: Principal::new("1".parse().unwrap(), identity.parse().unwrap()),
            action: "ecs:AttachNetworkInterface".parse().unwrap(),
            resources: resources.iter().map(|arn| arn.parse().unwrap()).collect(),
            context: Context::default(),
            facts: vec![Context::default(); resources.len()],
            session: None,
            unknown: Arc::default(),
            naming: Naming::Told,
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
            context: &self.context,
            facts: &self.facts,
            session: self.session.as_ref(),
            unknown: &self.unknown,
            naming: self.naming,
        }
    }
}

/// Sets with the lanes of the gateway.
pub fn sets() -> Sets {
    Sets::new(Catalog::bundled().indexed_actions())
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
