//! The composition root: from settings to a running gateway, without a command line.
//!
//! A [`Plan`] holds the settings of a gateway; [`Plan::prepare`] reads and checks every file, [`Prepared::bind`]
//! reserves the addresses, [`Bound::start`] opens the log and the listeners, and [`Started::run`] answers calls until
//! the shutdown. Startup is all or nothing: a [`StartError`] names the problem and the remedy, and leaves nothing
//! running.
//!
//! ```no_run
//! use ramgate::serve::{CancellationToken, Plan, Reloads, StartError};
//!
//! # async fn run(text: &str) -> Result<(), StartError> {
//! let plan = Plan::from_text("ramgate.toml", text, "/etc/ramgate".as_ref())?;
//! let shutdown = CancellationToken::new();
//! let gateway = plan.prepare()?.bind().await?.start(Reloads::never(), &shutdown).await?;
//! println!("listening on {}", gateway.addresses().calls);
//! gateway.run().await;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embed_gateway.rs` is a complete program. Log messages go to `tracing`; the program decides where they end
//! up. Must not know: arguments, a terminal, exit statuses, signals; how a call is judged.

mod audit_log;
mod certificate;
mod changed_files;
mod error;
mod exposure;
mod issuer;
mod nonces;
mod own_keys;
mod plan;
mod ports;
mod reloads;
mod start;
mod system_limits;
mod tag_key;
mod token_issuers;
mod trust;
mod warnings;

pub use error::StartError;
pub use exposure::{Exception, Exceptions};
pub(crate) use plan::host_name;
pub use plan::{IssuedKey, Keys, Material, Plan, Prepared};
pub use ports::Addresses;
pub use reloads::{ReloadTrigger, Reloads};
pub use start::{Bound, Started};
/// Stops a gateway when it is cancelled.
pub use tokio_util::sync::CancellationToken;
pub(crate) use trust::read_roots;
