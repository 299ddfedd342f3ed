//! The worked cases of `docs/spec/ram-policy.md` 10, run by the code behind `ramgate test`.

use ram_policy::Source;
use ramgate::suite::{CaseFile, Expected, Outcome};

const CASES: &str = include_str!("../fixtures/cases/ram-decisions.cases.json");

fn cases() -> CaseFile {
    CaseFile::read("ram-decisions", &Source::new("ram-decisions.cases.json", CASES)).unwrap()
}

fn failures(sure: bool) -> (usize, Vec<String>) {
    let file = cases();
    let is_sure = |confidence: &str| ["documented", "documented-by-example", "seen"].contains(&confidence);
    let group: Vec<_> =
        file.cases.iter().filter(|case| (is_sure(&case.confidence) && !case.disputed) == sure).collect();
    let failed = group.iter().filter_map(|case| match case.run() {
        Outcome::Pass => None,
        other => Some(format!("{}: {other:?}", case.name)),
    });
    (group.len(), failed.collect())
}

/// Cases of behaviour that the vendor documents, shows by example, or was observed to have.
#[test]
fn every_case_of_known_behaviour_gets_the_expected_verdict() {
    let (count, failed) = failures(true);
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(count, 92);
}

/// Cases of undocumented or disputed behaviour, decided by the table of defaults in `docs/spec/ram-policy.md` 11.
#[test]
fn every_other_case_gets_the_verdict_of_the_table_of_defaults() {
    let (count, failed) = failures(false);
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(count, 18);
}

#[test]
fn the_cases_cover_every_verdict_and_every_layer() {
    let file = cases();
    for expected in [Expected::Allow, Expected::ImplicitDeny, Expected::ExplicitDeny, Expected::PolicyRejected] {
        assert!(file.cases.iter().any(|case| case.expect == expected), "{expected}");
    }
    for layer in
        ["ControlPolicy", "SessionPolicy", "AccountLevelIdentityBasedPolicy", "ResourceGroupLevelIdentityBasedPolicy"]
    {
        assert!(file.cases.iter().any(|case| case.layer.as_deref() == Some(layer)), "{layer}");
    }
}

/// Guards against a runner that does not compare.
#[test]
fn a_case_with_another_expectation_fails() {
    for case in cases().cases {
        let another = if case.expect == Expected::Allow { Expected::ExplicitDeny } else { Expected::Allow };
        let case = ramgate::suite::Case { expect: another, ..case };
        assert!(matches!(case.run(), Outcome::Fail { .. }), "{}", case.name);
    }
}
