//! `ramgate audit verify`: checks that the log was not changed after it was written.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use serde_json::{Value, json};

use crate::audit::read::{Input, LogName, Wanted, checkpoints_of, inputs, log_with_rotated};
use crate::audit::verify::{Break, ChainResult, CheckpointKey, Order, SignatureCheck, Verification, Verified, verify};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{OutputFormat, counted, print_json};
use crate::cli::progress::Progress;
use crate::cli::recording::tell_left_out;
use crate::store::read_source;

/// Verifies the hash chain and its checkpoints, and names the lines that were changed
#[derive(Debug, Args)]
#[command(after_help = "\
Each line contains the digest of the line before it, so any edit, deletion, insertion or reordering is detected, except
at the end: only a later checkpoint, or one that is kept elsewhere, shows that the last lines were cut off. Checkpoints
beside the files are verified with them. Without `--public-key`, an attacker who can write the log could also have
written those.

Exit status: 0 every line and checkpoint verifies, 1 one does not, 2 could not run (a file cannot be read).

Example: ramgate audit verify /var/log/ramgate --public-key checkpoint.key.pub")]
pub(in crate::cli) struct Verify {
    /// Files (also compressed), `-` for standard input, or a folder with a log and its rotated files (subfolders are
    /// not searched); default: `audit.jsonl` with its rotated files
    #[arg(value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// The public key of the checkpoints, in PEM; repeat the flag if the key was changed
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// A file of checkpoints that is not beside the log; repeat the flag for more
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// If the first files are gone: a file with a checkpoint that vouches for the line before the first remaining one
    #[arg(long, value_name = "FILE")]
    from_checkpoint: Vec<PathBuf>,
    /// Accept lines in any order, as from an export that does not keep their order
    #[arg(long)]
    any_order: bool,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// The most breaks that are shown; further ones are only counted.
const SHOWN: usize = 10;

impl Verify {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (wanted, left_out, verified) = self.verified()?;
        tell_left_out(&left_out);
        if verified.lines == 0 && verified.checkpoints == 0 && verified.holds() {
            return Err(Failure::new("there are no lines to verify", "name the files of a log, or its folder"));
        }
        match self.format {
            OutputFormat::Text => print(&verified, &wanted),
            OutputFormat::Json => print_json(json(&verified, &wanted, &left_out)),
        }
        Ok(if verified.holds() { Exit::Yes } else { Exit::No })
    }

    /// Verifies the files. If the gateway is writing the log, they may be read in the middle of a line or of a
    /// rotation, so a failure is checked again if the files have changed in the meantime.
    fn verified(&self) -> Result<(Verification, Vec<PathBuf>, Verified), Failure> {
        const LOOKS: u32 = 3;
        let mut looks = 0;
        loop {
            let (wanted, left_out) = self.wanted()?;
            let before = sizes(&wanted);
            let progress = Progress::new("read");
            let read: Arc<AtomicU64> = Arc::default();
            let total = before.iter().map(|(_, size)| *size).sum();
            let verified = verify(&wanted, &read, &mut || progress.tell_bytes(read.load(Ordering::Relaxed), total));
            progress.end();
            let unchanged =
                || wanted.logs.contains(&Input::Stdin) || self.wanted().is_ok_and(|(now, _)| sizes(&now) == before);
            looks += 1;
            if verified.as_ref().is_ok_and(Verified::holds) || looks == LOOKS || unchanged() {
                let verified = verified.map_err(|(file, error)| unreadable(&file, &error))?;
                return Ok((wanted, left_out, verified));
            }
        }
    }

    fn wanted(&self) -> Result<(Verification, Vec<PathBuf>), Failure> {
        let mut left_out = Vec::new();
        let named = if self.files.is_empty() {
            log_with_rotated(Path::new("audit.jsonl")).map_err(|error| unreadable("audit.jsonl", &error))?
        } else {
            let selected = inputs(&self.files, Wanted::Log)
                .map_err(|(path, error)| unreadable(&path.display().to_string(), &error))?;
            left_out = selected.left_out;
            selected.inputs
        };
        let (mut checkpoints, logs): (Vec<Input>, Vec<Input>) = named.into_iter().partition(
            |input| matches!(input, Input::File(path) if matches!(LogName::of(path), LogName::Checkpoints { .. })),
        );
        let beside: BTreeSet<PathBuf> = logs
            .iter()
            .filter_map(|input| match input {
                Input::File(path) => checkpoints_of(path).filter(|path| path.exists()),
                Input::Stdin => None,
            })
            .collect();
        let given = self.checkpoints.iter().cloned().chain(beside).map(Input::File);
        for input in given {
            if !checkpoints.contains(&input) {
                checkpoints.push(input);
            }
        }
        // Arguments that are all rotated files select a part of the log. A folder, or a log's current file, reaches its
        // end.
        let rotated = |path: &PathBuf| matches!(LogName::of(path), LogName::Rotated { .. });
        let part = !self.files.is_empty() && self.files.iter().all(rotated);
        let verification = Verification {
            to_the_end: !part,
            logs,
            checkpoints,
            from: self.from_checkpoint.iter().cloned().map(Input::File).collect(),
            keys: self.public_key.iter().map(|path| key(path)).collect::<Result<_, _>>()?,
            order: if self.any_order { Order::Any } else { Order::AsWritten },
        };
        Ok((verification, left_out))
    }
}

