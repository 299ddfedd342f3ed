//! Attributes that were read recently, and look-ups in flight, so that a burst of calls asks ECS only once.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::budget::{BudgetError, Holder};
use ram_policy::Context;

use super::error::AttributeReadError;
use super::query::AttributesById;
use super::query::{AttributeQuery, EcsResource};

/// The result of a look-up; `None` while it is in flight.
type Landed = Option<Result<Arc<AttributesById>, AttributeReadError>>;

/// A bounded cache: the least recently used attributes are evicted first.
pub(crate) struct AttributeCache {
    /// How long attributes may be used. If it is zero, only the calls that wait for the same look-up share its result.
    lifetime: Duration,
    state: Mutex<State>,
}

struct State {
    known: LruCache<EcsResource, Cached>,
    flights: HashMap<EcsResource, Boarding>,
}

/// How calls wait for one look-up.
#[derive(Clone)]
struct Boarding {
    landing: watch::Receiver<Landed>,
    holder: Holder,
    /// Whether the look-up has its holder's slot and was sent. Each look-up has its own flag, which also identifies it.
    started: Arc<AtomicBool>,
}

struct Cached {
    attributes: Context,
    /// When a call asked for the look-up. ECS answered later, so attributes are never older than they are taken for.
    asked: Instant,
}

/// The attributes of one resource, or a look-up that will return them.
pub(crate) enum Finding {
    Cached(Context),
    Awaited(EcsResource, watch::Receiver<Landed>),
}

/// A look-up that the holder of this value has to make. Dropping it publishes the result to the calls that wait for it,
/// or an error if there is no result.
pub(crate) struct Flight {
    memory: Arc<AttributeCache>,
    query: AttributeQuery,
    /// The holder of the budget that it is charged to.
    holder: Holder,
    started: Arc<AtomicBool>,
    asked: Instant,
    waiting: watch::Sender<Landed>,
    outcome: Result<Arc<AttributesById>, AttributeReadError>,
}

impl AttributeCache {
    pub(crate) fn new(lifetime: Duration, entries: NonZeroUsize) -> Self {
        let state = State { known: LruCache::new(entries), flights: HashMap::new() };
        Self { lifetime, state: Mutex::new(state) }
    }

    /// A finding for each resource, in the same order, and the look-ups that the caller must make for them. Each
    /// look-up is charged when it is created. If the budget does not suffice for one, an error takes the place of the
    /// findings, and the look-ups that were charged before it must still be made.
    pub(crate) fn find(
        self: &Arc<Self>,
        wanted: &[EcsResource],
        now: Instant,
        holder: &Holder,
        charge: impl Fn() -> Result<(), BudgetError>,
    ) -> (Result<Vec<Finding>, BudgetError>, Vec<Flight>) {
        // Declared before the lock is taken, so that it is dropped after its release: dropping a flight takes the lock.
        let mut flights: Vec<Flight> = Vec::new();
        let mut state = self.lock();
        let findings = wanted.iter().map(|resource| {
            if let Some(attributes) = state.known(resource, self.lifetime, now) {
                return Ok(Finding::Cached(attributes));
            }
            let boarding = match state.flights.get(resource).filter(|boarding| boarding.serves(holder)) {
                Some(boarding) => boarding.clone(),
                None => {
                    let boarding = self.join_or_create(resource, &mut flights, (now, holder), &charge)?;
                    state.flights.insert(resource.clone(), boarding.clone());
                    boarding
                }
            };
            Ok(Finding::Awaited(resource.clone(), boarding.landing))
        });
        (findings.collect(), flights)
    }

