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
