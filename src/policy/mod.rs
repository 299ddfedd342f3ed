//! RAM policies: what a document says, which statements apply, what they decide together, and why.
//!
//! Must not know: files, directories and accounts (who is attached to what), operations and their parameters, the
//! clock, the network. Everything wrong with a document is refused when it is read; judging is a total function.

mod condition;
mod decimal;
mod decision;
mod document;
mod error;
mod evaluate;
mod explain;
mod glob;
mod grammar;
mod json;
mod layer;
mod operator;
mod pattern;
mod reader;
mod report;
mod statement;
mod value;

pub use condition::{Condition, ConditionFault, Facts};
pub use decision::{Decision, Finding, Grounds, Judgement, Verdict};
pub use document::Document;
pub use evaluate::evaluate;
pub use explain::{Details, Summary};
pub use glob::{Case, Glob};
pub use layer::{AttachedTo, Attachment, Layer, LayerKind, Layers, StatementRef};
pub use operator::{Operator, Sense};
pub use pattern::ArnPattern;
pub use report::{MatchedPolicy, Report, ResourceReport, StatementReport};
pub use statement::{Actions, Effect, Mismatch, Statement};
pub use value::Wanted;
