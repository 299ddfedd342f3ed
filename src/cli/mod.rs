//! The command line: one file per subcommand, and the code that subcommands share.
//!
//! Reads flags, the environment and the clock, and passes them to the layers below. Must not know: how a call is
//! decided.

#[macro_use]
mod output;

mod actions;
mod audit;
mod call;
mod can;
mod check;
mod core_dump;
mod diagnostic;
mod ecs;
mod eval;
mod exit;
mod generate;
mod hangup;
mod http_client;
mod insecure;
mod key;
mod lint;
mod moment;
mod plain;
mod progress;
mod question;
mod recording;
mod replay;
mod run;
mod runtime;
mod serve;
mod test;
mod who_can;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;
pub use hangup::survive_hangups;

use core_dump::NoCoreDumps;
use exit::Failure;

/// An authorizing gateway for Alibaba Cloud ECS: it evaluates RAM policies on AttachNetworkInterface and related calls,
/// explains every verdict, logs every attempt, and then forwards or refuses the call.
#[derive(Debug, Parser)]
#[command(
    name = "ramgate",
    version,
    max_term_width = 100,
    after_help = "\
Exit status: 0 yes (allowed, clean), 1 no (denied, refused, findings), 2 could not run (wrong usage,
unreadable or invalid input).

Example: ramgate serve"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Check(check::Check),
    Lint(lint::Lint),
    Eval(eval::Eval),
    WhoCan(who_can::WhoCan),
    Can(can::Can),
    Test(test::Test),
    Run(run::Run),
    Actions(actions::Actions),
    Ecs(ecs::Ecs),
    Call(call::Call),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Key(key::Key),
    Replay(replay::Replay),
    Generate(generate::Generate),
}

impl Cli {
    pub fn run(self) -> ExitCode {
        if !self.command.survives_hangups() {
            hangup::end_on_hangup();
        }
        let result = match self.command {
            Command::Serve(serve) => with_secrets(|_| serve.run()),
            Command::Check(check) => check.run(),
            Command::Lint(lint) => lint.run(),
            Command::Eval(eval) => eval.run(),
            Command::WhoCan(who_can) => who_can.run(),
            Command::Can(can) => can.run(),
            Command::Test(test) => test.run(),
            Command::Run(run) => with_secrets(|no_dumps| run.run(no_dumps)),
            Command::Actions(actions) => actions.run(),
            Command::Ecs(ecs) => with_secrets(|_| ecs.run()),
            Command::Call(call) => with_secrets(|_| call.run()),
            Command::Audit(audit) => audit.run(),
            Command::Key(key) => with_secrets(|_| key.run()),
            Command::Replay(replay) => replay.run(),
            Command::Generate(generate) => generate.run(),
        };
        result.unwrap_or_else(|failure| failure.print()).into()
    }
}

impl Command {
    /// Whether the command must survive a hangup because it runs as a service until it is stopped. `audit tail -f` and
    /// `test --watch` also run until stopped, but only for the user at the terminal, so they end when it closes.
    fn survives_hangups(&self) -> bool {
        match self {
            Self::Serve(_) | Self::Run(_) | Self::Ecs(_) => true,
            Self::Key(key) => key.runs_until_stopped(),
            _ => false,
        }
    }
}

/// Runs a command that reads keys, with core dumps disabled.
fn with_secrets(run: impl FnOnce(&NoCoreDumps) -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    run(&NoCoreDumps::disable()?)
}
