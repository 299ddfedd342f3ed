//! Everything that is sent to ECS: the only sender, the gateway's own keys and their health, requests that are rebuilt
//! or forwarded as signed, and the answers.
//!
//! Must not know: how a call was authenticated or judged, or how its caller is answered.

mod answer;
mod error_brief;
mod instance_role;
mod key_health;
mod key_watch;
mod keys;
mod outgoing;
mod own_identity;
mod sender;

pub use answer::OwnKeyRefusal;
pub use instance_role::InstanceRole;
pub(crate) use key_watch::watch;
pub use keys::{KeyError, UpstreamKey, UpstreamKeys};
pub(crate) use outgoing::{Original, OriginalError, Outgoing};
pub use sender::{Upstream, UpstreamError, UpstreamTarget};
pub(crate) use sender::{fits, fits_as_it_is};
