//! The nouns of RAM: account, region, action, ARN, resource, principal, caller, session, context, parameters.
//!
//! Must not know: policies, HTTP, files, the clock. A value of these types is well formed; what could be
//! wrong with it was refused when it was parsed.

mod account;
mod action;
mod arn;
mod caller;
mod context;
mod parameter;
mod principal;
mod region;
mod session;
mod unknown_keys;
mod value;

pub use account::{AccountId, MalformedAccountId};
pub use action::{Action, MalformedAction};
pub use arn::{Arn, Fields, MalformedArn, Resource};
pub use caller::{AccessKeyId, Caller, MalformedAccessKeyId, Proof, Scheme};
pub use context::{Context, ContextKey, MalformedContextKey, OtherKey};
pub use parameter::{Parameter, Parameters, ParametersBuilder, Place, Repeated};
pub use principal::{ByPrincipal, Identity, KnownHash, MalformedPrincipal, Principal, WrittenPrincipal};
pub use region::{MalformedRegion, Region};
pub use session::{MalformedSessionName, Origin, Session, SessionName};
pub use unknown_keys::UnknownKeys;
pub use value::{KeyType, Value, ValueRef};
