//! The measured engine: the decision point, called from strings as the gateway calls it.

use std::collections::HashMap;
use std::sync::Arc;

use ram_policy::{
    AccountId, Action, AttachedTo, Context, ContextKey, Layers, Library, PolicySetBuilder, Principal, Resource, Source,
};
use ramgate::catalog::Catalog;
use ramgate::pdp::{Authorization, Directory, Pdp, PrincipalEntry, Question, Subject};

use crate::work::Request;

pub(crate) struct Engine {
    catalog: Arc<Catalog>,
    /// Principals by user name, in place of the gateway's key ring.
    principals: HashMap<Box<str>, Principal>,
    pdp: Pdp,
}

/// The subject of a call, borrowed from its strings.
struct Attach<'a> {
    action: &'a Action,
    resources: [Resource<'a>; 2],
}

impl Subject for Attach<'_> {
    fn action(&self) -> &Action {
        self.action
    }

    fn resources(&self) -> &[Resource<'_>] {
        &self.resources
    }
}

impl Engine {
    pub(crate) fn load(users: &[(String, Vec<String>)]) -> Self {
        let account: AccountId = "1234567890123456".parse().expect("an account");
        let catalog = Catalog::bundled();
        let (mut library, mut sets) = (Library::default(), PolicySetBuilder::new(catalog.indexed_actions()));
        let mut principals = HashMap::with_capacity(users.len());
        let entries = users.iter().map(|(user, texts)| {
            let documents = texts.iter().enumerate().map(|(at, text)| {
                let name = format!("{user}-{at}");
                let source = Source::new(name.as_str(), text.as_str());
                Arc::new(library.document(&name, &source).expect("a good document"))
            });
            let set = sets.set(AttachedTo::User, documents.collect());
            let principal = Principal::new(account.clone(), format!("user/{user}").parse().expect("a user"));
            principals.insert(user.as_str().into(), principal.clone());
            (principal, PrincipalEntry { id: None, layers: Arc::new(Layers::identity([set])), assumable: None })
        });
        let directory = Directory::new([account.clone()], entries, "bench".to_owned());
        Self { catalog, principals, pdp: Pdp::new(Arc::new(directory)) }
    }

    pub(crate) fn decide(&self, request: &Request) -> bool {
        let name = request.action.strip_prefix("ecs:").expect("an action of ECS");
        let subject = Attach {
            action: self.catalog.operation(name).expect("an operation").action(),
            resources: [
                Resource::read(&request.resources[0]).expect("an ARN"),
                Resource::read(&request.resources[1]).expect("an ARN"),
            ],
        };
        let mut context = Context::default();
        context.add(ContextKey::SourceIp, request.ip.parse::<std::net::IpAddr>().expect("an address"));
        let principal = self.principals[request.user.as_str()].clone();
        matches!(self.pdp.decide(Question::new(principal, subject, context)), Authorization::Permitted(_))
    }
}
