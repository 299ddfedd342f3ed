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
//! | explaining | `proof`, then `explain` in words and `report` as data; `deciding` for the log |

mod condition;
mod cover;
mod deciding;
mod decimal;
mod decision;
mod document;
mod error;
mod evaluate;
mod explain;
mod glob;
mod grammar;
mod index;
mod json;
mod lane;
mod layer;
mod library;
mod operator;
mod outline;
mod pattern;
mod plain;
mod proof;
mod reader;
mod report;
mod request;
mod set;
mod statement;
mod value;

pub use condition::{Condition, ConditionFault};
pub use decision::{Decision, Grounds, Judged, Verdict};
pub use document::{Digest, Document};
pub use evaluate::evaluate;
pub use explain::{Details, Summary};
pub use glob::{Case, Glob};
pub use lane::Lanes;
pub use layer::{LayerKind, Layers, Scoped};
pub use library::Library;
pub use operator::{Compares, Operator, Sense};
pub use outline::Outline;
pub use pattern::ArnPattern;
pub use proof::{Finding, LayerProof, Proof, ResourceProof};
pub use report::{LayerReport, MatchedPolicy, Report, ResourceReport, StatementReport};
pub use request::{Facts, Request};
pub use set::{AttachedTo, Needs, PolicySet, Sets, StatementRef};
pub use statement::{Actions, Conditions, Effect, Mismatch, Resources, Statement};
pub use value::Wanted;
