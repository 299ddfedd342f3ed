//! Every reason for which the gateway ends a call itself, and the documented answer to each.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::SinkError;
use crate::budget::{BudgetError, HolderKind};
use crate::catalog::{Answer, BindError, Catalog, Operation, OwnKeyClass, RejectionReason};
use crate::identity::IdentityError;
use crate::pdp::Denied;
use crate::wire::{FormError, ForwardedError, HeadError, HeadErrorKind};
use ram_policy::{Principal, Verdict};

use super::host::HostError;
use super::inbound::BodyError;
use super::intermediary::Intermediary;
use super::target::OperationError;
use super::waiting::TooManyWaiting;
use crate::gateway::facts::{AttributeReadError, AttributesError};
use crate::gateway::sts::StsError;
use crate::gateway::upstream::KeyError;
use crate::gateway::upstream::OriginalError;
use crate::gateway::upstream::Outgoing;
use crate::gateway::upstream::UpstreamError;

/// How long a caller should wait before it retries when connections or waiting places are used up.
const CONNECTION_PAUSE: Duration = Duration::from_secs(1);

/// Why the gateway ends a call itself.
#[derive(Debug)]
pub(crate) enum Rejection {
    Head(HeadError),
    Body(BodyError),
    Form(FormError),
    Host(HostError),
    /// The headers in which a trusted proxy reports the caller are malformed or ambiguous.
    Forwarded(ForwardedError),
    Format,
    Identity(IdentityError),
    /// A call authenticated only by a certificate, which its holder may not have composed.
    Intermediary(Intermediary),
    Operation(OperationError),
    Bind(Arc<Operation>, BindError),
    /// A call whose query is too long for a URL.
    TooLong(Arc<Operation>),
    /// A V3 call with business parameters both in the query and in the form.
    TwoPlaces,
    /// A call that cannot be forwarded with its caller's signature.
    Original(Arc<Operation>, OriginalError),
    /// The caller is a root user.
    Root(Arc<Operation>),
    AccountNotServed(Arc<Operation>),
    /// The gateway has no key to sign calls for the caller's account.
    AccountWithoutKey(Arc<Operation>),
    /// The gateway's key for the caller's account is not available at the moment.
    OwnKey(KeyError),
    /// Attributes that the decision depends on could not be read, so the call was not judged.
    AttributesById(AttributesError),
    /// Boxed: a denial carries its proof.
    Denied(Box<Denied<Outgoing>>),
    Sts(StsError),
    /// A budget of the caller is used up.
    Throttled(BudgetError),
    /// Too many calls of unauthenticated callers wait for another service.
    TooManyWaiting(TooManyWaiting),
    Audit(SinkError),
    /// The caller's policies take long to evaluate, and the deadline passed before a permit to judge the call was free.
    NotJudgedInTime,
    /// The deadline passed before the attempt was in the audit log, so nothing was sent.
    TimeIsUp,
    Upstream(UpstreamError),
    /// The principal is at its connection limit, and a call is in progress on each of its connections.
    Connections(Principal),
    Panic,
}

impl Rejection {
    /// The reason under which the catalogue lists the answer.
    pub(crate) fn refusal(&self) -> RejectionReason {
        match self {
            Self::Head(error) => match error.kind {
                HeadErrorKind::Reading => RejectionReason::TwoReadings,
                HeadErrorKind::Method => RejectionReason::Method,
                HeadErrorKind::HeadTooLarge => RejectionReason::HeadTooLarge,
                HeadErrorKind::QueryTooLarge => RejectionReason::QueryTooLarge,
                HeadErrorKind::BodyTooLarge => RejectionReason::BodyTooLarge,
                HeadErrorKind::Slow => RejectionReason::Slow,
            },
            Self::Body(BodyError::TooLarge(_)) => RejectionReason::BodyTooLarge,
            Self::Body(BodyError::Slow(_)) => RejectionReason::Slow,
            Self::Body(BodyError::Broken | BodyError::NoForm) => RejectionReason::TwoReadings,
            Self::Form(FormError::TooMany { .. }) | Self::TooLong(_) => RejectionReason::QueryTooLarge,
            Self::Form(_) | Self::TwoPlaces | Self::Forwarded(_) => RejectionReason::TwoReadings,
            Self::Host(_) | Self::Original(_, OriginalError::Host(_)) => RejectionReason::Host,
            Self::Original(..) => RejectionReason::TwoReadings,
            Self::Format => RejectionReason::Format,
            Self::Identity(error) => error.refusal(),
            Self::Intermediary(_) => RejectionReason::TwoReadings,
            Self::Operation(OperationError::Missing(_)) => RejectionReason::MissingParameter,
            Self::Operation(OperationError::Version { .. }) => RejectionReason::Version,
            Self::Operation(OperationError::LookAlike(..)) => RejectionReason::TwoReadings,
            Self::Operation(OperationError::Unknown(_)) => RejectionReason::UnknownOperation,
            Self::Bind(_, error) => error.refusal(),
            Self::Root(_) => RejectionReason::CallerKind,
            Self::AccountNotServed(_) | Self::AccountWithoutKey(_) => RejectionReason::AccountNotServed,
            Self::OwnKey(_) | Self::Upstream(UpstreamError::Key(_)) => RejectionReason::OwnKey,
            Self::AttributesById(_) => RejectionReason::FactsUnread,
            Self::Denied(denied) => match denied.decision().verdict() {
                Verdict::ExplicitDeny => RejectionReason::ExplicitDeny,
                Verdict::ImplicitDeny | Verdict::Allow => RejectionReason::ImplicitDeny,
            },
            Self::Sts(error) => error.refusal(),
            Self::Throttled(BudgetError { whose: HolderKind::Principal, .. }) => RejectionReason::ThrottledPrincipal,
            Self::Throttled(BudgetError { whose: HolderKind::Source, .. }) | Self::TooManyWaiting(_) => {
                RejectionReason::ThrottledSource
            }
            Self::NotJudgedInTime => RejectionReason::Overloaded,
            Self::Audit(_) | Self::TimeIsUp => RejectionReason::Audit,
            Self::Upstream(UpstreamError::Unreachable(_)) => RejectionReason::UpstreamUnreachable,
            Self::Upstream(UpstreamError::OutcomeUnknown(_)) => RejectionReason::UpstreamTimeout,
            Self::Upstream(UpstreamError::Answer(_)) => RejectionReason::UpstreamAnswer,
            Self::Upstream(UpstreamError::Unreadable { status, .. }) => match status {
                ..500 => RejectionReason::UpstreamAnswer,
                500.. => RejectionReason::UpstreamTimeout,
            },
            Self::Upstream(UpstreamError::OwnKey(refusal)) => match refusal.class() {
                Some(OwnKeyClass::Authentication) => RejectionReason::OwnKeyRefused,
                Some(OwnKeyClass::Permission) => RejectionReason::OwnKeyNotPermitted,
                Some(OwnKeyClass::Repetition) => RejectionReason::OwnCallRepeated,
                None if refusal.status() < 500 => RejectionReason::UpstreamAnswer,
                None => RejectionReason::UpstreamTimeout,
            },
            Self::Connections(_) => RejectionReason::ThrottledPrincipal,
            Self::Panic => RejectionReason::Internal,
        }
    }

