//! Budgets: how much each principal, and each source before a principal is known, may use in a minute.
//!
//! One table for everything that a caller can use up without being permitted anything: lines and bytes of refused
//! attempts, nonces, look-ups at ECS, issued keys, exchanges at the real STS, and calls whose key is merely claimed.
//! Must not know: what is charged for, what an answer looks like, the clock, which it is handed (monotonic, so that a
//! step of the wall clock neither refills nor empties a budget).

mod holder;
mod item;
mod limits;
mod minute;
mod table;

pub use holder::{Holder, Source, Who};
pub use item::{Bound, Item, Throttled, Whose};
pub use limits::{BudgetLimits, PerMinute};
pub use table::Budgets;
