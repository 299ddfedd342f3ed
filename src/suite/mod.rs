//! The policy unit-test harness: cases, what became of each, and how that is told.
//!
//! Judges by the same [`Pdp`](crate::pdp::Pdp) as the gateway: what a case states, the gateway proves or observes. Must
//! not know: files on disk, HTTP, the clock, the command line.

mod case;
mod holders;
mod report;
mod run;

pub use case::{Case, CaseFile, CaseRequest, Expected};
pub use holders::Unfit;
pub use report::{json, tap, text};
pub use run::{Outcome, Run, Stage, run};
