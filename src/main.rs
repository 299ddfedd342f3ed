//! The entry point: parses the command line, runs the command and returns its exit status.

use std::process::ExitCode;

use clap::Parser;
use ramgate::cli::{Cli, survive_hangups};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else: an init system may ask for a reload at any moment.
    survive_hangups();
    Cli::parse().run()
}
