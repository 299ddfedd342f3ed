//! One operation as the gateway knows it.

use std::sync::Arc;

use crate::ram::{Action, UnknownKeys};

use super::access::Access;
use super::answer::{Answer, Answers, FilledRow};
use super::bind_fault::BindFault;
use super::condition_key::RequestTags;
use super::error_row::ErrorRow;
use super::parameter::ParameterSpec;
use super::template::ResourceSpec;

/// The operation that this program is for.
pub(super) const ATTACH_NETWORK_INTERFACE: &str = "AttachNetworkInterface";

/// A checked operation: each ARN can be filled and each refusal has an answer.
#[derive(Clone, Debug)]
pub struct Operation {
    pub(super) name: String,
    pub(super) product: String,
    pub(super) version: String,
    pub(super) source: String,
    pub(super) action: Action,
    pub(super) access: Access,
    pub(super) parameters: Vec<ParameterSpec>,
    pub(super) resources: Vec<ResourceSpec>,
    pub(super) errors: Vec<ErrorRow>,
    pub(super) answers: Arc<Answers>,
    /// Names that real clients send without effect: left out of the rebuilt call.
    pub(super) ignored: Vec<String>,
    pub(super) listed: bool,
    pub(super) tags: RequestTags,
    pub(super) unknown: Arc<UnknownKeys>,
    /// Of a call that lists by tags.
    pub(super) unknown_in_filter: Arc<UnknownKeys>,
}

impl Operation {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The product as audit events name it, `Ecs`.
    pub fn product(&self) -> &str {
        &self.product
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether there is a file for it. Of an operation without one, only the name is known.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// Where the file's facts were read.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn action(&self) -> &Action {
        &self.action
    }

    pub fn access(&self) -> Access {
        self.access
    }

    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.parameters
    }

    pub fn resources(&self) -> &[ResourceSpec] {
        &self.resources
    }

    /// The documented error rows, in the page's order.
    pub fn errors(&self) -> &[ErrorRow] {
        &self.errors
    }

    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The answer for a call of this operation that cannot be read: the parameter's own where the file names one.
    pub fn answer_to(&self, fault: &BindFault) -> Answer {
        let reason = fault.to_string();
        match self.own_row(fault) {
            Some(filled) => filled.answer(&reason),
            None => self.answers.answer(fault.refusal(), &reason),
        }
    }

    fn own_row(&self, fault: &BindFault) -> Option<&FilledRow> {
        let spec = self.parameters.iter().find(|spec| spec.name.matches(fault.parameter()))?;
        match fault {
            BindFault::Malformed { .. } | BindFault::MalformedRegion { .. } => spec.malformed.as_ref(),
            BindFault::OutOfRange { .. } => spec.out_of_range.as_ref(),
            BindFault::RegionNotServed { .. } => spec.not_served.as_ref(),
            _ => None,
        }
    }
}
