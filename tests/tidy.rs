//! Checks the house rules of CONTRIBUTING.md that need only the sources: layers, module documentation, reserved APIs,
//! the files of the catalogue, and citations of `docs/spec`.
#![allow(clippy::unwrap_used, reason = "a test that cannot continue panics")]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/language.rs"]
mod language;
#[path = "tidy/spec_citations.rs"]
mod spec_citations;

use std::fs;
use std::path::{Path, PathBuf};

/// Lower first; a module imports only from layers below its own.
const LAYERS: [&[&str]; 8] = [
    &["ram", "text"],
    &["wire", "catalog", "budget"],
    &["identity", "pdp", "envelope"],
    &["audit", "config", "suite", "lint"],
    &["store", "simulator"],
    &["gateway", "replay"],
    &["serve"],
    &["cli"],
];

/// APIs that only some modules may use, with these modules.
const RESERVED: [(&str, &[&str]); 13] = [
    ("globset", &[]),
    ("hyper::", &["src/gateway", "src/simulator", "src/cli"]),
    ("hyper_util::", &["src/gateway", "src/simulator", "src/cli"]),
    ("tokio::", &["src/gateway", "src/simulator", "src/serve", "src/cli"]),
    ("env::var", &["src/config", "src/cli"]),
    ("Timestamp::now", &["src/gateway", "src/simulator", "src/cli"]),
    ("SystemTime", &["src/gateway", "src/simulator", "src/cli"]),
    ("Instant::now", &["src/gateway", "src/simulator", "src/cli"]),
    ("File::open", &["src/store", "src/audit/read", "src/audit/write/file"]),
    ("OpenOptions", &["src/store", "src/audit/write/file"]),
    ("fs::", &["src/store", "src/audit/read", "src/audit/write/file"]),
    // For hash tables only: ids and nonces come from the cryptographic generator.
    ("RandomState", &["src/budget/table.rs"]),
    ("unwrap_or_else(|_| panic", &[]),
];

/// The layers of the engine. A file beside `lib.rs` is a module too.
const ENGINE_LAYERS: [&[&str]; 7] = [
    &["diagnostic", "name"],
    &["context"],
    &["language"],
    &["document"],
    &["judge"],
    &["explain"],
    &["compare", "trust"],
];

/// APIs that the engine must not use, except in its tests: it has no I/O, no clock and no threads.
const NOT_IN_THE_ENGINE: [&str; 11] = [
    "std::fs",
    "std::env",
    "TcpStream",
    "UdpSocket",
    "std::io",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "tracing",
];

const ENGINE: &str = "crates/ram-policy/src";

const LONGEST_FILE: usize = 400;

#[test]
fn every_module_has_a_layer() {
    let rooms = rooms();
    let listed: Vec<&str> = LAYERS.iter().flat_map(|layer| layer.iter().copied()).collect();
    for room in &rooms {
        assert!(listed.contains(&room.as_str()), "`{room}` has no layer: add it to the table here and in src/lib.rs");
    }
    assert_eq!(rooms.len(), listed.len(), "the table names a module that does not exist");
    let map = fs::read_to_string("src/lib.rs").unwrap();
    for (number, layer) in LAYERS.iter().enumerate() {
        let row = map.lines().find(|line| line.starts_with(&format!("//! | {number} |"))).unwrap();
        for module in *layer {
            assert!(row.contains(&format!("[`{module}`]")), "the map in src/lib.rs lacks `{module}` in layer {number}");
        }
    }
}

