//! Permission as a value.

use std::sync::OnceLock;

use crate::policy::{Decision, Proof, Request};

use super::question::{Question, Subject};

/// Proof that a subject was judged and allowed. Only the decision point makes one.
///
/// ```
/// # use std::sync::Arc;
/// # use ramgate::{pdp::{Asked, Directory, Pdp, Question, Ruling}, ram::{Context, Principal}};
/// let account: ramgate::ram::AccountId = "1234567890123456".parse()?;
/// let pdp = Pdp::new(Arc::new(Directory::new([account.clone()], [], String::new())));
/// let root = Principal::new(account, "root".parse()?);
/// let subject = Asked {
///     action: "ecs:AttachNetworkInterface".parse()?,
///     resources: vec!["acs:ecs:cn-hangzhou:1234567890123456:eni/eni-1".parse()?],
/// };
/// let Ruling::Permitted(permit) = pdp.decide(Question::new(root, subject, Context::default())) else { panic!() };
/// let asked: &Asked = permit.subject();
/// assert_eq!(asked.resources.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Nobody else can:
///
/// ```compile_fail,E0451
/// # use std::sync::Arc;
/// # use ramgate::{pdp::{Asked, Permit, Question}, policy::Decision};
/// fn forge(question: Question<Asked>, decision: Decision, revision: Arc<str>) -> Permit<Asked> {
///     Permit { question, decision, revision }
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit that goes nowhere allows nothing"]
pub struct Permit<T> {
    question: Question<T>,
    decision: Decision,
    revision: std::sync::Arc<str>,
}

/// A subject that was judged and refused, with the proof.
#[derive(Debug)]
pub struct Denied<T> {
    question: Question<T>,
    decision: Decision,
    revision: std::sync::Arc<str>,
    reason: OnceLock<Box<str>>,
}

/// The decision point's answer.
#[derive(Debug)]
pub enum Ruling<T> {
    Permitted(Permit<T>),
    Denied(Denied<T>),
}

macro_rules! accessors {
    ($name:ident) => {
        impl<T: Subject> $name<T> {
            pub fn subject(&self) -> &T {
                &self.question.subject
            }

            /// The question as it was judged.
            pub fn request(&self) -> Request<'_> {
                self.question.request()
            }

            /// Why it was judged so, statement by statement: this looks at every statement.
            pub fn proof(&self) -> Proof<'_> {
                self.decision.proof(&self.request())
            }

            pub fn decision(&self) -> &Decision {
                &self.decision
            }

            /// Digest of the policy set that was in force.
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

    /// Why it was denied, in one line: worked out once, at a cost that does not grow with the number of statements.
    pub fn reason(&self) -> &str {
        self.reason.get_or_init(|| self.decision.reason(&self.request()).to_string().into())
    }
}

impl<T: Subject> Ruling<T> {
    pub fn decision(&self) -> &Decision {
        match self {
            Self::Permitted(permit) => permit.decision(),
            Self::Denied(denied) => denied.decision(),
        }
    }

    pub fn proof(&self) -> Proof<'_> {
        match self {
            Self::Permitted(permit) => permit.proof(),
            Self::Denied(denied) => denied.proof(),
        }
    }
}
