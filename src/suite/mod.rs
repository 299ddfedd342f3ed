//! The policy unit-test harness: suites and case files, the outcome of each test, and the reports.
//!
//! Tests are judged by the same [`Pdp`](crate::pdp::Pdp) as calls to the gateway. A case states the facts that the
//! gateway proves or observes. Must not know: files on disk, HTTP, the clock, the command line.
//!
//! | | |
//! |---|---|
//! | a suite (`*.test.toml`) | `raw` and `suite_file`; `binding` and `expectation` make `cell`s in an `environment` |
//! | a case file (`*.cases.json`) | `case`, `case_layers`, `case_pdp` |
//! | running | `filter`, `run`; `expected` finds the difference; `test_result` holds one outcome for each test |
//! | quality of the tests | `coverage`; `mutate` and `witness` find a missing case, `suggestion` writes it |
//! | output | `report`, one file for each format; `update` rewrites expectations |

mod binding;
mod case;
mod case_layers;
mod case_pdp;
mod cell;
mod coverage;
mod environment;
mod expectation;
mod expected;
mod filter;
mod mutate;
mod raw;
mod report;
mod run;
mod suggestion;
mod suite_file;
mod test_result;
mod update;
mod witness;

pub use case::{Case, CaseFile, CaseRequest, Expected};
pub use case_layers::CaseError;
pub use case_pdp::CasePdp;
pub use coverage::{ConditionCoverage, Coverage, Share, StatementCoverage};
pub use environment::{Environment, TestedDocument};
pub use filter::Filter;
pub use mutate::{Change, Mutation, Survivor, mutate};
pub use report::{JunitRun, Listing, Report, github, json, junit, summary, tap, text};
pub use run::{RunOptions, RunResults, TestFile, run};
pub use suite_file::{Suite, SuiteFile};
pub use test_result::{Counts, Outcome, TestResult};
pub use update::{Update, updates};
