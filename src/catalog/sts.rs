//! The operations of STS that the gateway answers itself. They have no file: nothing of them is forwarded.

use crate::ram::Action;

use super::load::Catalog;

pub const ASSUME_ROLE: &str = "AssumeRole";
pub const ASSUME_ROLE_WITH_OIDC: &str = "AssumeRoleWithOIDC";
/// Not the vendor's: a key of the real STS in exchange for one of the gateway's.
pub const ASSUME_ROLE_WITH_CALLER_IDENTITY: &str = "AssumeRoleWithCallerIdentity";
pub const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// All of them.
pub const STS_OPERATIONS: [&str; 4] =
    [ASSUME_ROLE, ASSUME_ROLE_WITH_OIDC, ASSUME_ROLE_WITH_CALLER_IDENTITY, GET_CALLER_IDENTITY];

impl Catalog {
    /// The actions that policies are indexed for: those of every operation, and the one that is asked for when a role is
    /// assumed.
    pub fn indexed_actions(&self) -> Vec<Action> {
        self.actions().into_iter().chain([Self::assume_role()]).collect()
    }

    /// The action that is judged where a role is assumed, by the trustee's own policies and by the role's: with a token
    /// too.
    ///
    /// # Panics
    /// Never: the name is well formed.
    pub fn assume_role() -> Action {
        format!("sts:{ASSUME_ROLE}").parse().expect("a well-formed action")
    }
}
