//! Reads a folder of third-party RAM documents with an `index.tsv`, and reports which load as expected.
//!
//! `cargo run --example corpus -- DIR`. Exits with 1 if a document loads that RAM would refuse, or if one is refused
//! under a title that RAM does not have. Counts the findings of the linter in documents that load, by rule.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use ram_policy::{Document, Source};
use ramgate::lint::lint_document;

/// The titles of RAM's own errors (`docs/spec/ram-policy.md` 1.5).
const TITLES: [&str; 12] = [
    "Data type mismatch",
    "Invalid action format",
    "Invalid ARN prefix",
    "Invalid condition key format",
    "Invalid condition multiple Boolean",
    "Invalid condition operator",
    "Invalid effect",
    "Invalid policy element",
    "Invalid version",
    "Json syntax error",
    "Missing action",
    "Missing ARN field",
];

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: corpus DIR");
        return ExitCode::from(2);
    };
    match check(Path::new(&folder)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::from(2)
        }
    }
}

fn check(folder: &Path) -> std::io::Result<usize> {
    let index = std::fs::read_to_string(folder.join("index.tsv"))?;
    let mut rows = index.lines();
    let head: Vec<&str> = rows.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| head.iter().position(|column| *column == name).unwrap_or(usize::MAX);
    let (file, kind, expect) = (column("file"), column("kind"), column("expect"));
    let (mut loaded, mut refused, mut failed) = (0, 0, 0);
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let row: Vec<&str> = row.split('\t').collect();
        let cell = |at: usize| row.get(at).copied().unwrap_or_default();
        let path = folder.join(cell(file));
        let identity = matches!(cell(kind), "identity" | "control" | "malformed");
        if !identity || !path.exists() {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        let source = Source::new(cell(file), text);
        let verdict = match Document::parse("corpus", &source) {
            Ok(_) if cell(expect) == "reject" => Err("loads, but must be refused".to_owned()),
            Ok(document) => {
                for finding in lint_document(&document, &source) {
                    *found.entry(finding.rule.id).or_default() += 1;
                }
                Ok(&mut loaded)
            }
            Err(diagnostics) => {
                match diagnostics.iter().find(|it| !TITLES.iter().any(|title| it.title.starts_with(title))) {
                    Some(diagnostic) => Err(format!("is refused under a title that RAM does not have: {diagnostic}")),
                    None => Ok(&mut refused),
                }
            }
        };
        match verdict {
            Ok(count) => *count += 1,
            Err(what) => {
                failed += 1;
                println!("{} {what}", cell(file));
            }
        }
    }
    for (rule, count) in found {
        println!("{count:5} {rule}");
    }
    println!("{loaded} loaded, {refused} refused under RAM's titles, {failed} failed");
    Ok(failed + usize::from(loaded + refused == 0))
}
