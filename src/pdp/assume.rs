//! Whether somebody may assume a role (`spec/ram-policy.md` 6.7).

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::Catalog;
use crate::policy::{Decision, PolicySet, TrustDecision, TrustPolicy, Trustee, Verdict};
use crate::ram::{Context, Principal};

use super::decide::Pdp;
use super::question::{Asked, Question};
use super::verdict::Ruling;

/// A session lasts no longer where nothing says that it may.
const SHORTEST_LONGEST: Duration = Duration::from_secs(3600);

/// Who wants to assume which role.
#[derive(Clone, Copy, Debug)]
pub struct Assumption<'a> {
    pub role: &'a Principal,
    pub trustee: Trustee<'a>,
    /// Of a trustee that is itself in a session.
    pub session: Option<&'a Arc<PolicySet>>,
    /// What is known of the call, and of the token where there is one.
    pub context: &'a Context,
}

/// Proof that a role may be assumed. Only the decision point makes one.
///
/// ```compile_fail,E0451
/// # use std::{sync::Arc, time::Duration};
/// # use ramgate::{pdp::{Assumed, Basis}, ram::Principal};
/// fn forge(principal: Principal, basis: Basis, revision: Arc<str>) -> Assumed {
///     Assumed { principal, basis, longest: Duration::MAX, revision }
/// }
/// ```
#[derive(Debug)]
#[must_use = "a role that nobody gets a key for is not assumed"]
pub struct Assumed {
    principal: Principal,
    basis: Basis,
    longest: Duration,
    revision: Arc<str>,
}

/// What it rests on that somebody gets a key.
#[derive(Clone, Debug)]
pub enum Basis {
    /// The role's trust policy, and what it says.
    Trust(Arc<TrustPolicy>, TrustDecision),
    /// The key is for who the caller is already.
    Itself,
}

/// Why a role may not be assumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unassumed {
    /// Told to callers as the others are: nobody need learn here which roles there are.
    #[error("there is no role `{0}`")]
    NoRole(String),
    #[error("`{0}` is in no policy directory")]
    NoPrincipal(String),
    #[error("the role `{0}` has no trust policy: give it one with `trust` in the account file")]
    NoTrust(String),
    #[error("the account's root cannot assume a role: use a user or a role")]
    Root,
    /// What the trustee's own policies say.
    #[error("the caller's own policies do not allow it: {reason}")]
    Identity { verdict: Verdict, policy_type: &'static str, reason: String },
    #[error("{}", .0.reason)]
    Trust(TrustDecision),
}

impl Assumed {
    /// Whose rights the session has.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// The longest that the session may last.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// Digest of the policy set that was in force.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl Unassumed {
    /// Which verdict it is, and which kind of policy it rests on, in RAM's words.
    pub fn grounds(&self) -> (Verdict, &'static str) {
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
    /// A principal needs an Allow of its own policies and one of the role's trust policy; anybody else, who has no
    /// policies here, the latter.
    ///
    /// # Errors
    /// Why not.
    pub fn assume(&self, wanted: &Assumption<'_>) -> Result<Assumed, Unassumed> {
        let Assumption { role, trustee, session, context } = *wanted;
        let standing = self.directory().standing(role).ok_or_else(|| Unassumed::NoRole(role.arn().to_owned()))?;
        let assumable = standing.assumable.as_ref().ok_or_else(|| Unassumed::NoTrust(role.arn().to_owned()))?;
        let action = Catalog::assume_role();
        if let Trustee::Principal(principal) = trustee {
            self.own_policies(principal, role, session, context)?;
        }
        let unknown = Catalog::bundled().unknown_to_the_gateway();
        let by = assumable.trust.judge(trustee, &action, context, &unknown);
        if by.verdict != Verdict::Allow {
            return Err(Unassumed::Trust(by));
        }
        let (basis, longest) = (Basis::Trust(Arc::clone(&assumable.trust), by), assumable.longest);
        Ok(Assumed { principal: role.clone(), basis, longest, revision: self.revision() })
    }

    /// The longest session of a role that some principal could assume, as far as that can be told before it is known
    /// which: what is refused here would be refused to every principal.
    ///
    /// # Errors
    /// A role that is not there, or whose trust policy trusts no account, user or role.
    pub fn assumable(&self, role: &Principal) -> Result<Duration, Unassumed> {
        let standing = self.directory().standing(role).ok_or_else(|| Unassumed::NoRole(role.arn().to_owned()))?;
        let assumable = standing.assumable.as_ref().ok_or_else(|| Unassumed::NoTrust(role.arn().to_owned()))?;
        assumable.trust.check_trusts_principals().map_err(Unassumed::Trust)?;
        Ok(assumable.longest)
    }

    /// A session of the principal's own, for a caller that showed by another credential who it is.
    ///
    /// # Errors
    /// A principal that is not known here; the account's root.
    pub fn itself(&self, principal: &Principal) -> Result<Assumed, Unassumed> {
        let unknown = || Unassumed::NoPrincipal(principal.arn().to_owned());
        let standing = self.directory().standing(principal).ok_or_else(unknown)?;
        let longest = standing.assumable.as_ref().map_or(SHORTEST_LONGEST, |assumable| assumable.longest);
        Ok(Assumed { principal: principal.clone(), basis: Basis::Itself, longest, revision: self.revision() })
    }

    fn own_policies(
        &self,
        principal: &Principal,
        role: &Principal,
        session: Option<&Arc<PolicySet>>,
        context: &Context,
    ) -> Result<(), Unassumed> {
        if principal.is_root() {
            return Err(Unassumed::Root);
        }
        let resource = role.arn().parse().map_err(|_| Unassumed::NoRole(role.arn().to_owned()))?;
        let asked = Asked { action: Catalog::assume_role(), resources: vec![resource] };
        let mut question = Question::new(principal.clone(), asked, context.clone())
            .with_unknown(Arc::new(Catalog::bundled().unknown_to_the_gateway()));
        if let Some(session) = session {
            question = question.in_session(Arc::clone(session));
        }
        match self.decide(question) {
            Ruling::Permitted(_) => Ok(()),
            Ruling::Denied(denied) => {
                let decision: &Decision = denied.decision();
                Err(Unassumed::Identity {
                    verdict: decision.verdict(),
                    policy_type: decision.policy_type().unwrap_or("AccountLevelIdentityBasedPolicy"),
                    reason: denied.reason().to_owned(),
                })
            }
        }
    }
}
