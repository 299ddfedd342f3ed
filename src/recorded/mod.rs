//! What recorded attempts say: judged again under other policies, or gathered into a policy that allows just them.
//!
//! An attempt is put to the decision point with what its line tells, and nothing made up: what cannot be told from a
//! line is said. Must not know: files, HTTP, how anything is shown.

mod attempt;
mod deliveries;
mod evidence;
mod flip;
mod generate;
mod replay;

pub use attempt::{Attempt, Before, Facts, Subject, Unreadable};
pub use deliveries::from_delivery;
pub use evidence::{Evidence, Grain};
pub use flip::{Direction, Example, Flip};
pub use generate::{Generated, Overreach, Wanted, generate};
pub use replay::{Replay, SessionPolicies, Tally, Unreplayed};
