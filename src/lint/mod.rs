//! The linter: finds policies that load but are probably not what their author meant. Each rule has a stable id.
//!
//! Pure: documents, their texts and the directory go in, findings come out. Findings never change a decision. Must not
//! know: files and folders, the clock, callers, HTTP, how a finding is printed on a terminal.
//!
//! | | |
//! |---|---|
//! | the rules, as data | `rule` |
//! | single documents | `document`, with `statement`, `condition`, `deny`, `spelling`, `unknown`; `reporter` |
//! | several documents | `shadow` |
//! | principals and account files | `account`, `account_names`, `principal` |
//! | resources of operations | `target`: ARNs as patterns |
//! | output | `finding`, `ignore`; `report` and `sarif` for programs |

mod account;
mod account_names;
mod condition;
mod deny;
mod document;
mod finding;
mod ignore;
mod principal;
mod report;
mod reporter;
mod rule;
mod sarif;
mod shadow;
mod spelling;
mod statement;
mod target;
mod unknown;

pub use account::{AccountInput, AccountText, lint_account};
pub use document::{lint_document, warnings_at_load};
pub use finding::{About, Finding};
pub use ignore::IgnoreList;
pub use report::{github, json, rules_json, rules_text, summary};
pub use rule::{RULES, Rule};
pub use sarif::sarif;
pub use unknown::{OtherOperations, unsupplied_keys};