fn unreadable(file: &str, error: &io::Error) -> Failure {
    Failure::new(format!("`{file}` cannot be read: {error}"), "check the path and the permissions")
}

fn key(path: &Path) -> Result<CheckpointKey, Failure> {
    let source = read_source(path).map_err(|diagnostic| Failure::from(vec![diagnostic]))?;
    CheckpointKey::from_pem(source.text()).map_err(|why| {
        Failure::new(
            format!("`{}` is not a public key for checkpoints: {why}", path.display()),
            "name the file that ends in `.pub`",
        )
    })
}

/// All files with their sizes.
fn sizes(wanted: &Verification) -> Vec<(Input, Option<u64>)> {
    let all = wanted.logs.iter().chain(&wanted.checkpoints).chain(&wanted.from);
    all.map(|input| (input.clone(), input.size())).collect()
}

fn print(verified: &Verified, wanted: &Verification) {
    for broken in verified.breaks.iter().take(SHOWN) {
        say!("{}: {}", broken.place, broken.what);
        if let (Some(expected), Some(found)) = (&broken.expected, &broken.found) {
            say!("  expected: {expected}\n  found:    {found}");
        }
    }
    if verified.breaks.len() > SHOWN {
        say!("and {} more", verified.breaks.len() - SHOWN);
    }
    if verified.stopped {
        say!("verification stopped there: there are too many breaks, so this is probably not a log");
    }
    for chain in &verified.chains {
        let ChainResult { first, last, last_hash, .. } = chain;
        say!("{}: lines {first} to {last}, the last with digest {last_hash}", name(chain));
        say!("  {}", reach(chain, wanted));
    }
    let word = if verified.holds() { "verified" } else { "NOT VERIFIED" };
    let breaks = verified.breaks.len();
    let broken = if breaks == 0 { String::new() } else { format!(", {}", counted(breaks as u64, "break")) };
    let (lines, files) = (counted(verified.lines, "line"), counted(wanted.logs.len() as u64, "file"));
    say!("{word}: {lines} in {files}, {}{broken}", counted(verified.checkpoints, "checkpoint"));
}

fn name(chain: &ChainResult) -> String {
    match (chain.chain.escape_debug(), chain.replica.escape_debug()) {
        (_, _) if chain.chain.is_empty() => "a chain without a name".to_owned(),
        (chain, replica) => format!("chain {chain} of replica {replica}"),
    }
}

/// Which lines of a chain a checkpoint vouches for, and which changes would not be detected.
fn reach(chain: &ChainResult, wanted: &Verification) -> String {
    let Some(vouched) = &chain.vouched else {
        return "no checkpoint vouches for them: lines that were cut off after the last one would not be detected"
            .to_owned();
    };
    let signed = match vouched.signature {
        SignatureCheck::Verified => format!("signed with key {}", vouched.key_id.escape_debug()),
        SignatureCheck::NotChecked => "whose signature was not verified (give `--public-key`)".to_owned(),
    };
    let (at, last) = (vouched.at.escape_debug(), vouched.last);
    let open = match chain.last.saturating_sub(last) {
        0 => "it vouches for every line; lines that were cut off after it would not be detected".to_owned(),
        more => format!(
            "{} after it verified by the chain alone; lines that were cut off after that would not be detected",
            counted(more, "line")
        ),
    };
    let part = if wanted.to_the_end { "" } else { "; only rotated files were given: the log continues after them" };
    format!("the last checkpoint, of {at}, {signed}, vouches for lines up to {last}; {open}{part}")
}

fn json(verified: &Verified, wanted: &Verification, left_out: &[PathBuf]) -> Value {
    json!({
        "verified": verified.holds(),
        "lines": verified.lines,
        "bytes": verified.bytes,
        "files": wanted.logs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "leftOut": left_out.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        "checkpoints": verified.checkpoints,
        "stopped": verified.stopped,
        "breaks": verified.breaks.iter().map(break_json).collect::<Vec<_>>(),
        "chains": verified.chains.iter().map(|chain| chain_json(chain, wanted)).collect::<Vec<_>>(),
    })
}

fn break_json(broken: &Break) -> Value {
    json!({
        "file": &*broken.place.file, "line": broken.place.line, "chain": broken.chain, "what": broken.what,
        "expected": broken.expected, "found": broken.found,
    })
}

fn chain_json(chain: &ChainResult, wanted: &Verification) -> Value {
    let vouched = chain.vouched.as_ref().map(|vouched| {
        json!({
            "last": vouched.last, "at": vouched.at, "keyId": vouched.key_id,
            "signatureVerified": vouched.signature == SignatureCheck::Verified,
        })
    });
    json!({
        "chain": chain.chain, "replica": chain.replica, "first": chain.first, "last": chain.last,
        "lastHash": chain.last_hash, "vouched": vouched, "note": reach(chain, wanted),
    })
}
