//! Facts that were read lately, and look-ups on their way, so that a burst of calls asks ECS once.

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
use super::query::Facts;
use super::query::{EcsResource, FactQuery};

type Landed = Option<Result<Arc<Facts>, AttributeReadError>>;

/// Bounded: what was not asked for longest is forgotten first.
pub(crate) struct FactMemory {
    /// How long facts may be used; zero: only by those who wait for the same look-up.
    lifetime: Duration,
    state: Mutex<State>,
}

struct State {
    known: LruCache<EcsResource, Identified>,
    flights: HashMap<EcsResource, Boarding>,
}

/// A place in a look-up.
#[derive(Clone)]
struct Boarding {
    coming: watch::Receiver<Landed>,
    holder: Holder,
    /// Whether it is under way, and does not wait for its holder's slot any more. Each look-up has its own.
    started: Arc<AtomicBool>,
}

struct Identified {
    facts: Context,
    /// When ECS was asked, not when it answered: facts are never older than they are taken for.
    asked: Instant,
}

/// What is known of one resource, or will be.
pub(crate) enum Finding {
    Identified(Context),
    Awaited(EcsResource, watch::Receiver<Landed>),
}

/// A look-up that somebody has to make. However it ends, those who wait for it are told when it is dropped.
pub(crate) struct Flight {
    memory: Arc<FactMemory>,
    query: FactQuery,
    /// Who answers for it.
    holder: Holder,
    started: Arc<AtomicBool>,
    asked: Instant,
    waiting: watch::Sender<Landed>,
    outcome: Result<Arc<Facts>, AttributeReadError>,
}

impl FactMemory {
    pub(crate) fn new(lifetime: Duration, entries: NonZeroUsize) -> Self {
        let state = State { known: LruCache::new(entries), flights: HashMap::new() };
        Self { lifetime, state: Mutex::new(state) }
    }

    /// A finding for each resource, in their order, and the look-ups that are to be made for them. Each look-up is
    /// charged before it is begun; when one cannot be, there are no findings, and those before it are to be made.
    pub(crate) fn find(
        self: &Arc<Self>,
        wanted: &[EcsResource],
        now: Instant,
        holder: &Holder,
        charge: impl Fn() -> Result<(), BudgetError>,
    ) -> (Result<Vec<Finding>, BudgetError>, Vec<Flight>) {
        // Before the lock, so that it is dropped after it: a flight that lands takes the lock.
        let mut flights: Vec<Flight> = Vec::new();
        let mut state = self.lock();
        let findings = wanted.iter().map(|resource| {
            if let Some(facts) = state.known(resource, self.lifetime, now) {
                return Ok(Finding::Identified(facts));
            }
            let boarding = match state.flights.get(resource).filter(|boarding| boarding.serves(holder)) {
                Some(boarding) => boarding.clone(),
                None => {
                    let boarding = self.board(resource, &mut flights, (now, holder), &charge)?;
                    state.flights.insert(resource.clone(), boarding.clone());
                    boarding
                }
            };
            Ok(Finding::Awaited(resource.clone(), boarding.coming))
        });
        (findings.collect(), flights)
    }

