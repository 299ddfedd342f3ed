//! Every way in which a call ends here, and the documented answer for each.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::SinkFault;
use crate::budget::{Throttled, Whose};
use crate::catalog::{Answer, BindFault, Catalog, Operation, OwnKeyClass, Refusal};
use crate::identity::IdentityFault;
use crate::pdp::Denied;
use crate::policy::Verdict;
use crate::ram::Principal;
use crate::wire::{FaultKind, FormFault, ForwardedFault, HeadFault};

use super::go_between::GoBetween;
use super::host::HostFault;
use super::original::OriginalFault;
use super::outgoing::Outgoing;
use super::sts::StsFault;
use super::unread::{Unread, UnreadFacts};
use super::upstream::UpstreamFault;
use super::upstream_keys::KeyFault;
use super::waiting_strangers::Crowded;

/// When a principal whose connections are all busy may try again.
const CONNECTION_PAUSE: Duration = Duration::from_secs(1);

/// Why a call goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    Head(HeadFault),
    Body(BodyFault),
    Form(FormFault),
    Host(HostFault),
    /// What a trusted proxy says of the caller has no reading.
    Forwarded(ForwardedFault),
    Format,
    Identity(IdentityFault),
    /// A call that only a certificate vouches for, and that its holder may not have composed.
    GoBetween(GoBetween),
    Operation(OperationFault),
    Bind(Arc<Operation>, BindFault),
    /// A call whose parameters, written out, fit into no URL.
    TooLong(Arc<Operation>),
    /// A V3 call with business parameters in the query and in the form.
    TwoPlaces,
    /// A call that cannot go on as it was signed.
    Original(Arc<Operation>, OriginalFault),
    Root(Arc<Operation>),
    AccountNotServed(Arc<Operation>),
    /// Calls of the caller's account cannot be signed.
    AccountWithoutKey(Arc<Operation>),
    /// They can, and not now.
    OwnKey(KeyFault),
    /// What a policy turns on is not known, so nothing was judged.
    Facts(UnreadFacts),
    /// Boxed: a denial carries its proof.
    Denied(Box<Denied<Outgoing>>),
    Sts(StsFault),
    /// A budget of the caller's is used up.
    Throttled(Throttled),
    /// Too many calls of callers who have not authenticated wait for an answer from elsewhere.
    Crowded(Crowded),
    Audit(SinkFault),
    /// The caller's policies take long to judge by, and the call's time was up before its turn came.
    NotJudgedInTime,
    /// The whole of the call took too long before anything was sent.
    TimeIsUp,
    Upstream(UpstreamFault),
    /// The principal has as many connections as it may, and a call is under way on each.
    Connections(Principal),
    Panic,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum BodyFault {
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    #[error("the body was not complete after {0} ms")]
    Slow(u128),
    #[error("the body was not complete, or its framing is malformed")]
    Broken,
    #[error(
        "the body is no form: send `application/x-www-form-urlencoded`, with `charset=utf-8` or without, or no body"
    )]
    NoForm,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum OperationFault {
    #[error("The input parameter \"{0}\" that is mandatory for processing this request is not supplied.")]
    Missing(&'static str),
    #[error(
        "The specified parameter \"Action or Version\" is not valid: this gateway knows {product} version `{known}`"
    )]
    Version { product: String, known: String },
    #[error("the operation `{0}` resembles `{1}` and is not it: names are case-sensitive")]
    LookAlike(String, String),
    #[error("the operation `{0}` is not one this gateway forwards")]
    Unknown(String),
}

