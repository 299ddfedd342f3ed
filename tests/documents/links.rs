//! Links between the documents, and the paths that they name, have existing targets.

use std::path::Path;

use crate::markdown::{self, Document, code_spans};

/// How a text in back-ticks begins if it is a path of this repository.
const FOLDERS: [&str; 8] = ["src/", "crates/", "tests/", "schema/", ".ci/", "fuzz/", "demo/", "samples/"];
/// Invented names in recipes.
const MADE_UP: [&str; 4] = ["NAME", "StopInstance", "deny-all", "…"];

#[test]
fn every_link_has_an_existing_target() {
    let mut wrong = Vec::new();
    for document in markdown::all() {
        let folder = document.path.parent().unwrap_or(Path::new(""));
        for target in links(&document) {
            let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            if file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let path = if file.is_empty() { document.path.clone() } else { folder.join(file) };
            let found = path.exists() && anchor.is_none_or(|anchor| anchors(&path).iter().any(|it| it == anchor));
            if !found {
                wrong.push(format!("{}: `{target}` does not exist", document.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_path_in_the_documents_exists() {
    let mut wrong = Vec::new();
    for document in markdown::all().into_iter().filter(|document| !document.path.ends_with("CHANGELOG.md")) {
        for span in document.prose().into_iter().flat_map(code_spans) {
            let is_path = FOLDERS.iter().any(|folder| span.starts_with(folder)) && !span.contains(' ');
            if is_path && !MADE_UP.iter().any(|name| span.contains(name)) && !Path::new(span).exists() {
                wrong.push(format!("{}: `{span}` does not exist", document.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn links(document: &Document) -> Vec<&str> {
    let lines = document.prose().into_iter();
    lines.flat_map(|line| line.split("](").skip(1).filter_map(|rest| rest.split(')').next())).collect()
}

/// The anchors of a document's headings, as GitHub generates them: lower case, only letters, digits, `-` and `_`, with
/// blanks as `-`.
fn anchors(path: &Path) -> Vec<String> {
    let document = Document::read(path);
    let headings = document.prose().into_iter().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
        kept.map(|it| if it == ' ' { '-' } else { it }).collect()
    };
    let mut found: Vec<String> = Vec::new();
    for anchor in headings.map(anchor) {
        let twins = found.iter().filter(|it| **it == anchor || it.starts_with(&format!("{anchor}-"))).count();
        found.push(if found.contains(&anchor) { format!("{anchor}-{twins}") } else { anchor });
    }
    found
}
