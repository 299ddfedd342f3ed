//! The basic types that a gateway adds to those of [`ram_policy`]: region, caller, session, parameters.
//!
//! Must not know: policies, HTTP, files, the clock. A value of these types is always well formed: parsing refuses
//! anything else.

mod caller;
mod parameter;
mod region;
mod session;

pub use caller::{AccessKeyId, AccessKeyIdError, Caller, KnownBy, Scheme};
pub use parameter::{Parameter, Parameters, ParametersBuilder, Place, RepeatedNameError};
pub use region::{Region, RegionError};
pub use session::{Origin, Session, SessionName, SessionNameError};
