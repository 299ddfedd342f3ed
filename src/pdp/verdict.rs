//! Permission as a value.

use std::sync::OnceLock;

use ram_policy::{Decision, Proof, Request};

use super::question::{Question, Subject};

/// Proof that a subject was judged and allowed. Only the decision point can make one.
///
/// ```
/// # use std::sync::Arc;
/// # use ram_policy::{Context, Principal};
/// # use ramgate::pdp::{ActionRequest, Directory, Pdp, Question, Authorization};
/// let account: ram_policy::AccountId = "1234567890123456".parse()?;
/// let pdp = Pdp::new(Arc::new(Directory::new([account.clone()], [], String::new())));
/// let root = Principal::new(account, "root".parse()?);
/// let subject = ActionRequest {
///     action: "ecs:AttachNetworkInterface".parse()?,
///     resources: vec!["acs:ecs:cn-hangzhou:1234567890123456:eni/eni-1".parse()?],
/// };
/// let question = Question::new(root, subject, Context::default());
/// let Authorization::Permitted(permit) = pdp.decide(question) else { panic!() };
/// let allowed: &ActionRequest = permit.subject();
/// assert_eq!(allowed.resources.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// No other code can:
///
/// ```compile_fail,E0451
/// # use std::sync::Arc;
/// # use ram_policy::Decision;
/// # use ramgate::pdp::{ActionRequest, Permit, Question};
/// fn forge(question: Question<ActionRequest>, decision: Decision, revision: Arc<str>) -> Permit<ActionRequest> {
///     Permit { question, decision, revision }
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit has no effect unless it is used"]
pub struct Permit<T> {
    question: Question<T>,
    decision: Decision,
    revision: std::sync::Arc<str>,
}

/// A subject that was judged and denied, with the proof.
#[derive(Debug)]
pub struct Denied<T> {
    question: Question<T>,
    decision: Decision,
    revision: std::sync::Arc<str>,
    reason: OnceLock<Box<str>>,
}

/// The decision point's answer.
#[derive(Debug)]
pub enum Authorization<T> {
    /// Every resource is allowed, or the operation is forwarded without judging ([`Pdp::forwarding`]).
    ///
    /// [`Pdp::forwarding`]: super::Pdp::forwarding
    Permitted(Permit<T>),
    /// A policy denies a resource, or a layer does not allow it.
    Denied(Denied<T>),
}

macro_rules! accessors {
    ($name:ident) => {
        impl<T: Subject> $name<T> {
            /// The subject that was judged.
            pub fn subject(&self) -> &T {
                &self.question.subject
            }

            /// The question as it was judged.
            pub fn request(&self) -> Request<'_> {
                self.question.request()
            }

            /// The reasons for the decision, statement by statement. Examines every statement.
            pub fn proof(&self) -> Proof<'_> {
                self.decision.proof(&self.request())
            }

            /// The decision.
            pub fn decision(&self) -> &Decision {
                &self.decision
            }

            /// The digest of the policy set that was in force.
            pub fn revision(&self) -> &str {
                &self.revision
            }
        }
    };
}

accessors!(Permit);
accessors!(Denied);

impl<T: Subject> Permit<T> {
    pub(super) fn new(question: Question<T>, decision: Decision, revision: std::sync::Arc<str>) -> Self {
        Self { question, decision, revision }
    }
}

impl<T: Subject> Denied<T> {
    pub(super) fn new(question: Question<T>, decision: Decision, revision: std::sync::Arc<str>) -> Self {
        Self { question, decision, revision, reason: OnceLock::new() }
    }

    /// Why it was denied, in one line. Computed on first use, at a cost that does not depend on the number of
    /// statements.
    pub fn reason(&self) -> &str {
        self.reason.get_or_init(|| self.decision.reason(&self.request()).to_string().into())
    }
}

impl<T: Subject> Authorization<T> {
    /// The decision.
    pub fn decision(&self) -> &Decision {
        match self {
            Self::Permitted(permit) => permit.decision(),
            Self::Denied(denied) => denied.decision(),
        }
    }

    /// The reasons for the decision, statement by statement.
    pub fn proof(&self) -> Proof<'_> {
        match self {
            Self::Permitted(permit) => permit.proof(),
            Self::Denied(denied) => denied.proof(),
        }
    }
}
