//! `ramgate test`: decisions that must come out as they are written down.

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
    /// Files of tests, or directories that are searched for them
    #[arg(value_name = "PATH", default_value = "policies")]
    paths: Vec<PathBuf>,
    /// Run only what matches: a pattern (`*`, `?`) or a piece of the name, the suite or `SUITE / NAME`; with `suite=`,
    /// `name=`, `principal=`, `eni=` or `instance=` in front, of that. Repeat it for more: all must match
    #[arg(long, value_name = "GLOB")]
    filter: Vec<String>,
    /// Stop at the first failure
    #[arg(long)]
    fail_fast: bool,
    /// List what no case exercised, with file and line
    #[arg(long)]
    coverage: bool,
    /// Fail below so many percent of coverage
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Change the policies in one place after another, and list the changes that no case notices
    #[arg(long)]
    mutate: bool,
    /// With `--mutate`: fail only below so many percent of changes noticed
    #[arg(long, value_name = "N", requires = "mutate", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_score: Option<u8>,
    #[arg(long, value_enum, default_value_t)]
    format: TestFormat,
    /// Write a report to a file as well; repeat it for more
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_file)]
    report: Vec<(TestFormat, PathBuf)>,
    /// Show how the suites would have to change to pass, and write that into them
    #[arg(long, conflicts_with_all = ["fail_fast", "mutate", "watch"])]
    update: bool,
    /// Run again whenever a file of tests or of policies changes, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Threads; without it, as many as there are processors to use
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

const AFTER_HELP: &str = "\
A suite lies in the policy directory that it tests, or names another with `policies`:

  suite = \"terway workers\"
  now = \"2026-01-01T00:00:00Z\"    # the frozen clock; this one where it says nothing
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

Exit status: 0 all passed, 1 a case failed, too little coverage, a change not noticed, 2 could not run or nothing ran.

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

/// One run of everything, and how it ended.
struct Once {
    tests: Tests,
    ran: RunResults,
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
            let once = self.once()?;
            rewrite::rewrite(&once.tests.files, &once.ran)?;
        }
        self.run_once()
    }

    fn run_once(&self) -> Result<Exit, Failure> {
        let once = self.once()?;
        self.told(&once)?;
        self.judged(&once)
    }

    fn once(&self) -> Result<Once, Failure> {
        let junit = JunitRun { began: now(), host: host_name() };
        let began = Instant::now();
        let tests = Tests::read(&self.paths)?;
        let filter = Filter::new(self.filter.iter().map(String::as_str));
        let threads = self.jobs.map(usize::from).or_else(|| available_parallelism().ok().map(Into::into)).unwrap_or(1);
        let progress = Progress::new("tests");
        let ran = run(
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
        if ran.tests.is_empty() {
            let filters = self.filter.iter().map(|filter| format!("`{filter}`")).collect::<Vec<_>>().join(", ");
            let what = format!("no test matches the filter {filters}");
            return Err(Failure::new(what, "`ramgate test` without `--filter` runs all"));
        }
        if Counts::of(&ran.tests).run() == 0 {
            return Err(Failure::new("every test is skipped, so nothing was tested", "take a `skip` away"));
        }
        let mutation = self.mutation(&tests.files, &ran, threads)?;
        Ok(Once { tests, ran, mutation, took, junit })
    }

    fn mutation(&self, files: &[TestFile], ran: &RunResults, threads: usize) -> Result<Option<Mutation>, Failure> {
        let measured = self.coverage || self.min_coverage.is_some() || self.mutate;
        if measured && ran.coverage.statements.is_empty() {
            let what = "no suite is judged in a policy directory with an attached statement";
            return Err(Failure::new(what, "coverage and mutation are those of suites (`*.test.toml`)"));
        }
        let failed = Counts::of(&ran.tests).failed > 0;
        if !self.mutate || failed {
            return Ok(None);
        }
        let progress = Progress::new("changes");
        let mutation = mutate(files, ran, threads, &|done, of| progress.tell(done, of));
        progress.end();
        Ok(Some(mutation))
    }

    fn told(&self, once: &Once) -> Result<(), Failure> {
        let printed = self.formatted(self.format, once);
        if self.format == TestFormat::Text {
            rewrite::print_painted(&printed);
        } else {
            say!("{printed}");
        }
        for (format, path) in &self.report {
            let text = format!("{}\n", self.formatted(*format, once));
            replace_file(path, &text).map_err(|error| {
                let what = format!("the report `{}` cannot be written: {error}", path.display());
                Failure::new(what, "name a file in a folder that is there and can be written")
            })?;
        }
        Ok(())
    }

    fn formatted(&self, format: TestFormat, once: &Once) -> String {
        let listed = self.coverage || self.min_coverage.is_some();
        let report = Report {
            ran: &once.ran,
            took: once.took,
            coverage: if listed { Listing::Listed } else { Listing::Counted },
            mutation: once.mutation.as_ref(),
        };
        match format {
            TestFormat::Text => format!("{}{}", text(&report), summary(&report)),
            TestFormat::Json => json_document(json(&report)),
            TestFormat::Junit => junit(&report, &once.junit),
            TestFormat::Tap => tap(&report),
            TestFormat::Github => github(&report),
        }
    }

    fn judged(&self, once: &Once) -> Result<Exit, Failure> {
        let counts = Counts::of(&once.ran.tests);
        if counts.broken > 0 {
            return Ok(Exit::CouldNotRun);
        }
        let mut exit = if counts.failed > 0 { Exit::No } else { Exit::Yes };
        if self.mutate && counts.failed > 0 {
            tell!("the policies were not changed: only suites that pass can notice a change");
        }
        if let Some(wanted) = self.min_coverage {
            let total = once.ran.coverage.total();
            if !total.reaches(wanted) {
                tell!("coverage is {}%, below {wanted}%", total.percent().unwrap_or_default());
                exit = Exit::No;
            }
        }
        if let Some(mutation) = &once.mutation {
            let score = mutation.score();
            if score.of == 0 {
                let what = "no change of the policies makes a difference to any call that was tried";
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

/// `junit=report.xml`.
fn report_file(text: &str) -> Result<(TestFormat, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or("write `FORMAT=FILE`, such as `junit=report.xml`")?;
    let format = <TestFormat as clap::ValueEnum>::from_str(format, false)
        .map_err(|_| format!("`{format}` is no format: write `text`, `json`, `junit`, `tap` or `github`"))?;
    if path.is_empty() { Err("the file has no name".to_owned()) } else { Ok((format, path.into())) }
}
