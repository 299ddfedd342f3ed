//! One operation of the catalogue.

use std::sync::Arc;

use ram_policy::{Action, UnknownKeys};

use super::answer::{Answer, Answers, ErrorRow, FilledRow};
use super::bind_error::BindError;
use super::parameter::ParameterSpec;
use super::template::ResourceSpec;

/// The operation that this program was written for.
pub(super) const ATTACH_NETWORK_INTERFACE: &str = "AttachNetworkInterface";

/// A checked operation: every ARN template can be filled, and every refusal has an answer.
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
    /// Parameters that real clients send without effect; left out of the rebuilt call.
    pub(super) ignored: Vec<String>,
    pub(super) listed: bool,
    pub(super) tags: RequestTags,
    pub(super) unknown: Arc<UnknownKeys>,
    /// The unknown keys of a call that filters a list by tags.
    pub(super) unknown_in_filter: Arc<UnknownKeys>,
}

/// The access level as the vendor documents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    Read,
    List,
    Write,
}

/// The use that an operation makes of the tags in its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestTags {
    /// It takes no tags.
    None,
    /// `Tag.N.Key` and `Tag.N.Value` are set on the resource that it creates or changes.
    Set,
    /// Tags filter a list. The vendor does not document whether RAM treats them as request tags.
    Filter,
    /// The operation has no file.
    Unknown,
}

impl Operation {
    /// The operation's name, `AttachNetworkInterface`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The product as audit events name it, `Ecs`.
    pub fn product(&self) -> &str {
        &self.product
    }

    /// The API version, `2014-05-26`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the operation has a file. If not, only its name is known.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// The vendor's page from which the file was made.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The action that policies are checked for.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The documented access level.
    pub fn access(&self) -> Access {
        self.access
    }

    /// The documented parameters, in the file's order.
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.parameters
    }

    /// The resource types that a call is judged on, in the file's order.
    pub fn resources(&self) -> &[ResourceSpec] {
        &self.resources
    }

    /// The documented error rows, in the page's order.
    pub fn errors(&self) -> &[ErrorRow] {
        &self.errors
    }

    /// The answers to refused calls of this operation.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The answer to a call of this operation that cannot be bound. The parameter's own error row, if the file names
    /// one, takes precedence over the general answer.
    pub fn answer_to(&self, error: &BindError) -> Answer {
        let reason = error.to_string();
        match self.own_row(error) {
            Some(filled) => filled.answer(&reason),
            None => self.answers.answer(error.refusal(), &reason),
        }
    }

    fn own_row(&self, error: &BindError) -> Option<&FilledRow> {
        let spec = self.parameters.iter().find(|spec| spec.name.matches(error.parameter()))?;
        match error {
            BindError::Malformed { .. } | BindError::MalformedRegion { .. } => spec.malformed.as_ref(),
            BindError::OutOfRange { .. } => spec.out_of_range.as_ref(),
            BindError::RegionNotServed { .. } => spec.not_served.as_ref(),
            _ => None,
        }
    }
}

impl Access {
    /// `eventRW` of an ActionTrail event (`docs/spec/ecs-eni.md` C.1).
    pub fn event_rw(self) -> &'static str {
        match self {
            Self::Read | Self::List => "Read",
            Self::Write => "Write",
        }
    }

    /// The access level in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
        }
    }
}

impl RequestTags {
    pub(super) fn of<'n>(access: Access, mut parameters: impl Iterator<Item = &'n str>) -> Self {
        match (parameters.any(|name| name == "Tag.N.Key"), access) {
            (false, _) => Self::None,
            (true, Access::Write) => Self::Set,
            (true, Access::Read | Access::List) => Self::Filter,
        }
    }
}
