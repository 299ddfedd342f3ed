//! What recorded attempts say: judged again under other policies, or gathered into a policy that allows just them.
//!
//! An attempt is put to the decision point with what its line tells, and nothing made up: what cannot be told from a
//! line is said. Must not know: files, HTTP, how anything is shown.

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
