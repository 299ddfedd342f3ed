//! Judging that may take long: on a thread of its own, so that the threads that serve connections stay free, and not
//! more of it at once than leaves a processor to them.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::pdp::{Authorization, Question};

use super::rejection::Rejection;
use crate::gateway::parts::Gateway;
use crate::gateway::upstream::Outgoing;

/// The same as [`Pdp::decide`](crate::pdp::Pdp::decide); a denial has its reason when it comes back.
pub(crate) async fn decide(
    gateway: &Arc<Gateway>,
    question: Question<Outgoing>,
    deadline: Instant,
) -> Result<Authorization<Outgoing>, Rejection> {
    let judge = |gateway: &Gateway| {
        let ruling = gateway.parts.in_force.pdp.decide(question);
        if let Authorization::Denied(denied) = &ruling {
            denied.reason();
        }
        ruling
    };
    apart(gateway, deadline, judge).await
}

/// The same as [`Pdp::depends_on_attributes`](crate::pdp::Pdp::depends_on_attributes), with the question back.
pub(crate) async fn depends_on_attributes(
    gateway: &Arc<Gateway>,
    question: Question<Outgoing>,
    deadline: Instant,
) -> Result<(Question<Outgoing>, bool), Rejection> {
    let judge = |gateway: &Gateway| {
        let turns = gateway.parts.in_force.pdp.depends_on_attributes(&question);
        (question, turns)
    };
    apart(gateway, deadline, judge).await
}

/// What `judge` finds of a question of another kind.
pub(crate) async fn apart<T: Send + 'static>(
    gateway: &Arc<Gateway>,
    deadline: Instant,
    judge: impl FnOnce(&Gateway) -> T + Send + 'static,
) -> Result<T, Rejection> {
    let turn = timeout_at(deadline, Arc::clone(&gateway.long_judging).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else { return Err(Rejection::NotJudgedInTime) };
    let gateway = Arc::clone(gateway);
    let judging = spawn_blocking(move || {
        let judged = judge(&gateway);
        drop(turn);
        judged
    });
    match judging.await {
        Ok(judged) => Ok(judged),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => Err(Rejection::NotJudgedInTime),
    }
}
