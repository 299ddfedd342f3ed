//! Judging: the layers of policies attached to a principal, and their decision on a request.
//!
//! Must not know: how a decision is explained, files, the clock.

pub(crate) mod action_slot;
pub(crate) mod evaluate;
pub(crate) mod index;
pub(crate) mod layer;
pub(crate) mod name_index;
pub(crate) mod nearest;
pub(crate) mod nearness;
pub(crate) mod request;
pub(crate) mod scan;
pub(crate) mod set;
pub(crate) mod verdict;
