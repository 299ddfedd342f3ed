//! Finishes a judged call: writes it to the audit log, forwards or answers it, and writes the outcome.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::audit::{Answered, Forwarded, Granted, Journal, Reached, Recorded, SinkError};
use crate::catalog::{Answer, GET_CALLER_IDENTITY};
use crate::envelope::ErrorBody;
use crate::identity::{Issued, NoValidKeyError};
use crate::pdp::Permit;
use crate::wire::excerpt;

use super::exchange::{Call, Judged};
use super::refusal_log::Subject;
use super::rejection::Rejection;
use super::reply::{self, After};
use crate::gateway::clock;
use crate::gateway::sts::{Granting, StsError, granted_answer};
use crate::gateway::upstream::Outgoing;
use crate::gateway::upstream::UpstreamError;

impl Call {
    pub(crate) async fn finish(&self, judged: Result<Judged, Rejection>) -> Response<Full<Bytes>> {
        let recorded = match judged {
            Ok(Judged::Forward(permit)) => self.record(*permit).await,
            Ok(Judged::Grant(granting)) => return self.grant(*granting).await,
            Ok(Judged::Tell(who)) => return self.tell(who).await,
            Err(rejection) => Err(rejection),
        };
        match recorded {
            Ok(recorded) => self.forward(recorded).await,
            Err(rejection) => self.refuse(rejection).await,
        }
    }

    async fn record(&self, permit: Permit<Outgoing>) -> Result<Recorded<Permit<Outgoing>>, Rejection> {
        let attempt = Arc::clone(&self.attempt);
        Ok(self.write(move |journal| journal.record(&attempt, permit)).await??)
    }

    async fn grant(&self, Granting { granted, answer }: Granting) -> Response<Full<Bytes>> {
        match self.issue(granted).await {
            Ok((recorded, issued)) => {
                let value = granted_answer(&recorded, &issued, &answer);
                reply::success(&self.attempt.id, answer.operation, value, self.format)
            }
            Err(rejection) => self.refuse(rejection).await,
        }
    }

    /// Issues a key, after the grant was written to the audit log.
    ///
    /// # Errors
    /// The grant could not be logged, or no issuer key is in force.
    pub(crate) async fn issue(&self, granted: Granted) -> Result<(Recorded<Granted>, Issued), Rejection> {
        let attempt = Arc::clone(&self.attempt);
        let recorded = self.write(move |journal| journal.grant(&attempt, granted)).await??;
        let issuing = self.gateway.parts.in_force.issuing.as_ref().ok_or(StsError::NoKey(NoValidKeyError))?;
        let issued = issuing.issue(&recorded, self.attempt.at).map_err(StsError::NoKey)?;
        self.gateway.answers.own(200, "");
        Ok((recorded, issued))
    }

    async fn tell(&self, who: Value) -> Response<Full<Bytes>> {
        let attempt = Arc::clone(&self.attempt);
        let written = self.write(move |journal| journal.caller_identity(&attempt)).await;
        match written.and_then(|written| Ok(written?)) {
            Ok(()) => {
                self.gateway.answers.own(200, "");
                reply::success(&self.attempt.id, GET_CALLER_IDENTITY, who, self.format)
            }
            Err(rejection) => self.refuse(rejection).await,
        }
    }

    /// Sends a permitted and recorded call. The outcome is written to the audit log even if no answer came.
    async fn forward(&self, recorded: Recorded<Permit<Outgoing>>) -> Response<Full<Bytes>> {
        let sent = Instant::now();
        let upstream = self.gateway.upstream_of(recorded.inner().subject().as_ref().operation());
        let answered = upstream.send(&recorded, self.format, clock::now(), self.deadline).await;
        let latency = sent.elapsed();
        let (response, forwarded) = match answered {
            Ok(answer) => {
                let forwarded = answer.forwarded(latency);
                self.gateway.answers.upstream(Some(forwarded.status), forwarded.code.as_deref());
                (answer.into_response(), forwarded)
            }
            Err(error) => {
                let endpoint = upstream.endpoint(recorded.inner().subject().as_ref().region());
                self.unanswered(error, endpoint, latency)
            }
        };
        let attempt = Arc::clone(&self.attempt);
        let written = self.write(move |journal| journal.outcome(&attempt, &recorded, &forwarded)).await;
        if !matches!(written, Ok(Ok(()))) {
            let id = &self.attempt.id;
            tracing::error!(id, "the outcome of a forwarded call could not be written to the audit log");
        }
        response
    }

    /// The answer to the caller, and the outcome for the audit log, when the upstream's answer is missing or not passed
    /// on.
    fn unanswered(
        &self,
        error: UpstreamError,
        endpoint: String,
        latency: Duration,
    ) -> (Response<Full<Bytes>>, Forwarded) {
        let (id, counts) = (&self.attempt.id, &self.gateway.answers);
        let rejection = Rejection::Upstream(error);
        let (response, answer) = self.answered(&rejection);
        let forwarded = match &rejection {
            Rejection::Upstream(UpstreamError::OwnKey(refusal)) => {
                match refusal.class() {
                    // `KeyHealth` has already logged it, once for all calls.
                    Some(_) => {
                        tracing::debug!(id, reason = %refusal, "the upstream's answer is about the gateway's key");
                    }
                    None if self.logs_answer() => {
                        tracing::warn!(
                            id,
                            status = refusal.status(),
                            code = excerpt(refusal.code()),
                            "the upstream's answer names the gateway's own identity and is not passed on: the outcome \
                             line in the audit log has its message"
                        );
                    }
                    None => {}
                }
                counts.upstream(Some(refusal.status()), Some(refusal.code()));
                refusal.forwarded(endpoint, answer.status, latency)
            }
            Rejection::Upstream(UpstreamError::Unreadable { status, request_id }) => {
                if self.logs_answer() {
                    tracing::warn!(id, status, request_id, "the upstream's answer has no readable error code");
                }
                counts.upstream(Some(*status), Some("unreadable"));
                Forwarded {
                    upstream_status: Some(*status),
                    request_id: request_id.clone(),
                    ..without_answer(endpoint, &rejection, answer, latency)
                }
            }
            _ => {
                if self.logs_answer() {
                    tracing::warn!(id, reason = rejection.reason(), "the upstream gave no answer to pass on");
                }
                counts.upstream(None, Some(&rejection.refusal().name()));
                without_answer(endpoint, &rejection, answer, latency)
            }
        };
        (response, forwarded)
    }

