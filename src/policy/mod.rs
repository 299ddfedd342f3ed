//! RAM policies: what a document says, which statements apply, what they decide together, and why.
//!
//! Must not know: files, directories and accounts (who is attached to what), operations and their parameters, the
//! clock, the network. Everything wrong with a document is refused when it is read; judging is a total function.
//!
//! | | |
//! |---|---|
//! | reading | `library` reads many documents, `plain` the good ones in one pass, `grammar` the others with every fault |
//! | the language | `statement`, `pattern`, `glob`, `condition`, `operator`, `value` |
//! | comparing | `cover`: whether one pattern or statement takes in all of another |
//! | judging | `set` and its `index`, `layer`, `evaluate`, `decision` |
//! | explaining | `proof`, then `explain` in words and `report` as data; for every denial `reason`, by `nearest`, and `doubt` for what is not known; `deciding` for the log; `reach` for what could be |
//! | trusting | `trust`: who may assume a role |
//! | testing | `exercise`: what a request put to the test; `mutant`: documents changed on purpose |

mod condition;
mod cover;
mod deciding;
mod decimal;
mod decision;
mod document;
mod doubt;
mod effect;
mod error;
mod evaluate;
mod exercise;
mod explain;
mod facts;
mod glob;
mod grammar;
mod index;
mod json;
mod lane;
mod layer;
mod library;
mod mismatch;
mod mutant;
mod nearest;
mod operator;
mod outline;
mod pattern;
mod plain;
mod proof;
mod reach;
mod reader;
mod reason;
mod report;
mod request;
mod scan;
mod set;
mod statement;
mod trust;
mod unlisted;
mod untold;
mod value;
mod verdict;

pub use condition::{Condition, ConditionFault};
pub use decision::{Decision, Grounds, Judged};
pub use document::{Digest, Document};
pub use doubt::Doubt;
pub use effect::Effect;
pub use evaluate::{evaluate, turns_on_facts};
pub use exercise::Exercise;
pub use explain::{Details, Summary};
pub use facts::Facts;
pub use glob::{Case, Glob};
pub use lane::Lanes;
pub use layer::{LayerKind, Layers, Scoped};
pub use library::Library;
pub use mismatch::Mismatch;
pub use mutant::Mutant;
pub use operator::{Compares, Operator, Sense};
pub use outline::{Outline, condition_pointer, statement_pointer};
pub use pattern::ArnPattern;
pub use proof::{Finding, LayerProof, Proof, ResourceProof};
pub use reach::{Grant, LayerReach};
pub use reason::Reason;
pub use report::{LayerReport, MatchedPolicy, Report, ResourceReport, StatementReport};
pub use request::{Naming, Request};
pub use set::{AttachedTo, LONGEST_SESSION_POLICY, Needs, PolicySet, Sets, StatementRef};
pub use statement::{Actions, Conditions, Resources, Statement};
pub use trust::{TrustDecision, TrustPolicy, Trustee, is_provider_name};
pub use unlisted::forward_unlisted;
pub use value::Wanted;
pub use verdict::Verdict;
