//! `ramgate test`: runs policy tests and reports the results.

mod files;
mod rewrite;
mod watch;

use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use clap::Args;

use crate::gateway::now;
use crate::serve::host_name;
use crate::store::replace_file;
use crate::suite::{
    Counts, Filter, JunitRun, Listing, Mutation, Report, RunOptions, RunResults, TestFile, github, json, junit, mutate,
    run, summary, tap, text,
};

use super::exit::{Exit, Failure};
use super::output::json_document;
use super::progress::Progress;

use files::Tests;

/// Runs policy tests: suites (`*.test.toml`) and case files (`*.cases.json`)
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Test {
    /// Files of tests, or directories to search for them
    #[arg(value_name = "PATH", default_value = "policies")]
    paths: Vec<PathBuf>,
    /// Run only matching tests. A filter is a pattern (`*`, `?`) for, or a part of, the name, the suite or `SUITE /
    /// NAME`; with the prefix `suite=`, `name=`, `principal=`, `eni=` or `instance=`, of that property. Repeat the flag
    /// for more filters: all must match
    #[arg(long, value_name = "GLOB")]
    filter: Vec<String>,
    /// Stop at the first failure
    #[arg(long)]
    fail_fast: bool,
    /// List the statements and conditions that no case exercises, with file and line
    #[arg(long)]
    coverage: bool,
    /// Fail if the coverage is below N percent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Change the policies one place at a time, and list the changes that no case notices
    #[arg(long)]
    mutate: bool,
    /// With `--mutate`: fail only if less than N percent of the changes are noticed
    #[arg(long, value_name = "N", requires = "mutate", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_score: Option<u8>,
    #[arg(long, value_enum, default_value_t)]
    format: TestFormat,
    /// Also write a report to a file; repeat the flag for more
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_file)]
    report: Vec<(TestFormat, PathBuf)>,
    /// Change the expectations of the suites so that they pass, and show the changes
    #[arg(long, conflicts_with_all = ["fail_fast", "mutate", "watch"])]
    update: bool,
    /// Run again when a file of tests or of policies changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// The number of threads; default: one for each available processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

