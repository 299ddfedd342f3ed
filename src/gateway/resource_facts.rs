//! What is known of the resources of a call: their tags and resource groups.

use std::sync::Arc;

use tokio::time::Instant;

use crate::config::ResourceSettings;
use crate::pdp::Inventory;
use crate::ram::{Context, Resource};

use super::clock;
use super::fact_answer::read_facts;
use super::fact_memory::{FactMemory, Flight};
use super::fact_query::EcsResource;
use super::unread::{Unread, UnreadFacts};
use super::upstream::Upstream;

/// Where the facts come from (`[resources] source`).
#[derive(Debug)]
pub enum ResourceFacts {
    /// `resources.toml`.
    Inventory(Inventory),
    /// ECS itself.
    Upstream(UpstreamFacts),
}

/// Facts read from ECS with the gateway's own key. A look-up that failed is not repeated: the caller may repeat the
/// call.
#[derive(Debug)]
pub struct UpstreamFacts {
    upstream: Arc<Upstream>,
    memory: Arc<FactMemory>,
}

impl ResourceFacts {
    /// One context for each resource, in their order.
    ///
    /// # Errors
    /// The first resource whose facts cannot be read by the deadline.
    pub(super) async fn of(&self, resources: &[Resource<'_>], deadline: Instant) -> Result<Vec<Context>, UnreadFacts> {
        match self {
            Self::Inventory(inventory) => Ok(inventory.facts(resources)),
            Self::Upstream(upstream) => upstream.of(resources, deadline).await,
        }
    }
}

impl UpstreamFacts {
    pub fn new(upstream: Arc<Upstream>, settings: &ResourceSettings) -> Self {
        Self { upstream, memory: Arc::new(FactMemory::new(settings.cache, settings.cache_entries)) }
    }

    /// What is no one resource has no facts. What is one, and of a kind that ECS is not asked about, may have some.
    async fn of(&self, resources: &[Resource<'_>], deadline: Instant) -> Result<Vec<Context>, UnreadFacts> {
        let unread = |resource: &Resource<'_>, why| UnreadFacts { resource: resource.as_str().to_owned(), why };
        let single: Vec<_> = resources.iter().enumerate().filter(|(_, resource)| resource.is_one()).collect();
        let wanted: Result<Vec<_>, _> = single
            .iter()
            .map(|(_, resource)| EcsResource::of(resource).ok_or_else(|| unread(resource, Unread::NotAsked)))
            .collect();
        let (findings, flights) = self.memory.find(&wanted?, Instant::now());
        for flight in flights {
            // On its own, so that it does not end with the call that began it: others may wait for it.
            tokio::spawn(look_up(Arc::clone(&self.upstream), flight));
        }
        let mut facts = vec![Context::default(); resources.len()];
        for ((at, resource), finding) in single.into_iter().zip(findings) {
            facts[at] = finding.wait(deadline).await.map_err(|why| unread(resource, why))?;
        }
        Ok(facts)
    }
}

async fn look_up(upstream: Arc<Upstream>, flight: Flight) {
    let query = flight.query();
    let answer = upstream.describe(query, clock::now()).await;
    let read = answer.and_then(|body| read_facts(query, &body));
    if let Err(unread) = &read {
        tracing::warn!(operation = query.operation(), region = %query.region(), "facts could not be read: {unread}");
    }
    flight.land(read);
}