    /// Adds the resource to the first of the new look-ups that has room for it, or creates another.
    fn join_or_create(
        self: &Arc<Self>,
        resource: &EcsResource,
        flights: &mut Vec<Flight>,
        (now, holder): (Instant, &Holder),
        charge: impl Fn() -> Result<(), BudgetError>,
    ) -> Result<Boarding, BudgetError> {
        let boarding = |flight: &Flight| Boarding {
            landing: flight.waiting.subscribe(),
            holder: flight.holder.clone(),
            started: Arc::clone(&flight.started),
        };
        if let Some(flight) = flights.iter_mut().find(|flight| flight.query.takes(resource)) {
            flight.query.add(resource.clone());
            return Ok(boarding(flight));
        }
        charge()?;
        let flight = Flight {
            memory: Arc::clone(self),
            query: AttributeQuery::about(resource.clone()),
            holder: holder.clone(),
            started: Arc::default(),
            asked: now,
            waiting: watch::channel(None).0,
            outcome: Err(AttributeReadError::Interrupted),
        };
        let boarded = boarding(&flight);
        flights.push(flight);
        Ok(boarded)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Boarding {
    /// Whether a call of this holder may wait for the look-up. It must not depend on another holder's slots, so until a
    /// look-up has its slot, only calls of its own holder wait for it.
    fn serves(&self, holder: &Holder) -> bool {
        self.started.load(Ordering::Relaxed) || self.holder == *holder
    }
}

impl State {
    fn known(&mut self, resource: &EcsResource, lifetime: Duration, now: Instant) -> Option<Context> {
        let known = self.known.get(resource)?;
        if now.duration_since(known.asked) < lifetime {
            return Some(known.attributes.clone());
        }
        self.known.pop(resource);
        None
    }
}

impl Finding {
    /// The attributes, as soon as they are known.
    ///
    /// # Errors
    /// The look-up failed, or did not end by the deadline.
    pub(crate) async fn wait(self, deadline: Instant) -> Result<Context, AttributeReadError> {
        let (resource, mut landing) = match self {
            Self::Cached(attributes) => return Ok(attributes),
            Self::Awaited(resource, landing) => (resource, landing),
        };
        let landed =
            timeout_at(deadline, landing.wait_for(Option::is_some)).await.map_err(|_| AttributeReadError::Late)?;
        let landed = landed.map_err(|_| AttributeReadError::Interrupted)?;
        match &*landed {
            Some(Ok(attributes)) => attributes.get(&resource).cloned().ok_or(AttributeReadError::Interrupted),
            Some(Err(unread)) => Err(unread.clone()),
            None => Err(AttributeReadError::Interrupted),
        }
    }
}

impl Flight {
    pub(crate) fn query(&self) -> &AttributeQuery {
        &self.query
    }

    pub(crate) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Marks the look-up as sent. From now on, calls of any holder may wait for it.
    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// Ends the look-up with a result. Waiting calls get it in either case, but a failure is not remembered.
    pub(crate) fn land(mut self, read: Result<AttributesById, AttributeReadError>) {
        self.outcome = read.map(Arc::new);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut state = self.memory.lock();
        for resource in self.query.resources() {
            // Another holder may have started its own look-up in the meantime.
            if state.flights.get(resource).is_some_and(|boarding| Arc::ptr_eq(&boarding.started, &self.started)) {
                state.flights.remove(resource);
            }
        }
        if let Ok(attributes) = &self.outcome
            && !self.memory.lifetime.is_zero()
        {
            for (resource, attributes) in &**attributes {
                state.known.put(resource.clone(), Cached { attributes: attributes.clone(), asked: self.asked });
            }
        }
        drop(state);
        self.waiting.send_replace(Some(self.outcome.clone()));
    }
}

impl fmt::Debug for AttributeCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttributeCache").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{BudgetBound, BudgetItem, HolderKind};
    use ram_policy::{Identity, Principal};

    fn resource(arn: &str) -> EcsResource {
        EcsResource::of(&arn.parse().unwrap()).unwrap()
    }

    fn memory() -> Arc<AttributeCache> {
        Arc::new(AttributeCache::new(Duration::from_secs(30), NonZeroUsize::MIN))
    }

    fn holder(name: &str) -> Holder {
        Holder::principal(Principal::new("1".parse().unwrap(), Identity::User(name.into())))
    }

    fn find(memory: &Arc<AttributeCache>, wanted: &[EcsResource], now: Instant) -> (Vec<Finding>, Vec<Flight>) {
        let (findings, flights) = memory.find(wanted, now, &holder("bob"), || Ok(()));
        (findings.unwrap(), flights)
    }

    #[test]
    fn a_look_up_is_charged_to_its_initiator_and_no_holder_waits_for_the_slot_of_another() {
        let (memory, now) = (memory(), Instant::now());
        let wanted = [resource("acs:ecs:cn-hangzhou:1:eni/eni-a"), resource("acs:ecs:cn-hangzhou:1:instance/i-a")];
        let (_, bobs) = find(&memory, &wanted[..1], now);
        let refuse = || {
            Err(BudgetError {
                whose: HolderKind::Principal,
                item: BudgetItem::Lookups,
                bound: BudgetBound::AMinute(1),
                retry_after: Duration::ZERO,
            })
        };
        let (findings, flights) = memory.find(&wanted[..1], now, &holder("bob"), refuse);
        assert!(findings.is_ok() && flights.is_empty(), "bob joins his own look-up");
        let (findings, flights) = memory.find(&wanted[..1], now, &holder("alice"), refuse);
        assert!(findings.is_err() && flights.is_empty());
        let (_, alices) = memory.find(&wanted[..1], now, &holder("alice"), || Ok(()));
        assert_eq!(alices.len(), 1, "bob's look-up still waits for a slot of bob's");
        alices[0].start();
        drop(bobs);
        let (findings, flights) = memory.find(&wanted[..1], now, &holder("carol"), refuse);
        assert!(findings.is_ok() && flights.is_empty(), "carol joins alice's look-up, which was sent");
        // Look-ups that were charged before the budget ran out are still made.
        let charged = std::cell::Cell::new(0);
        let once = || if charged.replace(1) == 0 { Ok(()) } else { refuse() };
        let new = [resource("acs:ecs:cn-hangzhou:1:eni/eni-b"), wanted[1].clone()];
        let (findings, flights) = memory.find(&new, now, &holder("bob"), once);
        assert!(findings.is_err() && flights.len() == 1);
    }

    #[tokio::test]
    async fn every_waiting_call_gets_a_failure_which_is_not_remembered() {
        let (memory, now) = (memory(), Instant::now());
        let wanted = [resource("acs:ecs:cn-hangzhou:1:eni/eni-a")];
        let (first, mut flights) = find(&memory, &wanted, now);
        let (second, more) = find(&memory, &wanted, now);
        assert_eq!((flights.len(), more.len()), (1, 0));
        flights.remove(0).land(Err(AttributeReadError::TooLarge(1)));
        for finding in first.into_iter().chain(second) {
            assert_eq!(finding.wait(now).await, Err(AttributeReadError::TooLarge(1)));
        }
        let (third, flights) = find(&memory, &wanted, now);
        assert_eq!(flights.len(), 1);
        drop(flights);
        assert_eq!(third.into_iter().next().unwrap().wait(now).await, Err(AttributeReadError::Interrupted));
    }

    #[test]
    fn attributes_belong_to_one_account_and_age_from_the_time_of_the_request() {
        let (memory, asked) = (memory(), Instant::now());
        let mine = resource("acs:ecs:cn-hangzhou:1:eni/eni-a");
        let (_, mut flights) = find(&memory, std::slice::from_ref(&mine), asked);
        flights.remove(0).land(Ok(AttributesById::from([(mine.clone(), Context::default())])));
        let look_ups = |resource: &EcsResource, now| find(&memory, std::slice::from_ref(resource), now).1.len();
        assert_eq!(look_ups(&resource("acs:ecs:cn-hangzhou:2:eni/eni-a"), asked), 1);
        assert_eq!(look_ups(&mine, asked + Duration::from_millis(29_999)), 0);
        assert_eq!(look_ups(&mine, asked + Duration::from_secs(30)), 1);
    }
}
