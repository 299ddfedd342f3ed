//! One call from its head to its answer: `judge` takes it through identity, catalogue and decision point to a permit or
//! a rejection, and `finish` records, sends and answers it.
//!
//! Must not know: how bytes come from a socket, how a call is signed for ECS, what a policy says.

mod answer_counts;
mod exchange;
mod finish;
mod host;
mod inbound;
mod intermediary;
mod judge;
pub(crate) mod long;
mod refusal_log;
mod rejection;
mod reply;
mod target;
mod waiting;

pub(crate) use answer_counts::{AnswerCounts, Count};
pub(crate) use exchange::{Call, Exchange, Identified, Judged, Requested};
pub(crate) use host::{Accepted, HostError};
pub(crate) use intermediary::{Intermediary, any_header};
pub(crate) use refusal_log::RefusalLog;
pub(crate) use rejection::Rejection;
pub(crate) use target::OperationError;
pub use target::Product;
pub(crate) use waiting::WaitingCalls;
