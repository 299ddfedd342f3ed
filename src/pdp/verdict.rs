//! Permission as a value.

use crate::policy::Decision;
use crate::ram::Request;

/// Proof that a subject was judged and allowed. Only the decision point makes one.
///
/// ```
/// # use std::sync::Arc;
/// # use ramgate::{pdp::{Asked, Directory, Pdp, Question, Ruling}, ram::{Context, Principal}};
/// let account: ramgate::ram::AccountId = "1234567890123456".parse()?;
/// let pdp = Pdp::new(Arc::new(Directory::new([account.clone()], [], String::new())));
/// let root = Principal { account, identity: "root".parse()? };
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
/// # use ramgate::{pdp::{Asked, Permit}, policy::Decision, ram::Request};
/// fn forge(subject: Asked, request: Request, decision: Decision, revision: Arc<str>) -> Permit<Asked> {
///     Permit { subject, request, decision, revision }
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit that goes nowhere allows nothing"]
pub struct Permit<T> {
    subject: T,
    request: Request,
    decision: Decision,
    revision: std::sync::Arc<str>,
}

/// A subject that was judged and refused, with the proof.
#[derive(Debug)]
pub struct Denied<T> {
    subject: T,
    request: Request,
    decision: Decision,
    revision: std::sync::Arc<str>,
}

/// The decision point's answer.
#[derive(Debug)]
pub enum Ruling<T> {
    Permitted(Permit<T>),
    Denied(Denied<T>),
}

macro_rules! accessors {
    ($name:ident) => {
        impl<T> $name<T> {
            pub(super) fn new(subject: T, request: Request, decision: Decision, revision: std::sync::Arc<str>) -> Self {
                Self { subject, request, decision, revision }
            }

            pub fn subject(&self) -> &T {
                &self.subject
            }

            /// The question as it was judged.
            pub fn request(&self) -> &Request {
                &self.request
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

impl<T> Ruling<T> {
    pub fn decision(&self) -> &Decision {
        match self {
            Self::Permitted(permit) => permit.decision(),
            Self::Denied(denied) => denied.decision(),
        }
    }
}
