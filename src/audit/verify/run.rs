//! Reads all inputs once, and collects the breaks.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::text::hex;

use super::super::read::{Input, LONGEST_LINE, LineForm, Lines, Place, RawLine, open};
use super::chain::{ChainState, Fault, joined};
use super::checkpoint::{Checkpoint, CheckpointKey};
use super::finding::{Break, ChainResult, SignatureCheck, Verified, Vouched};
use super::line::{Digest, digest_of, link};
use super::segment::Read;
use super::signed::{Located, Signed};

/// Verification stops at this many breaks, because continuing would only cost memory.
const MOST_BREAKS: usize = 10_000;

/// The order of one chain's lines in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The order in which they were written. Files may be given in any order.
    AsWritten,
    /// Any order, as an export left them. The memory needed grows with the disorder.
    Any,
}

/// The logs to verify, and the checkpoints and keys to verify them with.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Files of lines.
    pub logs: Vec<Input>,
    pub checkpoints: Vec<Input>,
    /// Checkpoints that vouch for lines before the given ones (`--from-checkpoint`).
    pub from: Vec<Input>,
    pub keys: Vec<CheckpointKey>,
    pub order: Order,
    /// Whether the ends of the logs are among the files, so that checkpoints for later lines show that lines are
    /// missing.
    pub to_the_end: bool,
}

/// Verifies logs. `turn` is called regularly, to show progress.
///
/// # Errors
/// An input cannot be read; the error has its name.
pub fn verify(
    wanted: &Verification,
    progress: &Arc<AtomicU64>,
    turn: &mut dyn FnMut(),
) -> Result<Verified, (String, io::Error)> {
    let mut run = Run { order: wanted.order, ..Run::default() };
    let signed = Signed::read(wanted, progress, &mut run)?;
    for log in &wanted.logs {
        let name = log.to_string();
        let number = run.names(&name);
        let read = open(log, progress).and_then(|bytes| run.read(number, Lines::new(bytes), &signed, turn));
        match read {
            Ok(()) => {}
            Err(error) if damaged(&error) => {
                let what = format!("the file is damaged and cannot be decompressed beyond this line: {error}");
                run.faults.push((None, Fault::new((number, run.at_line), what)));
            }
            Err(error) => return Err((name, error)),
        }
        if run.stopped {
            break;
        }
    }
    Ok(run.end(&signed, wanted.to_the_end))
}

fn damaged(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

#[derive(Debug)]
pub(super) struct Run {
    order: Order,
    files: Vec<Arc<str>>,
    chains: Vec<ChainState>,
    by_name: HashMap<String, usize>,
    /// The chain of the previous line, which usually is that of the next line too.
    current: usize,
    at_line: u64,
    pub(super) faults: Vec<(Option<String>, Fault)>,
    lines: u64,
    bytes: u64,
    stopped: bool,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            order: Order::AsWritten,
            files: Vec::new(),
            chains: Vec::new(),
            by_name: HashMap::new(),
            current: 0,
            at_line: 0,
            faults: Vec::new(),
            lines: 0,
            bytes: 0,
            stopped: false,
        }
    }
}

