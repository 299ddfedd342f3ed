//! The vendor's documentation as data: operations with their parameters, ARN templates and answers.
//!
//! Each operation has a JSON file, named as the vendor names the operation; `common.json` holds the answers common to
//! all operations. A new operation is a new file. `condition-keys.json` says which condition keys a call has,
//! `ram-quotas.json` holds RAM's quotas on policies, and `own_key.json` lists the ECS answers that are about the
//! gateway's own key. Must not know: callers, policies, HTTP, files outside this folder.

mod answer;
mod bind;
mod bind_error;
mod bundled;
mod call;
mod condition_key;
mod contents;
mod key_supply;
mod load;
mod operation;
mod own_key;
mod parameter;
mod parameter_names;
mod quotas;
mod raw;
mod sts;
mod template;
mod unlisted;

pub use answer::{Answer, Answers, DenialCodeError, ErrorRow, RejectionReason};
pub use bind::Binding;
pub use bind_error::BindError;
pub use call::Call;
pub use condition_key::{ConditionKey, ConditionKeys};
pub use contents::Catalog;
pub use key_supply::{KeySupply, UnknownScope};
pub use operation::{Access, Operation};
pub(crate) use own_key::{EarlyAnswer, EcsError, OwnKeyClass, OwnKeyCode};
pub use parameter::{Kind, ParameterSpec, State};
pub(crate) use quotas::{AttachedQuota, RamQuotas};
pub(crate) use sts::{
    ASSUME_ROLE, ASSUME_ROLE_WITH_CALLER_IDENTITY, ASSUME_ROLE_WITH_OIDC, GET_CALLER_IDENTITY, STS_OPERATIONS,
};
pub use template::{ResourceSpec, Template};
pub use unlisted::Unlisted;

/// The service of ECS's actions: the `ecs` of `ecs:AttachNetworkInterface`.
pub const ECS: &str = "ecs";
