//! The policy unit-test harness: suites and case files, the outcome of each test, and the reports.
//!
//! Judges by the same [`Pdp`](crate::pdp::Pdp) as the gateway: what a case states, the gateway proves or observes. Must
//! not know: files on disk, HTTP, the clock, the command line.
//!
//! | | |
//! |---|---|
//! | a suite (`*.test.toml`) | `written` as typed, `suite_file`, then `binding` and `expectation` to `cell`s in a `world` |
//! | a case file (`*.cases.json`) | `case`, `holders`, `stage` |
//! | running | `filter`, `run`, `expected`: what differs; `tested`: one outcome a test |
//! | how good the tests are | `coverage`; `mutate`, `witness` and `sketch`: the case that is missing |
//! | telling | `report`, one form a file; `update`: other expectations |

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
