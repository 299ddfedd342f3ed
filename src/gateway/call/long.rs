//! Judging that may take long. It runs on blocking threads, so that the threads that serve connections stay free, and
//! its concurrency is limited, so that one processor is left for them.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::pdp::{Authorization, Question};

use super::rejection::Rejection;
use crate::gateway::parts::Gateway;
use crate::gateway::upstream::Outgoing;

/// Like [`Pdp::decide`](crate::pdp::Pdp::decide), but also works out the reason of a denial.
///
/// # Errors
/// The deadline passed before the question could be judged.
pub(crate) async fn decide(
    gateway: &Arc<Gateway>,
    question: Question<Outgoing>,
    deadline: Instant,
) -> Result<Authorization<Outgoing>, Rejection> {
    let judge = |gateway: &Gateway| {
        let authorization = gateway.parts.in_force.pdp.decide(question);
        if let Authorization::Denied(denied) = &authorization {
            denied.reason();
        }
        authorization
    };
    apart(gateway, deadline, judge).await
}

/// Like [`Pdp::depends_on_attributes`](crate::pdp::Pdp::depends_on_attributes), but also returns the question.
///
/// # Errors
/// The deadline passed before the question could be judged.
pub(crate) async fn depends_on_attributes(
    gateway: &Arc<Gateway>,
    question: Question<Outgoing>,
    deadline: Instant,
) -> Result<(Question<Outgoing>, bool), Rejection> {
    let judge = |gateway: &Gateway| {
        let depends = gateway.parts.in_force.pdp.depends_on_attributes(&question);
        (question, depends)
    };
    apart(gateway, deadline, judge).await
}

/// Runs `judge` on a blocking thread, once a permit is free.
///
/// # Errors
/// No permit was free before the deadline.
pub(crate) async fn apart<T: Send + 'static>(
    gateway: &Arc<Gateway>,
    deadline: Instant,
    judge: impl FnOnce(&Gateway) -> T + Send + 'static,
) -> Result<T, Rejection> {
    let permit = timeout_at(deadline, Arc::clone(&gateway.long_judging).acquire_owned()).await;
    let Ok(Ok(permit)) = permit else { return Err(Rejection::NotJudgedInTime) };
    let gateway = Arc::clone(gateway);
    let judging = spawn_blocking(move || {
        let judged = judge(&gateway);
        drop(permit);
        judged
    });
    match judging.await {
        Ok(judged) => Ok(judged),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => Err(Rejection::NotJudgedInTime),
    }
}
