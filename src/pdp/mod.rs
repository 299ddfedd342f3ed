//! The decision point: the only room that can say yes.
//!
//! Looks up what is attached to a principal, has it judged, and hands out a [`Permit`] or a [`Denied`]. Must not
//! know: how a caller proved who it is, HTTP, files, the clock, what becomes of a permit.

mod assume;
mod decide;
mod directory;
mod inventory;
mod question;
mod verdict;
mod written_resource;

pub use assume::{Assumed, Assumption, Basis, Unassumed};
pub use decide::Pdp;
pub use directory::{Assumable, Directory, Standing, UnknownPrincipal};
pub use inventory::Inventory;
pub use question::{Asked, Question, Subject};
pub use verdict::{Denied, Permit, Ruling};
pub use written_resource::{WrittenResource, is_relative_id, is_resource_group};
