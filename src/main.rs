//! One screen: parse, run, exit status.

use std::process::ExitCode;

use clap::Parser;
use ramgate::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
