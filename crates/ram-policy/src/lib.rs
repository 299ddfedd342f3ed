//! Evaluates Alibaba Cloud RAM policies and explains every verdict.
//!
//! The crate reads policy documents strictly, attaches them to a principal in the layers that RAM evaluates (control
//! policies, session policy, identity policies, policies of a resource group), decides a request, and says which
//! statements the decision rests on. It does no I/O, has no clock and no C code in its dependencies, and `evaluate` is a
//! total function: whatever is wrong with a document is reported when the document is parsed.
//!
//! # Example
//!
//! Parse, attach, evaluate, explain:
//!
//! ```
//! use std::sync::Arc;
//!
//! use ram_policy::{
//!     AttachedTo, Context, Document, Layers, PolicySetBuilder, Principal, Request, Resource, Source, Targets,
//!     UnknownKeys, Verdict, evaluate,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = r#"{ "Version": "1", "Statement": [
//!     { "Effect": "Allow", "Action": "ecs:StartInstance", "Resource": "acs:ecs:*:*:instance/i-dev-*" } ] }"#;
//! let document = Document::parse("dev", &Source::new("dev.json", text)).map_err(|found| found[0].to_string())?;
//! let set = PolicySetBuilder::default().set(AttachedTo::User, vec![Arc::new(document)]);
//! let layers = Arc::new(Layers::identity([set]));
//!
//! let principal = Principal::new("1234567890123456".parse()?, "user/alice".parse()?);
//! let action = "ecs:StartInstance".parse()?;
//! let resources = ["acs:ecs:cn-hangzhou:1234567890123456:instance/i-prod-1".parse::<Resource<'_>>()?];
//! let context = Context::default();
//! let request = Request {
//!     principal: &principal,
//!     action: &action,
//!     resources: &resources,
//!     deny_only: &[],
//!     context: &context,
//!     attributes: &[],
//!     session_policy: None,
//!     unknown_keys: UnknownKeys::none(),
//!     targets: Targets::Known,
//! };
//! let decision = evaluate(&layers, &request);
//! assert_eq!(decision.verdict(), Verdict::ImplicitDeny);
//! assert_eq!(
//!     decision.reason(&request).to_string(),
//!     "implicit deny on acs:ecs:cn-hangzhou:1234567890123456:instance/i-prod-1: no statement allows it; \
//!      nearest: dev#0 (dev.json:2) resource id does not match"
//! );
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//!
//! | module | what it holds |
//! |---|---|
//! | `name` | [`AccountId`], [`Action`], [`Arn`], [`Principal`] |
//! | `context` | condition keys and their values: [`Context`], [`ContextKey`], [`UnknownKeys`] |
//! | `diagnostic` | a [`Source`] text and a [`Diagnostic`] about a place in it |
//! | `document` | reading: [`Document`], and [`Library`] for many documents that repeat each other |
//! | `language` | what a [`Statement`] says: [`ArnPattern`], [`Glob`], [`Condition`], [`Operator`] |
//! | `judge` | [`PolicySet`] and its index, [`Layers`], [`evaluate`], [`Decision`] |
//! | `explain` | [`Reason`] in one line, [`Proof`] with every statement, [`Report`] as data, [`LayerReach`] without a request |
//! | `compare` | whether one pattern or statement covers another, [`Mutant`], [`Exercise`] |
//! | `trust` | [`TrustPolicy`]: who may assume a role |
//!
//! # What it does not know
//!
//! Files and directories, which policies are attached to whom, the operations of a product and their parameters, the
//! time, the network. The caller supplies all of it.
//!
//! # What is unknown about RAM
//!
//! The vendor does not document every rule. Where it does not, the crate takes the reading under which less is allowed,
//! and `docs/spec/ram-policy.md` 11 lists each choice. Two of them concern every request: a key that the request does not
//! have and that may have a value ([`UnknownKeys`]) never lets an Allow apply and never rules a Deny out, and the same
//! holds for tags and resource groups that have not been read ([`Request::attributes`]).

mod compare;
mod context;
pub mod diagnostic;
mod document;
mod explain;
mod judge;
mod language;
mod name;
mod trust;

pub use compare::exercise::Exercise;
pub use compare::mutant::Mutant;
pub use context::table::{Context, ContextKey, ContextKeyError, OtherKey};
pub use context::unknown_keys::UnknownKeys;
pub use context::value::{KeyType, Value, ValueRef};
pub use diagnostic::{Diagnostic, Position, Severity, Source};
pub use document::library::Library;
pub use document::outline::{Outline, condition_pointer, statement_pointer};
pub use document::policy_document::{Digest, Document};
pub use explain::possible_deny::PossibleDeny;
pub use explain::proof::{Finding, LayerProof, Proof, ResourceProof};
pub use explain::reach::{Grant, LayerReach};
pub use explain::reason::Reason;
pub use explain::report::{LayerReport, MatchedPolicy, Report, ResourceReport, StatementReport};
pub use explain::words::{Details, Summary};
pub use judge::action_slot::ActionSlots;
pub use judge::decision::Decision;
pub use judge::evaluate::{depends_on_attributes, evaluate};
pub use judge::layer::{Layers, Scoped};
pub use judge::request::Request;
pub use judge::set::{AttachedTo, LONGEST_SESSION_POLICY, PolicySet, PolicySetBuilder, StatementRef};
pub use judge::unlisted::allow_by_configuration;
pub use judge::verdict::{Grounds, Judged, LayerKind, Verdict};
pub use language::attributes::{Attributes, RequiredAttributes, Targets};
pub use language::condition::{Condition, ConditionMismatch};
pub use language::effect::Effect;
pub use language::glob::{Case, Glob};
pub use language::mismatch::Mismatch;
pub use language::operator::{Compares, Operator, Sense};
pub use language::pattern::ArnPattern;
pub use language::statement::{Actions, Conditions, Resources, Statement};
pub use language::value::ConditionValue;
pub use name::account::{AccountId, AccountIdError};
pub use name::action::{Action, ActionError};
pub use name::arn::{Arn, ArnError, Fields, Resource};
pub use name::principal::{ByPrincipal, Identity, KnownHash, Principal, PrincipalError, PrincipalName};
pub use trust::{TrustDecision, TrustPolicy, Trustee, is_provider_name};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
