//! The cost of a suite of ten thousand cases, and of mutating a hundred statements under a thousand cases. The counter
//! shows cases, or mutants, per second.

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use ram_policy::Source;
use ramgate::store::{AttributeSource, load_directories};
use ramgate::suite::{Environment, Filter, RunOptions, RunResults, SuiteFile, TestFile, TestedDocument, mutate, run};

const STATEMENTS: usize = 100;

fn main() {
    divan::main();
}

/// Reading the suite, and resolving every name.
#[divan::bench(sample_count = 10)]
fn read(bencher: Bencher<'_, '_>) {
    let (environment, text) = (environment(), suite(10_000));
    bencher.counter(ItemsCount::new(10_000_usize)).bench_local(|| bound(&environment, black_box(&text)));
}

/// Judging every case, and measuring coverage.
#[divan::bench(args = [1, 2], sample_count = 10)]
fn judge(bencher: Bencher<'_, '_>, threads: usize) {
    let files = [bound(&environment(), &suite(10_000))];
    bencher.counter(ItemsCount::new(10_000_usize)).bench_local(|| judged(black_box(&files), threads));
}

/// Mutating a hundred statements, one place at a time, and running a thousand cases for each mutant.
#[divan::bench(args = [1, 2], sample_count = 3)]
fn change(bencher: Bencher<'_, '_>, threads: usize) {
    let files = [bound(&environment(), &suite(1000))];
    let ran = judged(&files, 1);
    let of = |threads| mutate(&files, &ran, threads, &|_, _| {});
    let mutation = of(2);
    let changes = mutation.killed + mutation.survivors.len() + mutation.equivalent.len();
    bencher.counter(ItemsCount::new(changes)).bench_local(|| of(black_box(threads)));
}

fn judged(files: &[TestFile], threads: usize) -> RunResults {
    let running = RunOptions {
        filter: &Filter::default(),
        fail_fast: false,
        threads,
        clock: &|| Duration::ZERO,
        progress: &|_, _| {},
    };
    let ran = run(files, &running);
    assert!(ran.tests.iter().all(|tested| !tested.failed()), "every case passes");
    ran
}

/// Ten roles with ten statements each.
fn environment() -> Arc<Environment> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("it can be written");
    let mut account = String::from("account = \"1234567890123456\"\n");
    for document in 0..10 {
        let _ = write!(account, "[roles.r{document}]\npolicies = [\"p{document}\"]\n");
        let statement = |it: usize| {
            format!(
                r#"{{"Effect":"Allow","Action":"ecs:AttachNetworkInterface","Resource":["acs:ecs:cn-hangzhou:*:eni/eni-{it}x*","acs:ecs:cn-hangzhou:*:instance/i-{it}x*"],"Condition":{{"IpAddress":{{"acs:SourceIp":"10.0.0.0/8"}}}}}}"#
            )
        };
        let all: Vec<_> = (0..STATEMENTS / 10).map(statement).collect();
        write(&format!("p{document}.json"), &format!(r#"{{"Version":"1","Statement":[{}]}}"#, all.join(",")));
    }
    write("account.toml", &account);
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let loaded = load_directories(&[folder.path().to_owned()], AttributeSource::Question, now).expect("it loads");
    let documents = loaded.documents.into_iter();
    let tested = documents.map(|it| TestedDocument { document: it.document, source: it.source, attached: it.attached });
    Arc::new(Environment::new(loaded.directory, loaded.inventory, tested.collect()))
}

fn suite(cases: usize) -> String {
    let mut text = String::from("[defaults]\nregion = \"cn-hangzhou\"\n");
    for case in 0..cases {
        let (role, it) = (case % 10, case / 10 % (STATEMENTS / 10));
        let inside = (case / STATEMENTS).is_multiple_of(2);
        let (address, expect) = if inside { ("10.1.2.3", "allow") } else { ("192.0.2.1", "implicit-deny") };
        let _ = write!(
            text,
            "[[case]]\nname = \"{case}\"\nprincipal = \"role/r{role}\"\neni = \"eni-{it}xa\"\ninstance = \"i-{it}xa\"\n\
             context = {{ \"acs:SourceIp\" = \"{address}\" }}\nexpect = \"{expect}\"\n"
        );
    }
    text
}

fn bound(environment: &Arc<Environment>, text: &str) -> TestFile {
    let file = SuiteFile::read("large", Source::new("large.test.toml", text)).expect("a suite");
    TestFile::Suite(file.bind(Arc::clone(environment)).expect("every name is there"))
}
