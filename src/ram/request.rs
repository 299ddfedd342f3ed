//! The question put to a set of policies.

use super::action::Action;
use super::arn::Resource;
use super::context::Context;
use super::principal::Principal;

/// Principal, action, resources, context. Every resource must be allowed (`spec/ram-policy.md` 6.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub principal: Principal,
    pub action: Action,
    /// In the order in which a denial reports them; never empty.
    pub resources: Vec<Resource>,
    pub context: Context,
}
