//! What the vendor documents, as data: operations with their parameters, ARN templates and answers.
//!
//! One JSON file an operation, named as the vendor names it, and `common.json` for the answers any operation may
//! give; a new operation is a new file. `condition-keys.json` says which condition keys a call has, `ram-quotas.json` has
//! RAM's quotas on policies, and `own_key.json` tells the answers of ECS that are about the gateway. Must not know: who
//! calls, policies, HTTP, files outside this folder.

mod access;
mod answer;
mod as_received;
mod bind;
mod bind_fault;
mod bundled;
mod call;
mod condition_key;
mod confidential;
mod error_row;
mod inner_names;
mod judged;
mod load;
mod operation;
mod own_key;
mod parameter;
mod quotas;
mod sts;
mod template;
mod unlisted;
mod written;

pub use access::Access;
pub use answer::{Answer, Answers, Refusal, UnknownDenial};
pub use bind::Binding;
pub use bind_fault::BindFault;
pub use call::Call;
pub use condition_key::{Carried, ConditionKey, ConditionKeys, Lack};
pub use error_row::ErrorRow;
pub use load::Catalog;
pub use operation::Operation;
pub use own_key::{EarlyAnswer, OwnKeyClass, OwnKeyFault, UpstreamError};
pub use parameter::{Kind, ParameterSpec, State};
pub use quotas::{AttachedQuota, RamQuotas};
pub use sts::{
    ASSUME_ROLE, ASSUME_ROLE_WITH_CALLER_IDENTITY, ASSUME_ROLE_WITH_OIDC, GET_CALLER_IDENTITY, STS_OPERATIONS,
};
pub use template::{ResourceSpec, Template};
pub use unlisted::Unlisted;
