//! Coloured output for terminals, and the changes that `--update` makes.

use std::io::{IsTerminal, stdout};
use std::path::Path;

use similar::TextDiff;

use crate::config::environment;
use crate::store::replace_file;
use crate::suite::{RunResults, TestFile, updates};

use super::super::exit::Failure;

/// Shows the changes to each suite, then writes them.
pub(super) fn rewrite(files: &[TestFile], ran: &RunResults) -> Result<(), Failure> {
    let updates = updates(files, ran)
        .map_err(|what| Failure::new(what, "edit the suite by hand: `--update` only replaces values"))?;
    for update in &updates {
        let diff = TextDiff::from_lines(&update.old, &update.new);
        let (before, after) = (format!("{} (expected)", update.file), format!("{} (got)", update.file));
        print_painted(diff.unified_diff().header(&before, &after).to_string().trim_end());
    }
    for update in &updates {
        replace_file(Path::new(&update.file), &update.new).map_err(|error| {
            let what = format!("`{}` cannot be written: {error}", update.file);
            Failure::new(what, "check the permissions; the suites listed before it were written")
        })?;
    }
    match updates.len() {
        0 => tell!("no expectation needed a change"),
        1 => tell!("1 suite was rewritten"),
        many => tell!("{many} suites were rewritten"),
    }
    Ok(())
}

/// Prints lines. On a terminal, words such as `FAIL` at the start of a line, and changed lines, are coloured.
pub(super) fn print_painted(text: &str) {
    let colours = stdout().is_terminal() && environment("NO_COLOR").is_none_or(|value| value.is_empty());
    if !colours {
        say!("{text}");
        return;
    }
    for line in text.lines() {
        let word = line.split(' ').next().unwrap_or_default();
        let colour = match word {
            "FAIL" | "BROKEN" => 31,
            "DISPUTED" | "uncovered" | "unattached" | "unnoticed" => 33,
            _ if line.starts_with('-') => 31,
            _ if line.starts_with('+') => 32,
            _ => 0,
        };
        match colour {
            0 => say!("{line}"),
            _ if word.starts_with(['-', '+']) => say!("\x1b[{colour}m{line}\x1b[0m"),
            _ => say!("\x1b[{colour}m{word}\x1b[0m{}", &line[word.len()..]),
        }
    }
}
