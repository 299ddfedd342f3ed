//! `--watch`: runs the tests again when a file of tests or of policies changes.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::gateway::now;

use super::super::exit::{Exit, Failure};
use super::Test;
use super::files::Tests;

/// How long no event must arrive before the tests run. An editor causes several events when it saves a file.
const SETTLED: Duration = Duration::from_millis(80);

pub(super) fn watch(test: &Test) -> Result<Exit, Failure> {
    let cannot =
        |error: notify::Error| Failure::new(format!("files cannot be watched: {error}"), "run without `--watch`");
    let (sender, changes) = channel();
    let notify_of = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| matters(&event)) {
            // Fails only while the program ends.
            let _ = sender.send(());
        }
    };
    let mut watcher = notify::recommended_watcher(notify_of).map_err(cannot)?;
    let mut watched: Vec<PathBuf> = Vec::new();
    loop {
        let directories = Tests::read(&test.paths).map(|tests| tests.directories).unwrap_or_default();
        for path in test.paths.iter().chain(&directories) {
            add(&mut watcher, &mut watched, path).map_err(cannot)?;
        }
        if let Err(failure) = test.run_once() {
            failure.print();
        }
        tell!(
            "watching {}; Ctrl-C stops",
            watched.iter().map(|it| it.display().to_string()).collect::<Vec<_>>().join(", ")
        );
        if !changed(&changes) {
            return Ok(Exit::CouldNotRun);
        }
        tell!("\n{:.0}", now());
    }
}

/// Watches a folder with its subfolders. For a file, watches its folder, because many editors replace a file when they
/// save it.
fn add(watcher: &mut RecommendedWatcher, watched: &mut Vec<PathBuf>, path: &Path) -> notify::Result<()> {
    let parent = || path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (folder, mode) = match path.is_dir() {
        true => (path, RecursiveMode::Recursive),
        false => (parent(), RecursiveMode::NonRecursive),
    };
    if !watched.iter().any(|known| known == folder) {
        watcher.watch(folder, mode)?;
        watched.push(folder.to_owned());
    }
    Ok(())
}

fn matters(event: &notify::Event) -> bool {
    let read = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml" || extension == "json");
    !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(read)
}

/// Waits for a change and until it has settled. Returns false if the watcher has ended.
fn changed(changes: &Receiver<()>) -> bool {
    if changes.recv().is_err() {
        return false;
    }
    while changes.recv_timeout(SETTLED).is_ok() {}
    true
}