    pub(crate) async fn refuse(&self, rejection: Rejection) -> Response<Full<Bytes>> {
        let (response, answer) = self.answered(&rejection);
        let id = &self.attempt.id;
        let reason = rejection.reason();
        match &rejection {
            Rejection::Denied(denied) => {
                let (principal, action) = (&denied.request().principal, denied.request().action.as_str());
                // Anyone can cause denials of an unverified caller, so these are logged at DEBUG only. For an
                // authenticated caller, the number of lines is limited.
                match self.attempt.reached {
                    Reached::Authenticated if self.logs(Subject::Denied((*principal).clone())) => {
                        tracing::warn!(id, %principal, action, "denied: {reason}");
                    }
                    Reached::Authenticated => tracing::debug!(id, %principal, action, "denied: {reason}"),
                    Reached::Unauthenticated => tracing::debug!(id, %principal, action, "denied, unverified: {reason}"),
                }
            }
            Rejection::Audit(_) | Rejection::TimeIsUp | Rejection::Panic => tracing::error!(id, "{reason}"),
            _ => tracing::debug!(id, code = answer.code, "refused: {reason}"),
        }
        let (status, code, message) = (answer.status, answer.code, answer.message);
        let answered = Answered { status, code, message, reason, refusal: rejection.refusal() };
        let attempt = Arc::clone(&self.attempt);
        let written = self.write(move |journal| match rejection {
            Rejection::Denied(denied) => journal.denied(&attempt, &denied, &answered),
            _ => journal.refused(&attempt, &answered),
        });
        if !matches!(written.await, Ok(Ok(_))) && self.logs(Subject::Unwritten) {
            tracing::error!(id, "a refusal could not be written to the audit log");
        }
        response
    }

    /// The response to a rejection, and the answer in it. Counts the answer.
    pub(crate) fn answered(&self, rejection: &Rejection) -> (Response<Full<Bytes>>, Answer) {
        let (response, answer) = self.response(rejection);
        self.gateway.answers.own(answer.status, &answer.code);
        (response, answer)
    }

    /// Whether to log that an answer to this caller is not passed on. Limited, because a caller can provoke such
    /// answers.
    fn logs_answer(&self) -> bool {
        let known = self.attempt.caller.as_ref().filter(|_| self.attempt.reached >= Reached::Authenticated);
        self.logs(Subject::NotPassedOn(known.map(|caller| caller.principal.clone())))
    }

    fn logs(&self, subject: Subject) -> bool {
        self.gateway.refusal_log.admits(subject, &self.gateway.parts.callers.budgets, clock::steady())
    }

    /// The response to a rejection, and the answer in it, without counting it.
    fn response(&self, rejection: &Rejection) -> (Response<Full<Bytes>>, Answer) {
        let gateway = &self.gateway.parts;
        let mut answer = rejection.answer(&gateway.judge.catalog);
        let mut detail = None;
        if let Rejection::Denied(denied) = rejection {
            if let Some(configured) = &self.gateway.denial {
                answer = configured.clone();
            }
            // An attacker who knows only the id of a key must not learn about its holder's policies.
            if gateway.judge.denial.detail && self.attempt.reached >= Reached::Authenticated {
                detail = reply::detail(denied, gateway.in_force.pdp.directory(), &gateway.judge.catalog);
            }
        }
        if let Rejection::Sts(error) = rejection
            && gateway.judge.denial.detail
        {
            detail = error.unassumed().and_then(|why| reply::unassumed(why, &self.attempt, &gateway.judge.catalog));
        }
        let recommend = gateway.judge.denial.recommend.as_deref();
        let mut body = ErrorBody::new(&answer, &self.attempt.id, &gateway.front.replica, recommend);
        body.access_denied_detail = detail;
        let after = if rejection.ends_connection() { After::Close } else { After::KeepAlive };
        let mut response = reply::refusal(&body, answer.status, self.format, after);
        if let Some(after) = rejection.retry_after() {
            reply::add_retry_after(&mut response, after);
        }
        (response, answer)
    }

    /// Runs `work`, which writes to the audit log: on a blocking thread if the journal may wait for a disk, and until
    /// the call's deadline.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Journal) -> T + Send + 'static,
    ) -> Result<T, Rejection> {
        let journal = Arc::clone(&self.gateway.parts.journal);
        if !journal.blocks() {
            return Ok(work(&journal));
        }
        match timeout_at(self.deadline, spawn_blocking(move || work(&journal))).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
            Ok(Err(error)) => Err(Rejection::Audit(SinkError(error.to_string()))),
            Err(_) => Err(Rejection::TimeIsUp),
        }
    }
}

fn without_answer(endpoint: String, rejection: &Rejection, answer: Answer, latency: Duration) -> Forwarded {
    Forwarded {
        endpoint,
        status: answer.status,
        upstream_status: None,
        request_id: None,
        code: Some(answer.code),
        message: Some(answer.message),
        latency,
        failure: Some(rejection.reason()),
    }
}