impl Stop {
    /// Which line of the catalogue's data says what is answered.
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::Head(fault) => match fault.kind {
                FaultKind::Reading => Refusal::TwoReadings,
                FaultKind::Method => Refusal::Method,
                FaultKind::HeadTooLarge => Refusal::HeadTooLarge,
                FaultKind::QueryTooLarge => Refusal::QueryTooLarge,
                FaultKind::BodyTooLarge => Refusal::BodyTooLarge,
                FaultKind::Slow => Refusal::Slow,
            },
            Self::Body(BodyFault::TooLarge(_)) => Refusal::BodyTooLarge,
            Self::Body(BodyFault::Slow(_)) => Refusal::Slow,
            Self::Body(BodyFault::Broken | BodyFault::NoForm) => Refusal::TwoReadings,
            Self::Form(FormFault::TooMany { .. }) | Self::TooLong(_) => Refusal::QueryTooLarge,
            Self::Form(_) | Self::TwoPlaces | Self::Forwarded(_) => Refusal::TwoReadings,
            Self::Host(_) | Self::Original(_, OriginalFault::Host(_)) => Refusal::Host,
            Self::Original(..) => Refusal::TwoReadings,
            Self::Format => Refusal::Format,
            Self::Identity(fault) => fault.refusal(),
            Self::GoBetween(_) => Refusal::TwoReadings,
            Self::Operation(OperationFault::Missing(_)) => Refusal::MissingParameter,
            Self::Operation(OperationFault::Version { .. }) => Refusal::Version,
            Self::Operation(OperationFault::LookAlike(..)) => Refusal::TwoReadings,
            Self::Operation(OperationFault::Unknown(_)) => Refusal::UnknownOperation,
            Self::Bind(_, fault) => fault.refusal(),
            Self::Root(_) => Refusal::CallerKind,
            Self::AccountNotServed(_) | Self::AccountWithoutKey(_) => Refusal::AccountNotServed,
            Self::OwnKey(_) | Self::Upstream(UpstreamFault::Key(_)) => Refusal::OwnKey,
            Self::Facts(_) => Refusal::FactsUnread,
            Self::Denied(denied) => match denied.decision().verdict() {
                Verdict::ExplicitDeny => Refusal::ExplicitDeny,
                Verdict::ImplicitDeny | Verdict::Allow => Refusal::ImplicitDeny,
            },
            Self::Sts(fault) => fault.refusal(),
            Self::Throttled(Throttled { whose: Whose::Principal, .. }) => Refusal::ThrottledPrincipal,
            Self::Throttled(Throttled { whose: Whose::Source, .. }) | Self::Crowded(_) => Refusal::ThrottledSource,
            Self::NotJudgedInTime => Refusal::Overloaded,
            Self::Audit(_) | Self::TimeIsUp => Refusal::Audit,
            Self::Upstream(UpstreamFault::Unreachable(_)) => Refusal::UpstreamUnreachable,
            Self::Upstream(UpstreamFault::OutcomeUnknown(_)) => Refusal::UpstreamTimeout,
            Self::Upstream(UpstreamFault::Answer(_)) => Refusal::UpstreamAnswer,
            Self::Upstream(UpstreamFault::Unreadable { status, .. }) => match status {
                ..500 => Refusal::UpstreamAnswer,
                500.. => Refusal::UpstreamTimeout,
            },
            Self::Upstream(UpstreamFault::OwnKey(refusal)) => match refusal.class() {
                Some(OwnKeyClass::Authentication) => Refusal::OwnKeyRefused,
                Some(OwnKeyClass::Permission) => Refusal::OwnKeyNotPermitted,
                Some(OwnKeyClass::Repetition) => Refusal::OwnCallRepeated,
                None if refusal.status() < 500 => Refusal::UpstreamAnswer,
                None => Refusal::UpstreamTimeout,
            },
            Self::Connections(_) => Refusal::ThrottledPrincipal,
            Self::Panic => Refusal::Internal,
        }
    }

    /// Why, in our words.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Head(fault) => fault.to_string(),
            Self::Body(fault) => fault.to_string(),
            Self::Form(fault) => fault.to_string(),
            Self::Host(fault) => fault.to_string(),
            Self::Forwarded(fault) => fault.to_string(),
            Self::Format => "the parameter `Format` is neither JSON nor XML".to_owned(),
            Self::Identity(fault) => fault.to_string(),
            Self::GoBetween(sign) => {
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
            Self::Crowded(_) => {
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
    pub(super) fn answer(&self, catalog: &Catalog) -> Answer {
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
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(throttled) | Self::Identity(IdentityFault::Throttled { throttled, .. }) => {
                Some(throttled.retry_after)
            }
            Self::Connections(_) | Self::Crowded(_) => Some(CONNECTION_PAUSE),
            _ => None,
        }
    }

    /// Whether bytes of the caller's may still be unread, so that the connection cannot go on.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(self, Self::Head(_) | Self::Body(_) | Self::Connections(_) | Self::Panic)
    }
}

macro_rules! from {
    ($($fault:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$fault> for Stop {
            fn from(fault: $fault) -> Self {
                Self::$variant(fault)
            }
        })+
    };
}

from! {
    BodyFault => Body,
    FormFault => Form,
    ForwardedFault => Forwarded,
    HostFault => Host,
    IdentityFault => Identity,
    OperationFault => Operation,
    StsFault => Sts,
    Throttled => Throttled,
    Crowded => Crowded,
    UpstreamFault => Upstream,
    SinkFault => Audit,
}

impl From<UnreadFacts> for Stop {
    fn from(unread: UnreadFacts) -> Self {
        match unread.why {
            Unread::Throttled(throttled) => Self::Throttled(throttled),
            _ => Self::Facts(unread),
        }
    }
}
