//! What is known of the resources of a call: their tags and resource groups.

use std::sync::Arc;

use tokio::time::Instant;

use crate::budget::{BudgetItem, Budgets, Holder};
use crate::config::ResourceSettings;
use crate::pdp::Inventory;
use ram_policy::{Context, Resource};

use super::error::{AttributeReadError, AttributesError};
use super::memory::{FactMemory, Flight};
use super::query::EcsResource;
use super::query::read_facts;
use crate::gateway::clock;
use crate::gateway::upstream::Upstream;
use crate::gateway::work_slots::WorkSlots;

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
    slots: Arc<WorkSlots>,
}

/// Look-ups under way at once, of all callers and of one.
const AT_ONCE: usize = 100;
const OF_EACH: usize = 50;

/// Who answers for look-ups: the caller that starts them.
pub(crate) struct Payer<'a> {
    pub(crate) budgets: &'a Budgets,
    pub(crate) holder: Holder,
}

impl ResourceFacts {
    /// One context for each resource, in their order.
    ///
    /// # Errors
    /// The first resource whose facts cannot be read by the deadline.
    pub(crate) async fn of(
        &self,
        resources: &[Resource<'_>],
        payer: &Payer<'_>,
        deadline: Instant,
    ) -> Result<Vec<Context>, AttributesError> {
        match self {
            Self::Inventory(inventory) => Ok(inventory.facts(resources)),
            Self::Upstream(upstream) => upstream.of(resources, payer, deadline).await,
        }
    }
}

impl UpstreamFacts {
    pub fn new(upstream: Arc<Upstream>, settings: &ResourceSettings) -> Self {
        let memory = Arc::new(FactMemory::new(settings.cache, settings.cache_entries));
        Self { upstream, memory, slots: WorkSlots::new(AT_ONCE, OF_EACH, usize::MAX) }
    }

    /// What is no one resource has no facts. What is one, and of a kind that ECS is not asked about, may have some.
    async fn of(
        &self,
        resources: &[Resource<'_>],
        payer: &Payer<'_>,
        deadline: Instant,
    ) -> Result<Vec<Context>, AttributesError> {
        let unread = |resource: &Resource<'_>, why| AttributesError { resource: resource.as_str().to_owned(), why };
        let single: Vec<_> = resources.iter().enumerate().filter(|(_, resource)| resource.is_one()).collect();
        let wanted: Result<Vec<_>, _> = single
            .iter()
            .map(|(_, resource)| {
                EcsResource::of(resource).ok_or_else(|| unread(resource, AttributeReadError::NotAsked))
            })
            .collect();
        let charge = || payer.budgets.charge(&payer.holder, BudgetItem::Lookups, clock::steady());
        let (findings, flights) = self.memory.find(&wanted?, Instant::now(), &payer.holder, charge);
        for flight in flights {
            // On its own, so that it does not end with the call that began it: others may wait for it.
            tokio::spawn(look_up(Arc::clone(&self.upstream), Arc::clone(&self.slots), flight));
        }
        let findings = findings.map_err(|throttled| {
            let resource = resources.first().map(|resource| resource.as_str().to_owned()).unwrap_or_default();
            AttributesError { resource, why: AttributeReadError::Throttled(throttled) }
        })?;
        let mut facts = vec![Context::default(); resources.len()];
        for ((at, resource), finding) in single.into_iter().zip(findings) {
            facts[at] = finding.wait(deadline).await.map_err(|why| unread(resource, why))?;
        }
        Ok(facts)
    }
}

async fn look_up(upstream: Arc<Upstream>, slots: Arc<WorkSlots>, flight: Flight) {
    // How many there are is bounded by the holder's budget.
    let Some(entrant) = slots.enter(flight.holder()) else { return };
    let _slot = entrant.slot().await;
    flight.start();
    let query = flight.query();
    let answer = upstream.describe(query, clock::now()).await;
    let read = answer.and_then(|body| read_facts(query, &body));
    if let Err(unread) = &read {
        tracing::warn!(operation = query.operation(), region = %query.region(), "facts could not be read: {unread}");
    }
    flight.land(read);
}
