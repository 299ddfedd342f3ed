//! Every way in which a call ends here, and the documented answer for each.

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

/// When a principal whose connections are all busy may try again.
const CONNECTION_PAUSE: Duration = Duration::from_secs(1);

/// Why a call goes no further.
#[derive(Debug)]
pub(crate) enum Rejection {
    Head(HeadError),
    Body(BodyError),
    Form(FormError),
    Host(HostError),
    /// What a trusted proxy says of the caller has no reading.
    Forwarded(ForwardedError),
    Format,
    Identity(IdentityError),
    /// A call that only a certificate vouches for, and that its holder may not have composed.
    Intermediary(Intermediary),
    Operation(OperationError),
    Bind(Arc<Operation>, BindError),
    /// A call whose parameters, written out, fit into no URL.
    TooLong(Arc<Operation>),
    /// A V3 call with business parameters in the query and in the form.
    TwoPlaces,
    /// A call that cannot go on as it was signed.
    Original(Arc<Operation>, OriginalError),
    Root(Arc<Operation>),
    AccountNotServed(Arc<Operation>),
    /// Calls of the caller's account cannot be signed.
    AccountWithoutKey(Arc<Operation>),
    /// They can, and not now.
    OwnKey(KeyError),
    /// What a policy turns on is not known, so nothing was judged.
    Facts(AttributesError),
    /// Boxed: a denial carries its proof.
    Denied(Box<Denied<Outgoing>>),
    Sts(StsError),
    /// A budget of the caller's is used up.
    Throttled(BudgetError),
    /// Too many calls of callers who have not authenticated wait for an answer from elsewhere.
    TooManyWaiting(TooManyWaiting),
    Audit(SinkError),
    /// The caller's policies take long to judge by, and the call's time was up before its turn came.
    NotJudgedInTime,
    /// The whole of the call took too long before anything was sent.
    TimeIsUp,
    Upstream(UpstreamError),
    /// The principal has as many connections as it may, and a call is under way on each.
    Connections(Principal),
    Panic,
}

impl Rejection {
    /// Which line of the catalogue's data says what is answered.
    pub(crate) fn refusal(&self) -> RejectionReason {
        match self {
            Self::Head(fault) => match fault.kind {
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
            Self::Identity(fault) => fault.refusal(),
            Self::Intermediary(_) => RejectionReason::TwoReadings,
            Self::Operation(OperationError::Missing(_)) => RejectionReason::MissingParameter,
            Self::Operation(OperationError::Version { .. }) => RejectionReason::Version,
            Self::Operation(OperationError::LookAlike(..)) => RejectionReason::TwoReadings,
            Self::Operation(OperationError::Unknown(_)) => RejectionReason::UnknownOperation,
            Self::Bind(_, fault) => fault.refusal(),
            Self::Root(_) => RejectionReason::CallerKind,
            Self::AccountNotServed(_) | Self::AccountWithoutKey(_) => RejectionReason::AccountNotServed,
            Self::OwnKey(_) | Self::Upstream(UpstreamError::Key(_)) => RejectionReason::OwnKey,
            Self::Facts(_) => RejectionReason::FactsUnread,
            Self::Denied(denied) => match denied.decision().verdict() {
                Verdict::ExplicitDeny => RejectionReason::ExplicitDeny,
                Verdict::ImplicitDeny | Verdict::Allow => RejectionReason::ImplicitDeny,
            },
            Self::Sts(fault) => fault.refusal(),
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

    /// Why, in our words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Head(fault) => fault.to_string(),
            Self::Body(fault) => fault.to_string(),
            Self::Form(fault) => fault.to_string(),
            Self::Host(fault) => fault.to_string(),
            Self::Forwarded(fault) => fault.to_string(),
            Self::Format => "the parameter `Format` is neither JSON nor XML".to_owned(),
            Self::Identity(fault) => fault.to_string(),
            Self::Intermediary(sign) => {
                format!("a call without a signature must come from the certificate's holder itself: {sign}")
            }
            Self::Operation(fault) => fault.to_string(),
            Self::Bind(_, fault) => fault.to_string(),
            Self::Original(_, fault) => fault.to_string(),
            Self::TwoPlaces => {
                "the call carries parameters in the query and in the form body: send them in one place".to_owned()
            }
            Self::TooLong(_) => "the call is too long to be sent on, once its parameters are written out".to_owned(),
            Self::Root(_) => "the account's root user may not call here: use a RAM user or role".to_owned(),
            Self::AccountNotServed(_) => "the key's principal is in no policy directory".to_owned(),
            Self::AccountWithoutKey(_) => "the gateway has no key of the caller's account".to_owned(),
            Self::OwnKey(fault) => fault.to_string(),
            Self::Facts(fault) => fault.to_string(),
            Self::Denied(denied) => denied.reason().to_owned(),
            Self::Sts(fault) => fault.to_string(),
            Self::Throttled(throttled) => throttled.to_string(),
            Self::TooManyWaiting(_) => {
                "too many calls of callers who have not authenticated wait for an answer from elsewhere".to_owned()
            }
            Self::NotJudgedInTime => {
                "the caller's policies take long to judge by, and too many such calls were waiting: the call was not judged"
                    .to_owned()
            }
            Self::Audit(fault) => format!("the attempt cannot be written down, so nothing is forwarded: {fault}"),
            Self::TimeIsUp => "the attempt was not written down in time, so nothing was forwarded".to_owned(),
            Self::Upstream(fault) => fault.to_string(),
            Self::Connections(principal) => format!(
                "`{principal}` has as many connections as `limits.principal` allows, and a call is under way on each"
            ),
            Self::Panic => "a fault of the gateway; its log has the place".to_owned(),
        }
    }

    /// The documented answer: the operation's own where it has one.
    pub(crate) fn answer(&self, catalog: &Catalog) -> Answer {
        match self {
            Self::Bind(operation, fault) => operation.answer_to(fault),
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

    /// When the call may be repeated, where that is known.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(throttled) | Self::Identity(IdentityError::Throttled { throttled, .. }) => {
                Some(throttled.retry_after)
            }
            Self::Connections(_) | Self::TooManyWaiting(_) => Some(CONNECTION_PAUSE),
            _ => None,
        }
    }

    /// Whether bytes of the caller's may still be unread, so that the connection cannot go on.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(self, Self::Head(_) | Self::Body(_) | Self::Connections(_) | Self::Panic)
    }
}

macro_rules! from {
    ($($fault:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$fault> for Rejection {
            fn from(fault: $fault) -> Self {
                Self::$variant(fault)
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
    fn from(unread: AttributesError) -> Self {
        match unread.why {
            AttributeReadError::Throttled(throttled) => Self::Throttled(throttled),
            _ => Self::Facts(unread),
        }
    }
}
