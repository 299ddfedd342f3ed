//! Runs one target on every file of some folders: `replay TARGET FOLDER...`. A folder that does not exist is empty.
//! Prints how many files it ran, and names on standard error those that break a property.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a file that cannot be read ends the run")]

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let target = arguments.next().expect("the name of a target");
    let (mut inputs, mut broken) = (0, 0);
    for folder in arguments.filter(|folder| Path::new(folder).is_dir()) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // A fuzzer that is at work replaces files.
            let Ok(data) = fs::read(&path) else { continue };
            inputs += 1;
            if catch_unwind(AssertUnwindSafe(|| ramgate_fuzz::run(&target, &data))).is_err() {
                eprintln!("`{target}` breaks on {}", path.display());
                broken += 1;
            }
        }
    }
    println!("{inputs}");
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