    /// A place in the first look-up that has one for this resource.
    fn board(
        self: &Arc<Self>,
        resource: &EcsResource,
        flights: &mut Vec<Flight>,
        (now, holder): (Instant, &Holder),
        charge: impl Fn() -> Result<(), BudgetError>,
    ) -> Result<Boarding, BudgetError> {
        let boarding = |flight: &Flight| Boarding {
            coming: flight.waiting.subscribe(),
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
            query: FactQuery::about(resource.clone()),
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
    /// Whether the holder's call may wait for it: one that still waits for another holder's slot is that holder's to
    /// wait for.
    fn serves(&self, holder: &Holder) -> bool {
        self.started.load(Ordering::Relaxed) || self.holder == *holder
    }
}

impl State {
    fn known(&mut self, resource: &EcsResource, lifetime: Duration, now: Instant) -> Option<Context> {
        let known = self.known.get(resource)?;
        if now.duration_since(known.asked) < lifetime {
            return Some(known.facts.clone());
        }
        self.known.pop(resource);
        None
    }
}

impl Finding {
    /// The facts, as soon as they are there.
    pub(crate) async fn wait(self, deadline: Instant) -> Result<Context, AttributeReadError> {
        let (resource, mut coming) = match self {
            Self::Identified(facts) => return Ok(facts),
            Self::Awaited(resource, coming) => (resource, coming),
        };
        let landed =
            timeout_at(deadline, coming.wait_for(Option::is_some)).await.map_err(|_| AttributeReadError::Late)?;
        let landed = landed.map_err(|_| AttributeReadError::Interrupted)?;
        match &*landed {
            Some(Ok(facts)) => facts.get(&resource).cloned().ok_or(AttributeReadError::Interrupted),
            Some(Err(unread)) => Err(unread.clone()),
            None => Err(AttributeReadError::Interrupted),
        }
    }
}

impl Flight {
    pub(crate) fn query(&self) -> &FactQuery {
        &self.query
    }

    pub(crate) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// It is under way from now on: whoever wants to know the same waits for it.
    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// What came of it. A failure is told to those who wait, and forgotten.
    pub(crate) fn land(mut self, read: Result<Facts, AttributeReadError>) {
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
        if let Ok(facts) = &self.outcome
            && !self.memory.lifetime.is_zero()
        {
            for (resource, facts) in &**facts {
                state.known.put(resource.clone(), Identified { facts: facts.clone(), asked: self.asked });
            }
        }
        drop(state);
        self.waiting.send_replace(Some(self.outcome.clone()));
    }
}

impl fmt::Debug for FactMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FactMemory").field("lifetime", &self.lifetime).finish_non_exhaustive()
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

    fn memory() -> Arc<FactMemory> {
        Arc::new(FactMemory::new(Duration::from_secs(30), NonZeroUsize::MIN))
    }

    fn holder(name: &str) -> Holder {
        Holder::principal(Principal::new("1".parse().unwrap(), Identity::User(name.into())))
    }

    fn find(memory: &Arc<FactMemory>, wanted: &[EcsResource], now: Instant) -> (Vec<Finding>, Vec<Flight>) {
        let (findings, flights) = memory.find(wanted, now, &holder("bob"), || Ok(()));
        (findings.unwrap(), flights)
    }

    #[test]
    fn a_look_up_is_charged_to_who_starts_it_and_nobody_waits_for_anothers_slot() {
        let (memory, now) = (memory(), Instant::now());
        let wanted = [resource("acs:ecs:cn-hangzhou:1:eni/eni-a"), resource("acs:ecs:cn-hangzhou:1:instance/i-a")];
        let (_, bobs) = find(&memory, &wanted[..1], now);
        let no = || {
            Err(BudgetError {
                whose: HolderKind::Principal,
                item: BudgetItem::Lookups,
                bound: BudgetBound::AMinute(1),
                retry_after: Duration::ZERO,
            })
        };
        let (findings, flights) = memory.find(&wanted[..1], now, &holder("bob"), no);
        assert!(findings.is_ok() && flights.is_empty(), "his own is on its way");
        let (findings, flights) = memory.find(&wanted[..1], now, &holder("alice"), no);
        assert!(findings.is_err() && flights.is_empty());
        let (_, alices) = memory.find(&wanted[..1], now, &holder("alice"), || Ok(()));
        assert_eq!(alices.len(), 1, "his waits for a slot of his");
        alices[0].start();
        drop(bobs);
        let (findings, flights) = memory.find(&wanted[..1], now, &holder("carol"), no);
        assert!(findings.is_ok() && flights.is_empty(), "hers is under way, and still known");
        // Look-ups that were charged before the budget ran out are still made.
        let charged = std::cell::Cell::new(0);
        let once = || if charged.replace(1) == 0 { Ok(()) } else { no() };
        let new = [resource("acs:ecs:cn-hangzhou:1:eni/eni-b"), wanted[1].clone()];
        let (findings, flights) = memory.find(&new, now, &holder("bob"), once);
        assert!(findings.is_err() && flights.len() == 1);
    }

    #[tokio::test]
    async fn a_failure_is_told_to_all_who_wait_and_forgotten() {
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
    fn facts_are_an_accounts_own_and_as_old_as_the_question() {
        let (memory, asked) = (memory(), Instant::now());
        let mine = resource("acs:ecs:cn-hangzhou:1:eni/eni-a");
        let (_, mut flights) = find(&memory, std::slice::from_ref(&mine), asked);
        flights.remove(0).land(Ok(Facts::from([(mine.clone(), Context::default())])));
        let look_ups = |resource: &EcsResource, now| find(&memory, std::slice::from_ref(resource), now).1.len();
        assert_eq!(look_ups(&resource("acs:ecs:cn-hangzhou:2:eni/eni-a"), asked), 1);
        assert_eq!(look_ups(&mine, asked + Duration::from_millis(29_999)), 0);
        assert_eq!(look_ups(&mine, asked + Duration::from_secs(30)), 1);
    }
}
