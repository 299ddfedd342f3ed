//! The decision point: the only room that can permit a call.
//!
//! Looks up a principal's policies, evaluates them, and returns a [`Permit`] or a [`Denied`]. Must not know: how a
//! caller was authenticated, HTTP, files, the clock, what a permit is used for.

mod assume;
mod decide;
mod directory;
mod inventory;
mod question;
mod verdict;

pub(crate) use assume::{AssumeRoleError, Assumption};
pub use assume::{Assumed, Basis};
pub use decide::Pdp;
pub(crate) use directory::UnknownPrincipalError;
pub use directory::{Assumable, Directory, PrincipalEntry};
pub use inventory::Inventory;
pub(crate) use inventory::{RawResource, is_relative_id, is_resource_group};
pub use question::{ActionRequest, Question, Subject};
pub use verdict::{Authorization, Denied, Permit};
