//! The STS operations that the gateway answers itself. They have no file, because they are never forwarded.

use ram_policy::Action;

use super::contents::Catalog;

pub(crate) const ASSUME_ROLE: &str = "AssumeRole";
pub(crate) const ASSUME_ROLE_WITH_OIDC: &str = "AssumeRoleWithOIDC";
/// An extension of this gateway: exchanges a key of the real STS for one that the gateway issues.
pub(crate) const ASSUME_ROLE_WITH_CALLER_IDENTITY: &str = "AssumeRoleWithCallerIdentity";
pub(crate) const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// All STS operations that the gateway answers.
pub(crate) const STS_OPERATIONS: [&str; 4] =
    [ASSUME_ROLE, ASSUME_ROLE_WITH_OIDC, ASSUME_ROLE_WITH_CALLER_IDENTITY, GET_CALLER_IDENTITY];

impl Catalog {
    /// The actions that policies are indexed by: those of all operations, and `sts:AssumeRole`.
    pub fn indexed_actions(&self) -> Vec<Action> {
        self.actions().into_iter().chain([Self::assume_role()]).collect()
    }

    /// The action that is judged when a role is assumed, with or without a token, against the trustee's own policies
    /// and the role's trust policy.
    ///
    /// # Panics
    /// Never: the name is well formed.
    pub fn assume_role() -> Action {
        format!("sts:{ASSUME_ROLE}").parse().expect("a well-formed action")
    }
}
