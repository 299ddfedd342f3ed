//! Evaluates Alibaba Cloud RAM policies and explains every verdict.
//!
//! The crate reads policy documents strictly, combines them in the layers that RAM evaluates for a principal (control
//! policies, session policy, identity policies at account scope and in resource groups), decides requests, and explains
//! which statements a decision rests on. It does no I/O, reads no clock, and has no C code in its dependencies.
//! [`evaluate`] is a total function, because all errors in a document are reported when the document is parsed.
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
//! # Overview
//!
//! | task | items |
//! |---|---|
//! | name things | [`AccountId`], [`Action`], [`Arn`], [`Principal`] |
//! | describe a call | [`Request`], [`Context`], [`ContextKey`], [`UnknownKeys`] |
//! | report errors in a text | [`Source`], [`Diagnostic`] |
//! | read documents | [`Document`]; [`Library`] for many documents that repeat each other |
//! | inspect a document | [`Statement`], [`ArnPattern`], [`Glob`], [`Condition`], [`Operator`] |
//! | decide | [`PolicySet`], [`Layers`], [`evaluate`], [`Decision`] |
//! | explain | [`Reason`] in one line, [`Proof`] in full, [`Report`] as data; [`LayerReach`] without a request |
//! | compare and test policies | [`Statement::covers`], [`Mutant`], [`Exercise`] |
//! | decide who may assume a role | [`TrustPolicy`] |
//!
//! # What the caller supplies
//!
//! The crate does not know files and directories, attachments of policies, the operations of a product with their
//! parameters, the time, or the network. In particular, the caller works out which ARNs an operation touches and which
//! condition keys it carries.
//!
//! # Undocumented rules of RAM
//!
//! The vendor does not document every rule. In these cases the crate takes the reading that allows less;
//! `docs/spec/ram-policy.md` 11 lists each choice. Two of them concern every request. If a key has no value in the
//! request but may have one ([`UnknownKeys`]), an Allow that depends on it does not apply, and a Deny that depends on
//! it denies. The same holds for tags and resource groups that have not been read ([`Request::attributes`]).

#![deny(missing_docs)]

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
pub use explain::deciding::PossibleDeny;
pub use explain::proof::{Finding, LayerProof, Proof, ResourceProof};
pub use explain::reach::{Grant, LayerReach};
pub use explain::reason::Reason;
pub use explain::report::{LayerReport, MatchedPolicy, Report, ResourceReport, StatementReport};
pub use explain::words::{Details, Summary};
pub use judge::action_slot::ActionSlots;
pub use judge::evaluate::{Decision, allow_by_configuration, depends_on_attributes, evaluate};
pub use judge::layer::{Layers, Scoped};
pub use judge::request::Request;
pub use judge::set::{AttachedTo, LONGEST_SESSION_POLICY, PolicySet, PolicySetBuilder, StatementRef};
pub use judge::verdict::{Grounds, Judged, LayerKind, Verdict};
pub use language::attributes::{Attributes, RequiredAttributes, Targets};
pub use language::condition::{Condition, ConditionMismatch};
pub use language::effect::{Effect, Mismatch};
pub use language::glob::{Case, Glob};
pub use language::operator::{Compares, Operator, Sense};
pub use language::pattern::ArnPattern;
pub use language::statement::{Actions, Conditions, Resources, Statement};
pub use language::value::ConditionValue;
pub use name::account::{AccountId, AccountIdError};
pub use name::action::{Action, ActionError};
pub use name::arn::{Arn, ArnError, Fields, Resource};
pub use name::principal::{ByPrincipal, Identity, KnownHash, Principal, PrincipalError, PrincipalName};
pub use trust::{TrustDecision, TrustPolicy, Trustee, is_provider_name};

/// Compiles the example of the README as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