const AFTER_HELP: &str = "\
A suite is in the policy directory that it tests, or names another with `policies`:

  suite = \"terway workers\"
  now = \"2026-01-01T00:00:00Z\"    # the frozen clock; this is the default
  [defaults]
  region = \"cn-hangzhou\"
  context = { \"acs:SourceIp\" = \"10.0.0.1\" }

  [[case]]
  name = \"a worker attaches its own ENI\"
  principal = \"role/terway\"       # principals, enis, instances, regions: a matrix
  eni = \"eni-own\"
  instance = \"i-node\"
  expect = \"allow\"                # implicit-deny, explicit-deny, deny, refused; or a list of cells
  decided_by = [\"terway#0\"]       # exactly; and layer, status, code

A case may also have parameters, operation, context, resources, now, session_policy, use (of [fixtures.NAME]) and skip.

Exit status: 0 all passed, 1 a case failed, coverage is too low or a change was not noticed, 2 could not run, or
nothing ran.

Example: ramgate test policies --coverage --mutate --report junit=report.xml";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum TestFormat {
    #[default]
    Text,
    Json,
    /// JUnit XML
    Junit,
    /// Version 14
    Tap,
    /// Annotations of GitHub Actions
    Github,
}

/// The results of one run.
struct Run {
    tests: Tests,
    results: RunResults,
    mutation: Option<Mutation>,
    took: Duration,
    junit: JunitRun,
}

impl Test {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if self.watch {
            return watch::watch(&self);
        }
        if self.update {
            let run = self.execute()?;
            rewrite::rewrite(&run.tests.files, &run.results)?;
        }
        self.run_once()
    }

    fn run_once(&self) -> Result<Exit, Failure> {
        let run = self.execute()?;
        self.report(&run)?;
        self.exit(&run)
    }

    fn execute(&self) -> Result<Run, Failure> {
        let junit = JunitRun { began: now(), host: host_name() };
        let began = Instant::now();
        let tests = Tests::read(&self.paths)?;
        let filter = Filter::new(self.filter.iter().map(String::as_str));
        let threads = self.jobs.map(usize::from).or_else(|| available_parallelism().ok().map(Into::into)).unwrap_or(1);
        let progress = Progress::new("tests");
        let results = run(
            &tests.files,
            &RunOptions {
                filter: &filter,
                fail_fast: self.fail_fast,
                threads,
                clock: &|| began.elapsed(),
                progress: &|done, of| progress.tell(done, of),
            },
        );
        progress.end();
        let took = began.elapsed();
        if results.tests.is_empty() {
            let filters = self.filter.iter().map(|filter| format!("`{filter}`")).collect::<Vec<_>>().join(", ");
            let what = format!("no test matches the filter {filters}");
            return Err(Failure::new(what, "`ramgate test` without `--filter` runs all"));
        }
        if Counts::of(&results.tests).run() == 0 {
            return Err(Failure::new("every test is skipped, so nothing was tested", "remove a `skip`"));
        }
        let mutation = self.mutation(&tests.files, &results, threads)?;
        Ok(Run { tests, results, mutation, took, junit })
    }

    fn mutation(&self, files: &[TestFile], results: &RunResults, threads: usize) -> Result<Option<Mutation>, Failure> {
        let measured = self.coverage || self.min_coverage.is_some() || self.mutate;
        if measured && results.coverage.statements.is_empty() {
            let what = "no suite uses a policy directory with an attached statement";
            let help = "name a suite (`*.test.toml`): case files have no coverage and no mutation score";
            return Err(Failure::new(what, help));
        }
        let failed = Counts::of(&results.tests).failed > 0;
        if !self.mutate || failed {
            return Ok(None);
        }
        let progress = Progress::new("changes");
        let mutation = mutate(files, results, threads, &|done, of| progress.tell(done, of));
        progress.end();
        Ok(Some(mutation))
    }

    fn report(&self, run: &Run) -> Result<(), Failure> {
        let printed = self.formatted(self.format, run);
        if self.format == TestFormat::Text {
            rewrite::print_painted(&printed);
        } else {
            say!("{printed}");
        }
        for (format, path) in &self.report {
            let text = format!("{}\n", self.formatted(*format, run));
            replace_file(path, &text).map_err(|error| {
                let what = format!("the report `{}` cannot be written: {error}", path.display());
                Failure::new(what, "name a file in a folder that exists and is writable")
            })?;
        }
        Ok(())
    }

    fn formatted(&self, format: TestFormat, run: &Run) -> String {
        let listed = self.coverage || self.min_coverage.is_some();
        let report = Report {
            ran: &run.results,
            took: run.took,
            coverage: if listed { Listing::Listed } else { Listing::Counted },
            mutation: run.mutation.as_ref(),
        };
        match format {
            TestFormat::Text => format!("{}{}", text(&report), summary(&report)),
            TestFormat::Json => json_document(json(&report)),
            TestFormat::Junit => junit(&report, &run.junit),
            TestFormat::Tap => tap(&report),
            TestFormat::Github => github(&report),
        }
    }

    fn exit(&self, run: &Run) -> Result<Exit, Failure> {
        let counts = Counts::of(&run.results.tests);
        if counts.broken > 0 {
            return Ok(Exit::CouldNotRun);
        }
        let mut exit = if counts.failed > 0 { Exit::No } else { Exit::Yes };
        if self.mutate && counts.failed > 0 {
            tell!("`--mutate` was skipped: only suites that pass can notice a change");
        }
        if let Some(wanted) = self.min_coverage {
            let total = run.results.coverage.total();
            if !total.reaches(wanted) {
                tell!("coverage is {}%, below {wanted}%", total.percent().unwrap_or_default());
                exit = Exit::No;
            }
        }
        if let Some(mutation) = &run.mutation {
            let score = mutation.score();
            if score.of == 0 {
                let what = "no change of the policies changes the verdict on any call that was tried";
                return Err(Failure::new(what, "attach policies that allow something"));
            }
            if !score.reaches(self.min_score.unwrap_or(100)) {
                if let Some(wanted) = self.min_score {
                    tell!("the mutation score is {}%, below {wanted}%", score.percent().unwrap_or_default());
                }
                exit = Exit::No;
            }
        }
        Ok(exit)
    }
}

/// Parses a report argument such as `junit=report.xml`.
fn report_file(text: &str) -> Result<(TestFormat, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or("write `FORMAT=FILE`, such as `junit=report.xml`")?;
    let format = <TestFormat as clap::ValueEnum>::from_str(format, false)
        .map_err(|_| format!("unknown format `{format}`: write `text`, `json`, `junit`, `tap` or `github`"))?;
    if path.is_empty() { Err("the name of the file is empty".to_owned()) } else { Ok((format, path.into())) }
}