    /// The reason in the gateway's own words, for the logs and for answers that quote it.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Head(error) => error.to_string(),
            Self::Body(error) => error.to_string(),
            Self::Form(error) => error.to_string(),
            Self::Host(error) => error.to_string(),
            Self::Forwarded(error) => error.to_string(),
            Self::Format => "the parameter `Format` is neither JSON nor XML".to_owned(),
            Self::Identity(error) => error.to_string(),
            Self::Intermediary(sign) => {
                format!("a call without a signature must come from the certificate's holder itself: {sign}")
            }
            Self::Operation(error) => error.to_string(),
            Self::Bind(_, error) => error.to_string(),
            Self::Original(_, error) => error.to_string(),
            Self::TwoPlaces => {
                "the call carries parameters in the query and in the form body: send them in one place".to_owned()
            }
            Self::TooLong(_) => "the call is too long to forward: its query does not fit into a URL".to_owned(),
            Self::Root(_) => "the account's root user may not use this gateway: use a RAM user or role".to_owned(),
            Self::AccountNotServed(_) => "the key's principal is not in any policy directory".to_owned(),
            Self::AccountWithoutKey(_) => "the gateway has no key for the caller's account".to_owned(),
            Self::OwnKey(error) => error.to_string(),
            Self::AttributesById(error) => error.to_string(),
            Self::Denied(denied) => denied.reason().to_owned(),
            Self::Sts(error) => error.to_string(),
            Self::Throttled(throttled) => throttled.to_string(),
            Self::TooManyWaiting(_) => "too many calls of unauthenticated callers wait for another service".to_owned(),
            Self::NotJudgedInTime => {
                "the call was not judged in time: the caller's policies take long to evaluate, and too many such calls \
                 were waiting"
                    .to_owned()
            }
            Self::Audit(error) => {
                format!("the attempt cannot be written to the audit log, so nothing is forwarded: {error}")
            }
            Self::TimeIsUp => {
                "the attempt was not written to the audit log in time, so nothing was forwarded".to_owned()
            }
            Self::Upstream(error) => error.to_string(),
            Self::Connections(principal) => format!(
                "`{principal}` has as many connections as `limits.principal` allows, and a call is in progress on each"
            ),
            Self::Panic => "internal error of the gateway: its log has the location".to_owned(),
        }
    }

    /// The documented answer: the operation's own if it has one.
    pub(crate) fn answer(&self, catalog: &Catalog) -> Answer {
        match self {
            Self::Bind(operation, error) => operation.answer_to(error),
            Self::TooLong(operation)
            | Self::Original(operation, _)
            | Self::Root(operation)
            | Self::AccountNotServed(operation)
            | Self::AccountWithoutKey(operation) => operation.answers().answer(self.refusal(), &self.reason()),
            Self::Denied(denied) => {
                denied.subject().as_ref().operation().answers().answer(self.refusal(), &self.reason())
            }
            _ => catalog.answers().answer(self.refusal(), &self.reason()),
        }
    }

    /// After how long the call may be repeated, if that is known.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(throttled) | Self::Identity(IdentityError::Throttled { throttled, .. }) => {
                Some(throttled.retry_after)
            }
            Self::Connections(_) | Self::TooManyWaiting(_) => Some(CONNECTION_PAUSE),
            _ => None,
        }
    }

    /// Whether the connection must close after the answer: unread bytes of the call may remain, its principal has too
    /// many connections, or its handler panicked.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(self, Self::Head(_) | Self::Body(_) | Self::Connections(_) | Self::Panic)
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$error> for Rejection {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })+
    };
}

from! {
    BodyError => Body,
    FormError => Form,
    ForwardedError => Forwarded,
    HostError => Host,
    IdentityError => Identity,
    OperationError => Operation,
    StsError => Sts,
    BudgetError => Throttled,
    TooManyWaiting => TooManyWaiting,
    UpstreamError => Upstream,
    SinkError => Audit,
}

impl From<AttributesError> for Rejection {
    fn from(error: AttributesError) -> Self {
        match error.why {
            AttributeReadError::Throttled(throttled) => Self::Throttled(throttled),
            _ => Self::AttributesById(error),
        }
    }
}
