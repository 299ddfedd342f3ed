//! Runs every fuzz target on its committed seeds and on inputs that failed in the past.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn every_target_holds_on_its_seeds_and_past_crashes() {
    let mut broken = Vec::new();
    for (name, target) in targets::TARGETS {
        let seeds = inputs(&Path::new("fuzz/seeds").join(name));
        assert!(seeds.len() >= 3, "`{name}` has {} seeds", seeds.len());
        for path in seeds.into_iter().chain(inputs(&Path::new("fuzz/crashes").join(name))) {
            let data = fs::read(&path).unwrap();
            if catch_unwind(AssertUnwindSafe(|| target(&data))).is_err() {
                broken.push(path);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_target_has_a_binary() {
    let manifest = fs::read_to_string("fuzz/Cargo.toml").unwrap();
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "`{name}` is not in fuzz/Cargo.toml");
        let main = fs::read_to_string(format!("fuzz/fuzz_targets/{name}.rs")).unwrap();
        assert!(main.contains(&format!("run(\"{name}\", data)")), "`{name}` runs another target");
    }
    assert_eq!(fs::read_dir("fuzz/fuzz_targets").unwrap().count(), targets::TARGETS.len());
}

/// The files of a folder, sorted. Empty if the folder does not exist.
fn inputs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}
