//! Judging that may take long: on a thread of its own, so that the threads that serve connections stay free, and not
//! more of it at once than leaves a processor to them.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::pdp::{Question, Ruling};

use super::outgoing::Outgoing;
use super::parts::Gateway;
use super::stop::Stop;

/// Turns for long judging: one processor fewer than there are.
pub(super) fn turns() -> Arc<Semaphore> {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    Arc::new(Semaphore::new(processors.saturating_sub(1).max(1)))
}

/// The same as [`Pdp::decide`](crate::pdp::Pdp::decide); a denial has its reason when it comes back.
pub(super) async fn decide(
    gateway: &Arc<Gateway>,
    question: Question<Outgoing>,
    deadline: Instant,
) -> Result<Ruling<Outgoing>, Stop> {
    let judge = |gateway: &Gateway| {
        let ruling = gateway.parts.pdp.decide(question);
        if let Ruling::Denied(denied) = &ruling {
            denied.reason();
        }
        ruling
    };
    apart(gateway, deadline, judge).await
}

/// The same as [`Pdp::turns_on_facts`](crate::pdp::Pdp::turns_on_facts), with the question back.
pub(super) async fn turns_on_facts(
    gateway: &Arc<Gateway>,
    question: Question<Outgoing>,
    deadline: Instant,
) -> Result<(Question<Outgoing>, bool), Stop> {
    let judge = |gateway: &Gateway| {
        let turns = gateway.parts.pdp.turns_on_facts(&question);
        (question, turns)
    };
    apart(gateway, deadline, judge).await
}

/// What `judge` finds of a question of another kind.
pub(super) async fn apart<T: Send + 'static>(
    gateway: &Arc<Gateway>,
    deadline: Instant,
    judge: impl FnOnce(&Gateway) -> T + Send + 'static,
) -> Result<T, Stop> {
    let turn = timeout_at(deadline, Arc::clone(&gateway.long_judging).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else { return Err(Stop::NotJudgedInTime) };
    let gateway = Arc::clone(gateway);
    let judging = spawn_blocking(move || {
        let judged = judge(&gateway);
        drop(turn);
        judged
    });
    match judging.await {
        Ok(judged) => Ok(judged),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => Err(Stop::NotJudgedInTime),
    }
}
