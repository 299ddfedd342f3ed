//! Why a request cannot be bound to its operation.

use super::answer::RejectionReason;
use crate::ram::Region;

/// Why a request cannot be read as a call of the operation. The text is sent to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    #[error(
        "the parameter `{parameter}` resembles `{known}` but differs from it: names are case-sensitive, and this \
         operation takes one value"
    )]
    LookAlike { parameter: String, known: String },
    #[error("the parameter `{parameter}` repeats a tag key: set each tag once")]
    RepeatedTag { parameter: String },
    #[error("the parameter `{parameter}` does not belong to this operation")]
    Unknown { parameter: String },
    #[error("the parameter `{parameter}` may hold a credential, and credentials are never forwarded")]
    Credential { parameter: String },
    #[error(
        "the parameter `{parameter}` states the caller's location, and it cannot be removed from a call that is \
         forwarded as signed: leave it out"
    )]
    Claim { parameter: String },
    #[error(
        "the parameter `{parameter}` is reserved for the vendor's own API front end and is never forwarded: leave it \
         out"
    )]
    Inner { parameter: String },
    #[error("the parameter `{parameter}` names an account other than the caller's")]
    Owner { parameter: String },
    #[error("The input parameter \"{parameter}\" that is mandatory for processing this request is not supplied.")]
    Missing { parameter: String },
    #[error("the parameter `{parameter}` is unavailable")]
    Unavailable { parameter: String },
    #[error("the parameter \"{parameter}\" provided is invalid: {expected}")]
    Malformed { parameter: String, expected: &'static str },
    #[error("the parameter \"{parameter}\" is out of range")]
    OutOfRange { parameter: String },
    #[error("the parameter \"{parameter}\" is not a region id")]
    MalformedRegion { parameter: String },
    #[error("the region `{region}` is not served here")]
    RegionNotServed { parameter: String, region: Region },
}

impl BindError {
    /// The refusal that decides the answer.
    pub fn refusal(&self) -> RejectionReason {
        match self {
            Self::LookAlike { .. } | Self::RepeatedTag { .. } => RejectionReason::TwoReadings,
            Self::Unknown { .. }
            | Self::Credential { .. }
            | Self::Claim { .. }
            | Self::Inner { .. }
            | Self::Owner { .. } => RejectionReason::UnknownParameter,
            Self::Missing { .. } => RejectionReason::MissingParameter,
            Self::Unavailable { .. } => RejectionReason::UnavailableParameter,
            Self::Malformed { .. } | Self::OutOfRange { .. } => RejectionReason::MalformedParameter,
            Self::MalformedRegion { .. } => RejectionReason::MalformedRegion,
            Self::RegionNotServed { .. } => RejectionReason::RegionNotServed,
        }
    }

    /// The name of the parameter that the error is about.
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