#[test]
fn a_module_imports_only_from_layers_below_its_own() {
    let mut wrong = Vec::new();
    for room in rooms() {
        for path in sources(&Path::new("src").join(&room)) {
            let text = without_comments_and_tests(&path);
            for other in imported(&text).filter(|other| *other != room) {
                if layer_of(other) >= layer_of(&room) {
                    wrong.push(format!("{}: `{room}` imports `{other}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_module_of_the_engine_imports_only_from_layers_below_its_own() {
    let layer = |room: &str| ENGINE_LAYERS.iter().position(|layer| layer.contains(&room));
    let mut wrong = Vec::new();
    for path in sources(Path::new(ENGINE)) {
        let inside = path.strip_prefix(ENGINE).unwrap();
        let room = inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        if room == "lib" {
            continue;
        }
        let own = layer(&room).unwrap_or_else(|| panic!("`{room}` has no layer"));
        let text = without_comments_and_tests(&path);
        for other in imported(&text).filter(|other| *other != room) {
            if layer(other).is_none_or(|layer| layer >= own) {
                wrong.push(format!("{}: `{room}` imports `{other}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_engine_does_no_io_and_reads_no_clock() {
    for path in sources(Path::new(ENGINE)) {
        let text = without_comments_and_tests(&path);
        for word in NOT_IN_THE_ENGINE {
            assert!(!text.contains(word), "{} names `{word}`", path.display());
        }
        let globs = path.ends_with("language/glob.rs");
        assert!(globs || !text.contains("globset"), "{} names `globset`", path.display());
    }
}

#[test]
fn the_layer_check_sees_every_form_of_import() {
    let text = "use crate::gateway::Gateway;\nlet x = crate::pdp::evaluate(y);\nuse crate::{ram::Arn, wire::Head};";
    assert_eq!(imported(text).collect::<Vec<_>>(), ["gateway", "pdp", "ram", "wire"]);
}

#[test]
fn every_file_begins_with_its_purpose() {
    for path in all_sources() {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! ") && first.len() > 12, "{} does not begin with its purpose", path.display());
    }
}

#[test]
fn every_module_says_what_it_must_not_know() {
    for room in rooms() {
        let text = fs::read_to_string(format!("src/{room}/mod.rs")).unwrap();
        let docs: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let paragraph =
            docs.iter().position(|line| *line == "//!").unwrap_or_else(|| panic!("{room} has one paragraph"));
        let second = docs[paragraph..]
            .iter()
            .map(|line| line.trim_start_matches("//!").trim())
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase();
        let says = ["must not know", "knows nothing"].iter().any(|words| second.contains(words));
        assert!(says, "src/{room}/mod.rs does not say what it must not know");
    }
}

#[test]
fn files_stay_small() {
    for path in all_sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", path.display());
    }
}

#[test]
fn reserved_apis_are_used_only_where_they_are_permitted() {
    let mut wrong = Vec::new();
    for path in sources(Path::new("src")) {
        let text = without_comments_and_tests(&path);
        for (word, places) in RESERVED {
            if text.contains(word) && !places.iter().any(|place| path.starts_with(place)) {
                wrong.push(format!("{} names `{word}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_vague_file_name_no_getter_prefix_and_no_unfinished_work() {
    for path in all_sources() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            !["utils", "util", "helpers", "helper", "manager", "common", "types", "misc"].contains(&name.as_str()),
            "{name}"
        );
        let text = without_comments_and_tests(&path);
        assert!(!text.contains("fn get_"), "{} has a `get_`", path.display());
        // `TODO` is part of TAP, so the file that writes TAP contains it.
        let text = if path.ends_with("report/tap.rs") { text.replace(" # TODO ", "") } else { text };
        for mark in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("] {
            assert!(!text.contains(mark), "{} holds unfinished work: {mark}", path.display());
        }
    }
}

#[test]
fn every_operation_file_is_bundled_under_its_own_name() {
    let bundled = fs::read_to_string("src/catalog/bundled.rs").unwrap();
    let mut count = 0;
    for entry in fs::read_dir("src/catalog/ecs").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let file: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(file["operation"], name.as_str(), "{}", path.display());
        assert_eq!(file["action"], format!("ecs:{name}").as_str(), "{}", path.display());
        assert!(!file["source"].as_str().unwrap().is_empty(), "{} does not cite a source", path.display());
        assert!(bundled.contains(&format!("\"{name}\",")), "{name} is not in bundled.rs");
        count += 1;
    }
    assert_eq!(count, 14);
}

fn rooms() -> Vec<String> {
    let mut rooms: Vec<String> = fs::read_dir("src")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    rooms.sort();
    rooms
}

/// The source files of both packages.
fn all_sources() -> Vec<PathBuf> {
    [Path::new("src"), Path::new(ENGINE)].into_iter().flat_map(sources).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text of a file without comments and inline tests, to which these rules do not apply.
fn without_comments_and_tests(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn layer_of(module: &str) -> usize {
    let found = LAYERS.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("`{module}` has no layer"))
}

/// The modules of this crate that a text names.
fn imported(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("crate::").flat_map(|(at, word)| {
        let rest = &text[at + word.len()..];
        let end = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split('}').next().unwrap_or_default();
                group.split(',').map(str::trim).map(|item| &item[..end(item)]).collect::<Vec<_>>()
            }
            None => vec![&rest[..end(rest)]],
        }
    })
}
