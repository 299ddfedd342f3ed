//! `docs/configuration.md` lists exactly the keys that the program reads, and the examples of all documents load.

use std::collections::BTreeSet;
use std::path::Path;

use ram_policy::Source;
use ramgate::config::Settings;

use crate::keys::{self, Keys};
use crate::markdown::{self, Document, cells, code_spans};

const TABLES: &str = "docs/configuration.md";

/// A chapter of the document. It describes one file.
struct Chapter {
    name: String,
    keys: BTreeSet<String>,
}

#[test]
fn every_key_has_a_row_and_every_row_a_key() {
    let (mut chapters, mut wrong) = (chapters(), Vec::new());
    for file in keys::files() {
        let in_common = |chapter: &Chapter| chapter.keys.intersection(&file.keys).count();
        let nearest = (0..chapters.len()).max_by_key(|at| in_common(&chapters[*at]));
        let Some(nearest) = nearest.filter(|at| in_common(&chapters[*at]) * 2 > file.keys.len()) else {
            wrong.push(format!("no chapter describes the file that is read into {}", file.of));
            continue;
        };
        compare(&chapters.swap_remove(nearest), &file, &mut wrong);
    }
    wrong.extend(chapters.iter().map(|chapter| format!("no file has the keys of chapter {}", chapter.name)));
    assert!(wrong.is_empty(), "{TABLES} and the sources differ:\n{}", wrong.join("\n"));
}

fn compare(chapter: &Chapter, file: &Keys, wrong: &mut Vec<String>) {
    let Chapter { name, keys } = chapter;
    wrong.extend(file.keys.difference(keys).map(|key| format!("{name}: `{key}` of {} has no row", file.of)));
    let unknown = keys.difference(&file.keys).filter(|key| !file.sections.contains(*key));
    wrong.extend(unknown.map(|key| format!("{name}: no key `{key}` in {}", file.of)));
}

#[test]
fn the_keys_of_the_sources_are_found() {
    // Without this check, a broken search for keys would make the test above compare nothing.
    let files = keys::files();
    let all: BTreeSet<&str> = files.iter().flat_map(|file| &file.keys).map(String::as_str).collect();
    for known in [
        "schema",
        "upstream.key.secret_file",
        "identity.issuer.credentials.uri.from",
        "identity.jwt.principals.sub",
        "limits.source.refused_lines",
        "access_key.secret_env",
        "users.*.scoped.resource_group",
        "*.tags",
        "case.expect",
        "case.expect.is",
        "fixtures.*.resources.*.tags",
        "case.use",
        "policies.document",
        "eni.network_card_index",
        "ignore.rule",
    ] {
        assert!(all.contains(known), "`{known}` is not among {all:#?}");
    }
    assert!(files.len() >= 9, "{:?}", files.iter().map(|file| &file.of).collect::<Vec<_>>());
}

#[test]
fn the_examples_of_a_configuration_can_be_read() {
    let mut wrong = Vec::new();
    for document in markdown::with_commands() {
        for block in document.blocks().iter().filter(|block| block.language == "toml") {
            if !block.lines.first().is_some_and(|line| line.starts_with("# ramgate.toml")) {
                continue;
            }
            let mut text = block.lines.join("\n");
            if !text.contains("[upstream]") {
                text.push_str("\n[upstream]\nurl = \"simulator\"\n");
            }
            let place = format!("{}:{}", document.path.display(), block.line);
            if let Err(found) = Settings::read(&Source::new(place, text), Path::new("")) {
                wrong.extend(found.iter().map(ToString::to_string));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One row of a table.
pub(crate) struct Row {
    /// Empty, or ending in a dot.
    pub(crate) section: String,
    pub(crate) key: String,
    /// The default, if the cell is just one text in back-ticks.
    pub(crate) default: Option<String>,
}

/// The rows of a chapter. A row of a table about several sections is returned once for each.
pub(crate) fn rows(wanted: &str) -> Vec<Row> {
    let of_chapter = |(chapter, row)| (chapter == wanted).then_some(row);
    all_rows().into_iter().filter_map(of_chapter).collect()
}

fn chapters() -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> = Vec::new();
    for (name, Row { section, key, .. }) in all_rows() {
        if chapters.last().is_none_or(|chapter| chapter.name != name) {
            chapters.push(Chapter { name, keys: BTreeSet::new() });
        }
        let chapter = chapters.last_mut().unwrap();
        let path = format!("{section}{key}");
        assert!(chapter.keys.insert(path.clone()), "{}: `{path}` has two rows", chapter.name);
    }
    chapters
}

/// All rows, each with the name of its chapter.
fn all_rows() -> Vec<(String, Row)> {
    let (mut rows, mut chapter, mut sections) = (Vec::new(), String::new(), Vec::new());
    // The columns with defaults of the current table: one, or one for each section.
    let mut defaults: Option<Vec<usize>> = None;
    let document = Document::read(TABLES);
    for line in document.prose() {
        if let Some(heading) = line.strip_prefix("## ") {
            chapter = code_spans(heading).first().map_or(heading, |name| name).to_owned();
        } else if let Some(heading) = line.strip_prefix("### ") {
            sections = code_spans(heading).into_iter().filter_map(section).collect();
            if sections.is_empty() {
                sections.push(String::new());
            }
        }
        let Some(cells) = cells(line) else {
            defaults = None;
            continue;
        };
        let Some(defaults) = &defaults else {
            let named = |(at, cell): (usize, &String)| cell.starts_with("default").then_some(at);
            defaults = (cells[0] == "key").then(|| cells.iter().enumerate().filter_map(named).collect());
            continue;
        };
        for (number, section) in sections.iter().enumerate() {
            let default = &cells[*defaults.get(number).unwrap_or(&defaults[0])];
            let default = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
            let default = default.filter(|text| !text.contains('`')).map(str::to_owned);
            for key in code_spans(&cells[0]) {
                let row = Row { section: section.clone(), key: key.to_owned(), default: default.clone() };
                rows.push((chapter.clone(), row));
            }
        }
    }
    rows
}

/// `upstream.key.` for `[[upstream.key]]`. A name that users choose is in capitals or quotation marks, and becomes `*`.
fn section(heading: &str) -> Option<String> {
    let path = heading.strip_prefix('[')?.trim_matches(['[', ']']);
    let made_up = |part: &str| part.starts_with('"') || part.chars().all(|it| it.is_ascii_uppercase());
    let part = |part: &str| if made_up(part) { "*.".to_owned() } else { format!("{part}.") };
    Some(path.split('.').map(part).collect())
}
