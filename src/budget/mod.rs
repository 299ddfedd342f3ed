//! Budgets: how much each principal, and each source while the principal is unknown, may consume in a minute.
//!
//! One table for everything that a caller can consume without being permitted anything: lines and bytes of refused
//! attempts, nonces, lookups at ECS, issued keys, exchanges at the real STS, and calls with an unverified key. Must not
//! know: why something is charged, what an answer looks like, the clock. Callers pass in a monotonic time, so that a
//! step of the wall clock neither refills nor empties a budget.

mod holder;
mod item;
mod limits;
mod minute;
mod table;

pub use holder::Holder;
pub(crate) use holder::{Party, Source};
pub use item::BudgetError;
pub(crate) use item::{BudgetBound, BudgetItem, HolderKind};
pub use limits::{BudgetLimits, PerMinute};
pub use table::Budgets;
