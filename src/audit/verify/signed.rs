//! All given checkpoints: the chain that they form, and the lines that they vouch for.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::text::hex;

use super::super::read::{Input, LineForm, Lines, open};
use super::chain::Fault;
use super::checkpoint::{Checkpoint, CheckpointKey, read_checkpoint};
use super::line::Digest;
use super::run::{Anchors, Run, Verification};
use super::segment::At;

#[derive(Debug, Default)]
pub(super) struct Signed {
    checkpoints: Vec<Located>,
    /// Checkpoints that vouch for lines before the given ones.
    from: Vec<Located>,
    /// Whether signatures were verified.
    pub(super) checked: bool,
}

#[derive(Debug)]
pub(super) struct Located {
    pub(super) checkpoint: Checkpoint,
    at: At,
    place: String,
}

impl Signed {
    /// Reads all checkpoints. Breaks in a single checkpoint or in their order are added to `run`.
    pub(super) fn read(
        wanted: &Verification,
        progress: &Arc<AtomicU64>,
        run: &mut Run,
    ) -> Result<Self, (String, io::Error)> {
        let mut signed = Self { checked: !wanted.keys.is_empty(), ..Self::default() };
        for input in &wanted.from {
            let read = read(input, progress, &wanted.keys, run).map_err(|error| (input.to_string(), error))?;
            signed.from.extend(read);
        }
        for input in &wanted.checkpoints {
            let read = read(input, progress, &wanted.keys, run).map_err(|error| (input.to_string(), error))?;
            signed.checkpoints.extend(read);
        }
        signed.follow_each_other(run);
        Ok(signed)
    }

    /// Checks that each checkpoint names the previous one of its chain, and covers the lines after it.
    fn follow_each_other(&self, run: &mut Run) {
        let mut ends: HashMap<&str, &Checkpoint> = HashMap::new();
        for Located { checkpoint, at, .. } in &self.checkpoints {
            let before = ends.insert(&checkpoint.chain, checkpoint);
            let named = before.map_or([0; 32], |before| before.digest);
            let known = |digest: &Digest| self.from.iter().any(|from| from.checkpoint.digest == *digest);
            let anchored = before.is_none() && (known(&checkpoint.previous) || known(&checkpoint.digest));
            let mut report = |fault: Fault| run.faults.push((Some(checkpoint.chain.clone()), fault));
            if checkpoint.previous != named && !anchored {
                let what = match before {
                    Some(_) => {
                        "it does not name the checkpoint before it: one of the two was changed, or one is missing"
                    }
                    None => "it is not its chain's first checkpoint: those before it are missing",
                };
                let found = format!("previous {}", hex(&checkpoint.previous));
                report(Fault::new(*at, what).with(format!("previous {}", hex(&named)), found));
                continue;
            }
            let first = before.map(|before| before.last.saturating_add(1));
            if first.is_some_and(|first| first != checkpoint.first)
                || checkpoint.last.checked_add(1).and_then(|end| end.checked_sub(checkpoint.first))
                    != Some(checkpoint.count)
            {
                let lines = if checkpoint.count == 1 { "line" } else { "lines" };
                let found = format!("{} {lines}, {} to {}", checkpoint.count, checkpoint.first, checkpoint.last);
                let expected = format!("lines from {}", first.unwrap_or(checkpoint.first));
                report(Fault::new(*at, "its count of lines is wrong").with(expected, found));
            }
        }
    }

    /// The digests that lines of a chain must have.
    pub(super) fn vouched(&self, chain: &str) -> HashMap<u64, (Digest, usize)> {
        let of_chain = self.checkpoints.iter().enumerate().filter(|(_, located)| located.checkpoint.chain == chain);
        let lines = of_chain.map(|(at, located)| (located.checkpoint.last, (located.checkpoint.last_hash, at)));
        lines.collect()
    }

    pub(super) fn place(&self, at: usize) -> &str {
        &self.checkpoints[at].place
    }

    /// The lines of a chain after which the given lines may begin.
    pub(super) fn anchors(&self, chain: &str) -> Anchors {
        let of_chain = self.from.iter().filter(|located| located.checkpoint.chain == chain);
        of_chain.map(|located| (located.checkpoint.last, located.checkpoint.last_hash)).collect()
    }

    /// The last checkpoint of a chain that vouches for a given line.
    pub(super) fn last(&self, chain: &str, end: u64) -> Option<&Located> {
        let mut of_chain = self.checkpoints.iter().filter(|located| located.checkpoint.chain == chain);
        of_chain.rfind(|located| (1..=end).contains(&located.checkpoint.last))
    }

    pub(super) fn count(&self) -> u64 {
        self.checkpoints.len() as u64
    }

    /// The newest checkpoint of each chain, if it covers lines that are missing; the gateway's start reports the same
    /// one.
    pub(super) fn missing(&self, ends: &HashMap<String, u64>) -> Vec<(Option<String>, Fault)> {
        let mut newest: HashMap<&str, u64> = HashMap::new();
        for Located { checkpoint, .. } in &self.checkpoints {
            let last = newest.entry(&checkpoint.chain).or_default();
            *last = checkpoint.last.max(*last);
        }
        let mut faults = Vec::new();
        for Located { checkpoint, at, .. } in self.checkpoints.iter().rev() {
            let end = ends.get(&checkpoint.chain).copied().unwrap_or_default();
            // If several vouch for the same line, only the last of them is reported.
            let is_newest = newest.get(checkpoint.chain.as_str()) == Some(&checkpoint.last);
            if checkpoint.last <= end || !is_newest {
                continue;
            }
            newest.remove(checkpoint.chain.as_str());
            let what = format!(
                "it vouches for lines up to {}, but the log ends with line {end}: lines {} to {} are missing",
                checkpoint.last,
                end + 1,
                checkpoint.last
            );
            let expected = format!("line {} with digest {}", checkpoint.last, hex(&checkpoint.last_hash));
            faults.push((Some(checkpoint.chain.clone()), Fault::new(*at, what).with(expected, "no such line")));
        }
        faults.reverse();
        faults
    }
}

fn read(input: &Input, progress: &Arc<AtomicU64>, keys: &[CheckpointKey], run: &mut Run) -> io::Result<Vec<Located>> {
    let name = input.to_string();
    let file = run.names(&name);
    let mut lines = Lines::new(open(input, progress)?);
    let mut found = Vec::new();
    while let Some(line) = lines.next_line()? {
        let at = (file, line.number);
        let read = match line.form {
            LineForm::Whole => read_checkpoint(line.bytes),
            LineForm::Unended => Err("the file ends in the middle of it: no line feed follows".to_owned()),
            LineForm::TooLong => Err("it is too long for a checkpoint".to_owned()),
        };
        let checked = read.and_then(|checkpoint| match keys.is_empty() {
            true => Ok(checkpoint),
            false => checkpoint.verify(keys).map(|()| checkpoint),
        });
        match checked {
            Ok(checkpoint) => found.push(Located { checkpoint, at, place: format!("{name}:{}", line.number) }),
            Err(what) => run.faults.push((None, Fault::new(at, what))),
        }
    }
    Ok(found)
}
