//! The policy unit-test harness: suites and case files, what became of each test, and how that is told.
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
mod cell;
mod coverage;
mod expectation;
mod expected;
mod filter;
mod holders;
mod mutate;
mod report;
mod run;
mod sketch;
mod stage;
mod suite_file;
mod tested;
mod update;
mod witness;
mod world;
mod written;

pub use case::{Case, CaseFile, CaseRequest, Expected};
pub use coverage::{ConditionCoverage, Coverage, Share, StatementCoverage};
pub use filter::Filter;
pub use holders::Unfit;
pub use mutate::{Change, Mutation, Survivor, mutate};
pub use report::{JunitRun, Listing, Report, github, json, junit, summary, tap, text};
pub use run::{Ran, Running, TestFile, run};
pub use stage::Stage;
pub use suite_file::{Suite, SuiteFile};
pub use tested::{Counts, Outcome, Tested};
pub use update::{Update, updates};
pub use world::{TestedDocument, World};
