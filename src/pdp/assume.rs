//! Whether a trustee may assume a role (`docs/spec/ram-policy.md` 6.7).

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::Catalog;
use ram_policy::{Context, Decision, PolicySet, Principal, TrustDecision, TrustPolicy, Trustee, Verdict};

use super::decide::Pdp;
use super::question::{ActionRequest, Question};
use super::verdict::Authorization;

/// The maximum duration of a session of a principal that is not a role with a trust policy.
const DEFAULT_LONGEST: Duration = Duration::from_secs(3600);

/// A role to assume, and the trustee that wants to assume it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assumption<'a> {
    /// The role to assume, in the directory's spelling (`Directory::role` finds it).
    pub role: &'a Principal,
    /// The principal, identity provider or service that wants to assume the role.
    pub trustee: Trustee<'a>,
    /// The session policy of a trustee that is itself in a session.
    pub session: Option<&'a Arc<PolicySet>>,
    /// The condition keys of the call, and of the token if there is one.
    pub context: &'a Context,
}

/// Proof that a role may be assumed. Only the decision point can make one.
///
/// ```compile_fail,E0451
/// # use std::{sync::Arc, time::Duration};
/// # use ram_policy::Principal;
/// # use ramgate::pdp::{Assumed, Basis};
/// fn forge(principal: Principal, basis: Basis, revision: Arc<str>) -> Assumed {
///     Assumed { principal, basis, longest: Duration::MAX, revision }
/// }
/// ```
#[derive(Debug)]
#[must_use = "a role is assumed only when a key is issued for it"]
pub struct Assumed {
    principal: Principal,
    basis: Basis,
    longest: Duration,
    revision: Arc<str>,
}

/// Why a key may be issued.
#[derive(Clone, Debug)]
pub enum Basis {
    /// The role's trust policy, and its decision.
    Trust(Arc<TrustPolicy>, TrustDecision),
    /// The key is for the caller's own principal.
    Itself,
}

/// Why a role may not be assumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AssumeRoleError {
    /// Callers get the same answer as for the other variants, so that they cannot find out which roles exist.
    #[error("there is no role `{0}`")]
    NoRole(String),
    /// The caller, who wants a key of its own principal, is not in the directory.
    #[error("`{0}` is not in any policy directory")]
    NoPrincipal(String),
    /// The role has no trust policy, so no trustee may assume it.
    #[error("the role `{0}` has no trust policy: give it one with `trust` in the account file")]
    NoTrust(String),
    /// The trustee is the root of an account.
    #[error("the account's root cannot assume a role: use a user or a role")]
    Root,
    /// The trustee's own policies do not allow it.
    #[error("the caller's own policies do not allow it: {reason}")]
    Identity { verdict: Verdict, policy_type: &'static str, reason: String },
    /// The role's trust policy does not allow the trustee, or denies it.
    #[error("{}", .0.reason)]
    Trust(TrustDecision),
}

impl Assumed {
    /// The principal whose permissions the session has.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Why the key may be issued.
    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// The maximum duration of the session.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The digest of the policies that were in force.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl AssumeRoleError {
    /// The verdict, and the type of policy that it is based on, in RAM's terms.
    pub(crate) fn grounds(&self) -> (Verdict, &'static str) {
        match self {
            Self::NoRole(_) | Self::NoPrincipal(_) | Self::NoTrust(_) | Self::Root => {
                (Verdict::ImplicitDeny, "AssumeRolePolicy")
            }
            Self::Identity { verdict, policy_type, .. } => (*verdict, policy_type),
            Self::Trust(decision) => (decision.verdict, "AssumeRolePolicy"),
        }
    }
}

impl Pdp {
    /// Decides whether a trustee may assume a role. A principal needs an Allow from its own policies and one from the
    /// role's trust policy. Any other trustee has no policies here and needs only the latter.
    ///
    /// # Errors
    /// Why the role may not be assumed.
    pub(crate) fn assume(&self, wanted: &Assumption<'_>) -> Result<Assumed, AssumeRoleError> {
        let Assumption { role, trustee, session, context } = *wanted;
        let entry = self.directory().entry(role).ok_or_else(|| AssumeRoleError::NoRole(role.arn().to_owned()))?;
        let assumable = entry.assumable.as_ref().ok_or_else(|| AssumeRoleError::NoTrust(role.arn().to_owned()))?;
        let action = Catalog::assume_role();
        if let Trustee::Principal(principal) = trustee {
            self.own_policies(principal, role, session, context)?;
        }
        let unknown = Catalog::bundled().unknown_to_the_gateway();
        let by = assumable.trust.judge(trustee, &action, context, &unknown);
        if by.verdict != Verdict::Allow {
            return Err(AssumeRoleError::Trust(by));
        }
        let (basis, longest) = (Basis::Trust(Arc::clone(&assumable.trust), by), assumable.longest);
        Ok(Assumed { principal: role.clone(), basis, longest, revision: self.revision() })
    }

    /// The maximum session duration of a role, checked before the trustee is known: a role that is refused here would
    /// be refused to every principal.
    ///
    /// # Errors
    /// A role that does not exist, has no trust policy, or trusts no account, user or role.
    pub(crate) fn assumable(&self, role: &Principal) -> Result<Duration, AssumeRoleError> {
        let entry = self.directory().entry(role).ok_or_else(|| AssumeRoleError::NoRole(role.arn().to_owned()))?;
        let assumable = entry.assumable.as_ref().ok_or_else(|| AssumeRoleError::NoTrust(role.arn().to_owned()))?;
        assumable.trust.check_trusts_principals().map_err(AssumeRoleError::Trust)?;
        Ok(assumable.longest)
    }

    /// Permits a session with a principal's own permissions, for a caller that was identified by another credential.
    ///
    /// # Errors
    /// A principal that is not in the directory; the account's root never is.
    pub(crate) fn assume_self(&self, principal: &Principal) -> Result<Assumed, AssumeRoleError> {
        let unknown = || AssumeRoleError::NoPrincipal(principal.arn().to_owned());
        let entry = self.directory().entry(principal).ok_or_else(unknown)?;
        let longest = entry.assumable.as_ref().map_or(DEFAULT_LONGEST, |assumable| assumable.longest);
        Ok(Assumed { principal: principal.clone(), basis: Basis::Itself, longest, revision: self.revision() })
    }

    fn own_policies(
        &self,
        principal: &Principal,
        role: &Principal,
        session: Option<&Arc<PolicySet>>,
        context: &Context,
    ) -> Result<(), AssumeRoleError> {
        if principal.is_root() {
            return Err(AssumeRoleError::Root);
        }
        let resource = role.arn().parse().map_err(|_| AssumeRoleError::NoRole(role.arn().to_owned()))?;
        let request = ActionRequest { action: Catalog::assume_role(), resources: vec![resource] };
        let mut question = Question::new(principal.clone(), request, context.clone())
            .with_unknown(Arc::new(Catalog::bundled().unknown_to_the_gateway()));
        if let Some(session) = session {
            question = question.in_session(Arc::clone(session));
        }
        match self.decide(question) {
            Authorization::Permitted(_) => Ok(()),
            Authorization::Denied(denied) => {
                let decision: &Decision = denied.decision();
                Err(AssumeRoleError::Identity {
                    verdict: decision.verdict(),
                    policy_type: decision.policy_type().unwrap_or("AccountLevelIdentityBasedPolicy"),
                    reason: denied.reason().to_owned(),
                })
            }
        }
    }
}
