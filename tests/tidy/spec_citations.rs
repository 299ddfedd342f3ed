//! Citations of `docs/spec`: each names an existing page and section.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "docs/spec/";

/// A placeholder for any page, in texts that explain how pages are cited.
const PLACEHOLDER: &str = "FILE.md";

/// Folders with build output, third-party files, and inputs that are not text.
const SKIPPED: [&str; 7] = ["target", ".git", "seeds", "crashes", "corpus", "artifacts", "node_modules"];

/// Extensions of the files whose citations are checked.
const CHECKED: [&str; 5] = ["rs", "md", "json", "toml", "sh"];

/// A page and the sections of it that a text names.
#[derive(Debug, PartialEq, Eq)]
struct Citation {
    page: String,
    sections: Vec<String>,
}

#[test]
fn every_citation_names_an_existing_section() {
    let pages = pages();
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in texts(Path::new(".")) {
        let text = fs::read_to_string(&path).unwrap();
        for citation in citations(&text).iter().filter(|citation| citation.page != PLACEHOLDER) {
            count += 1;
            match pages.get(&citation.page) {
                None => wrong.push(format!("{}: `{FOLDER}{}` does not exist", path.display(), citation.page)),
                Some(known) => {
                    for section in citation.sections.iter().filter(|section| !known.contains(*section)) {
                        let page = &citation.page;
                        wrong.push(format!("{}: `{FOLDER}{page}` has no section {section}", path.display()));
                    }
                }
            }
        }
        if let Some(old) = outside_the_folder(&text) {
            wrong.push(format!("{}: `{old}` is cited without its folder: write `{FOLDER}…`", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 100, "only {count} citations were found: are they still written as `{FOLDER}FILE.md` N.M?");
}

#[test]
fn the_pages_name_files_that_exist() {
    let mut wrong = Vec::new();
    for page in pages().keys() {
        let text = fs::read_to_string(format!("{FOLDER}{page}")).unwrap();
        // Every second part is between back-ticks.
        for quoted in text.split('`').skip(1).step_by(2) {
            let ours = ["src/", "tests/", "crates/", "schema/", "samples/"].iter().any(|root| quoted.starts_with(root));
            if ours && !Path::new(quoted).exists() {
                wrong.push(format!("{FOLDER}{page}: `{quoted}` does not exist"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn citations_are_recognized_in_every_form_that_comments_use() {
    for (text, expected) in [
        ("(`docs/spec/ram-policy.md` 4.3)", vec!["4.3"]),
        ("`docs/spec/ram-policy.md` 2, 3.1, 4.2.", vec!["2", "3.1", "4.2"]),
        ("`docs/spec/ecs-eni.md` C.1 and C.4: a line", vec!["C.1", "C.4"]),
        ("`docs/spec/ram-policy.md` 1.1-1.3", vec!["1.1", "1.3"]),
        ("`docs/spec/wire-protocol.md` 8, rows 4, 5 and 26 to 28", vec!["8"]),
        ("`docs/spec/wire-protocol.md` 4.4 e", vec!["4.4"]),
        ("a long line (`docs/spec/wire-protocol.md`\n    /// 5.2 and\n    /// 5.3)", vec!["5.2", "5.3"]),
        ("docs/spec/sdk-behaviour.md 3", vec!["3"]),
        ("see `docs/spec/ram-policy.md`. A caller", vec![]),
    ] {
        let found = citations(text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].sections, expected, "{text}");
    }
    let bare = concat!("sp", "ec/ram-policy.md");
    assert_eq!(outside_the_folder(&format!("(`{bare}` 4.3)")), Some(bare));
    assert_eq!(outside_the_folder("`docs/spec/ram-policy.md`, `rfc-spec/x`, inspect"), None);
}

/// The pages, each with the section numbers of its headings.
fn pages() -> BTreeMap<String, BTreeSet<String>> {
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let headings = text.lines().filter(|line| line.starts_with('#'));
        let numbers = headings.filter_map(|line| section(line.trim_start_matches('#').trim_start()));
        let numbers = numbers.map(|(number, _)| number.to_owned()).collect();
        pages.insert(path.file_name().unwrap().to_string_lossy().into_owned(), numbers);
    }
    pages
}

fn texts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            if !SKIPPED.contains(&name.as_str()) {
                found.extend(texts(&path));
            }
        } else if path.extension().is_some_and(|extension| CHECKED.iter().any(|checked| extension == *checked)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn citations(text: &str) -> Vec<Citation> {
    let joined = text.lines().map(without_comment_mark).collect::<Vec<_>>().join(" ");
    let found = joined.match_indices(FOLDER).filter_map(|(at, _)| {
        let rest = &joined[at + FOLDER.len()..];
        let end = page_end(rest)?;
        let mut after = rest[end..].trim_start_matches('`');
        let mut sections = Vec::new();
        while let Some(at) = separator(after, sections.is_empty()) {
            let Some((number, rest)) = section(&after[at..]) else { break };
            sections.push(number.to_owned());
            after = rest;
        }
        Some(Citation { page: rest[..end].to_owned(), sections })
    });
    found.collect()
}

/// A line without its comment mark, because a citation can continue on the next line.
fn without_comment_mark(line: &str) -> &str {
    let line = line.trim();
    ["///", "//!", "//", "#"].iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line).trim_start()
}

/// The length of the page name at the start of a text.
fn page_end(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))?;
    text[end..].starts_with(".md").then_some(end + ".md".len())
}

/// The length of the separator at the start of a text: before the first section, or between two sections.
fn separator(text: &str, first: bool) -> Option<usize> {
    let known: &[&str] = if first { &[" "] } else { &[", ", " and ", " to ", "-"] };
    known.iter().find(|known| text.starts_with(**known)).map(|known| known.len())
}

/// The section number at the start of a text (`4`, `4.3` or `C.1`), and the rest of the text.
fn section(text: &str) -> Option<(&str, &str)> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let lettered = text.starts_with(|c: char| c.is_ascii_uppercase());
    let mut end = if lettered { 1 } else { digits(text) };
    let subsection = text[end..].strip_prefix('.').map_or(0, digits);
    if subsection > 0 {
        end += 1 + subsection;
    } else if lettered || end == 0 {
        return None;
    }
    Some((&text[..end], &text[end..]))
}

/// A page that is cited without its folder.
fn outside_the_folder(text: &str) -> Option<&str> {
    text.match_indices("spec/").find_map(|(at, word)| {
        let before = text[..at].chars().next_back();
        let bare = before.is_none_or(|c| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.')));
        let end = page_end(&text[at + word.len()..])?;
        bare.then(|| &text[at..at + word.len() + end])
    })
}
