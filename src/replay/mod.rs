//! Recorded attempts: judges them again under other policies, or generates a policy that allows them.
//!
//! An attempt is judged with the facts in its line and no assumptions. If a line lacks a fact that matters, the attempt
//! is counted as not replayed, with the reason. Must not know: files, HTTP, how results are shown.

mod attempt;
mod deliveries;
mod evidence;
mod flip;
mod generate;
mod judged_again;

pub use attempt::{Attempt, AttemptError, RecordedAttributes, RecordedVerdict, Subject};
pub use deliveries::from_delivery;
pub use evidence::{Evidence, Granularity};
pub use flip::{Direction, Example, VerdictChange};
pub use generate::{GenerateOptions, GeneratedPolicy, Overreach, generate};
pub use judged_again::{Replay, ReplayCounts, ReplayError, SessionPolicies};