impl Run {
    /// Assigns a number to a file.
    pub(super) fn names(&mut self, file: &str) -> u32 {
        self.files.push(file.into());
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    fn read<R: io::Read>(
        &mut self,
        file: u32,
        mut lines: Lines<R>,
        signed: &Signed,
        turn: &mut dyn FnMut(),
    ) -> io::Result<()> {
        const TURN: u64 = 1024;
        self.at_line = 0;
        while let Some(line) = lines.next_line()? {
            self.at_line = line.number;
            self.lines += 1;
            self.bytes += line.bytes.len() as u64 + 1;
            if let Err((chain, fault)) = self.take(file, &line, signed) {
                self.faults.push((chain, *fault));
                if self.faults.len() >= MOST_BREAKS {
                    self.stopped = true;
                    return Ok(());
                }
            }
            if self.lines.is_multiple_of(TURN) {
                turn();
            }
        }
        Ok(())
    }

    fn take(&mut self, file: u32, line: &RawLine<'_>, signed: &Signed) -> Result<(), (Option<String>, Box<Fault>)> {
        let at = (file, line.number);
        let wrong = |what: String| (None, Box::new(Fault::new(at, what)));
        match line.form {
            LineForm::Whole => {}
            LineForm::TooLong => return Err(wrong(format!("it is longer than {LONGEST_LINE} bytes"))),
            LineForm::Unended => {
                return Err(wrong("the file ends in the middle of it: no line feed follows".to_owned()));
            }
        }
        let link = link(line).map_err(wrong)?;
        let read = Read { seq: link.seq, prev: link.prev, hash: digest_of(line.bytes), at };
        let chain = self.chain(link.chain, link.replica, signed);
        if let Some((hash, checkpoint)) = chain.vouched.get(&read.seq).filter(|(hash, _)| *hash != read.hash) {
            let place = signed.place(*checkpoint);
            let what = format!("it is not the line {} that the checkpoint at {place} vouches for", read.seq);
            let fault =
                Fault::new(at, what).with(format!("digest {}", hex(hash)), format!("digest {}", hex(&read.hash)));
            let name = Some(chain.name.clone());
            // The line may break the chain as well; the break that the checkpoint shows is the stronger evidence.
            let _ = self.fits(&read, line.bytes);
            return Err((name, Box::new(fault)));
        }
        self.fits(&read, line.bytes)
    }

    fn fits(&mut self, read: &Read, line: &[u8]) -> Result<(), (Option<String>, Box<Fault>)> {
        let chain = &mut self.chains[self.current];
        let fault = match self.order {
            Order::AsWritten => chain.take_in_order(read),
            Order::Any => chain.take_in_any_order(read),
        };
        match fault {
            Some(fault) => Err((Some(chain.name.clone()), Box::new(fault))),
            None => {
                chain.last_line.clear();
                chain.last_line.extend_from_slice(line);
                chain.last_at = read.at;
                Ok(())
            }
        }
    }

    fn chain(&mut self, name: &str, replica: &str, signed: &Signed) -> &mut ChainState {
        if self.chains.get(self.current).is_none_or(|chain| chain.name != name) {
            self.current = match self.by_name.get(name) {
                Some(at) => *at,
                None => {
                    let vouched = signed.vouched(name);
                    let (name, replica) = (name.to_owned(), replica.to_owned());
                    self.by_name.insert(name.clone(), self.chains.len());
                    self.chains.push(ChainState::new(name, replica, vouched));
                    self.chains.len() - 1
                }
            };
        }
        &mut self.chains[self.current]
    }

    fn end(mut self, signed: &Signed, to_the_end: bool) -> Verified {
        let mut chains = Vec::new();
        let mut ends: HashMap<String, u64> = HashMap::new();
        for mut chain in std::mem::take(&mut self.chains) {
            let segments = chain.segments();
            let faults = joined(&segments, &signed.anchors(&chain.name));
            self.faults.extend(faults.into_iter().map(|fault| (Some(chain.name.clone()), fault)));
            if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&chain.last_line) {
                let fault = Fault::new(chain.last_at, format!("it is not a line of an audit log: {error}"));
                self.faults.push((Some(chain.name.clone()), fault));
            }
            let (Some(first), Some(last)) = (segments.first(), segments.iter().max_by_key(|segment| segment.last))
            else {
                continue;
            };
            ends.insert(chain.name.clone(), last.last);
            chains.push(ChainResult {
                first: first.first,
                last: last.last,
                last_hash: hex(&last.last_hash),
                vouched: signed.last(&chain.name, last.last).map(|checkpoint| vouched(checkpoint, signed)),
                chain: chain.name,
                replica: chain.replica,
            });
        }
        if to_the_end && !self.stopped {
            self.faults.extend(signed.missing(&ends));
        }
        let breaks = self.breaks();
        let checkpoints = signed.count();
        Verified { breaks, chains, lines: self.lines, bytes: self.bytes, checkpoints, stopped: self.stopped }
    }

    /// The breaks in the order of their places. Only the first break at a line is kept.
    fn breaks(&mut self) -> Vec<Break> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_by_key(|(_, fault)| fault.at);
        faults.dedup_by_key(|(_, fault)| fault.at);
        let place = |at: (u32, u64)| Place { file: Arc::clone(&self.files[at.0 as usize]), line: at.1 };
        let breaks = faults.into_iter().map(|(chain, fault)| Break {
            place: place(fault.at),
            chain,
            what: match fault.what.1 {
                Some(at) => format!("{}{}{}", fault.what.0, place(at), fault.what.2),
                None => fault.what.0,
            },
            expected: fault.expected,
            found: fault.found,
        });
        breaks.collect()
    }
}

fn vouched(checkpoint: &Located, signed: &Signed) -> Vouched {
    let Checkpoint { last, at, key_id, .. } = &checkpoint.checkpoint;
    let signature = if signed.checked { SignatureCheck::Verified } else { SignatureCheck::NotChecked };
    Vouched { last: *last, at: at.clone(), key_id: key_id.clone(), signature }
}

pub(super) type Anchors = Vec<(u64, Digest)>;
