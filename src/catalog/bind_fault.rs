//! Why a request is no call of an operation.

use crate::ram::Region;

use super::answer::Refusal;

/// Why a request is no call of the operation. The text is what the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindFault {
    #[error(
        "the parameter `{parameter}` resembles `{known}` and is not it: names are case-sensitive, and this operation takes one value"
    )]
    LookAlike { parameter: String, known: String },
    #[error("the parameter `{parameter}` names a tag key that the call sets already: set each tag once")]
    RepeatedTag { parameter: String },
    #[error("the parameter `{parameter}` does not belong to this operation")]
    Unknown { parameter: String },
    #[error("the parameter `{parameter}` may hold a credential, and none is passed on")]
    Credential { parameter: String },
    #[error(
        "the parameter `{parameter}` says where the caller is, and a call that goes on as it was signed cannot go on without: leave it out"
    )]
    Claim { parameter: String },
    #[error(
        "the parameter `{parameter}` is one that only the vendor's own front adds to a call, and none is passed on: leave it out"
    )]
    Inner { parameter: String },
    #[error("the parameter `{parameter}` names another account than the caller's")]
    Owner { parameter: String },
    #[error("The input parameter \"{parameter}\" that is mandatory for processing this request is not supplied.")]
    Missing { parameter: String },
    #[error("the parameter `{parameter}` is unavailable")]
    Unavailable { parameter: String },
    #[error("the parameter \"{parameter}\" provided is invalid: {expected}")]
    Malformed { parameter: String, expected: &'static str },
    #[error("the parameter \"{parameter}\" is out of range")]
    OutOfRange { parameter: String },
    #[error("the parameter \"{parameter}\" is no region id")]
    MalformedRegion { parameter: String },
    #[error("the region `{region}` is not served here")]
    RegionNotServed { parameter: String, region: Region },
}

impl BindFault {
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::LookAlike { .. } | Self::RepeatedTag { .. } => Refusal::TwoReadings,
            Self::Unknown { .. }
            | Self::Credential { .. }
            | Self::Claim { .. }
            | Self::Inner { .. }
            | Self::Owner { .. } => Refusal::UnknownParameter,
            Self::Missing { .. } => Refusal::MissingParameter,
            Self::Unavailable { .. } => Refusal::UnavailableParameter,
            Self::Malformed { .. } | Self::OutOfRange { .. } => Refusal::MalformedParameter,
            Self::MalformedRegion { .. } => Refusal::MalformedRegion,
            Self::RegionNotServed { .. } => Refusal::RegionNotServed,
        }
    }

    pub fn parameter(&self) -> &str {
        match self {
            Self::LookAlike { parameter, .. }
            | Self::RepeatedTag { parameter }
            | Self::Unknown { parameter }
            | Self::Credential { parameter }
            | Self::Claim { parameter }
            | Self::Inner { parameter }
            | Self::Owner { parameter }
            | Self::Missing { parameter }
            | Self::Unavailable { parameter }
            | Self::Malformed { parameter, .. }
            | Self::OutOfRange { parameter }
            | Self::MalformedRegion { parameter }
            | Self::RegionNotServed { parameter, .. } => parameter,
        }
    }
}
