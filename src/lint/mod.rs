//! The linter: what loads and is probably not what its author meant, each finding under a stable id.
//!
//! Pure: documents, their texts and the directory go in, findings come out. Must not know: files and folders, the
//! clock, who calls, HTTP, how a finding is printed on a terminal. Nothing here changes what is decided.
//!
//! | | |
//! |---|---|
//! | rules | `rule`: the table of them, as data |
//! | one document at a time | `document`, with `written`, `spelling`, `breadth`, `condition`, `unknown`, `deny`; `site` knows places |
//! | documents beside each other | `shadow` |
//! | principals and account files | `principal`, `account` |
//! | what is known of the calls | `target`: ARNs as patterns; `key`: condition keys |
//! | the outcome | `finding`, `ignore`, and `report`, `sarif`, `github` for programs |

mod account;
mod breadth;
mod condition;
mod deny;
mod document;
mod finding;
mod github;
mod ignore;
mod key;
mod principal;
mod report;
mod rule;
mod sarif;
mod shadow;
mod site;
mod spelling;
mod survey;
mod target;
mod unknown;
mod written;

pub use document::{lint_document, warnings_at_load};
pub use finding::{About, Finding};
pub use github::github;
pub use ignore::IgnoreList;
pub use report::{json, rules_json, rules_text, summary};
pub use rule::{RULES, Rule};
pub use sarif::sarif;
pub use survey::{AccountText, Survey, survey};
pub use unknown::{OtherOperations, unsupplied_keys};
