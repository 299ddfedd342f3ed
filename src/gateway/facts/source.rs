//! The source of resource attributes (tags and resource groups): `resources.toml` or ECS.

use std::sync::Arc;

use tokio::time::Instant;

use crate::budget::{BudgetItem, Budgets, Holder};
use crate::config::ResourceSettings;
use crate::pdp::Inventory;
use ram_policy::{Context, Resource};

use super::error::{AttributeReadError, AttributesError};
use super::memory::{AttributeCache, Flight};
use super::query::EcsResource;
use super::query::read_attributes;
use crate::gateway::clock;
use crate::gateway::upstream::Upstream;
use crate::gateway::work_slots::WorkSlots;

/// Where attributes are read (`[resources] source`).
#[derive(Debug)]
pub enum ResourceAttributes {
    /// `resources.toml`.
    Inventory(Inventory),
    /// ECS.
    Upstream(UpstreamAttributes),
}

/// Attributes read from ECS with the gateway's own key. A failed look-up is not repeated; the caller may repeat the
/// call.
#[derive(Debug)]
pub struct UpstreamAttributes {
    upstream: Arc<Upstream>,
    memory: Arc<AttributeCache>,
    slots: Arc<WorkSlots>,
}

/// The limits on concurrent look-ups, for all callers together and for each caller.
const AT_ONCE: usize = 100;
const OF_EACH: usize = 50;

/// The holder of the budget that look-ups are charged to: the caller that starts them.
pub(crate) struct Payer<'a> {
    pub(crate) budgets: &'a Budgets,
    pub(crate) holder: Holder,
}

impl ResourceAttributes {
    /// The attributes of each resource, in the same order.
    ///
    /// # Errors
    /// The attributes of a resource cannot be read by the deadline, or the payer's budget is used up.
    pub(crate) async fn of(
        &self,
        resources: &[Resource<'_>],
        payer: &Payer<'_>,
        deadline: Instant,
    ) -> Result<Vec<Context>, AttributesError> {
        match self {
            Self::Inventory(inventory) => Ok(inventory.attributes(resources)),
            Self::Upstream(upstream) => upstream.of(resources, payer, deadline).await,
        }
    }
}

impl UpstreamAttributes {
    /// A source without any attributes in memory. The settings bound how many are remembered, and for how long.
    pub fn new(upstream: Arc<Upstream>, settings: &ResourceSettings) -> Self {
        let memory = Arc::new(AttributeCache::new(settings.cache, settings.cache_entries));
        Self { upstream, memory, slots: WorkSlots::new(AT_ONCE, OF_EACH, usize::MAX) }
    }

    /// A text that does not name a single resource has no attributes. A single resource of a kind that cannot be looked
    /// up is an error, because it may have attributes.
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
            // A separate task, so that the look-up does not end with the call that began it: other calls may wait for
            // it.
            tokio::spawn(look_up(Arc::clone(&self.upstream), Arc::clone(&self.slots), flight));
        }
        let findings = findings.map_err(|throttled| {
            let resource = resources.first().map(|resource| resource.as_str().to_owned()).unwrap_or_default();
            AttributesError { resource, why: AttributeReadError::Throttled(throttled) }
        })?;
        let mut attributes = vec![Context::default(); resources.len()];
        for ((at, resource), finding) in single.into_iter().zip(findings) {
            attributes[at] = finding.wait(deadline).await.map_err(|why| unread(resource, why))?;
        }
        Ok(attributes)
    }
}

async fn look_up(upstream: Arc<Upstream>, slots: Arc<WorkSlots>, flight: Flight) {
    // The number that may wait is not limited here: the holder's budget bounds it.
    let Some(entrant) = slots.enter(flight.holder()) else { return };
    let _slot = entrant.slot().await;
    flight.start();
    let query = flight.query();
    let answer = upstream.describe(query, clock::now()).await;
    let read = answer.and_then(|body| read_attributes(query, &body));
    if let Err(unread) = &read {
        let (operation, region) = (query.operation(), query.region());
        tracing::warn!(operation, %region, "cannot read attributes of resources: {unread}");
    }
    flight.land(read);
}
