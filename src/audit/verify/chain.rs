//! One chain, line by line: lines that fit are remembered as a run, and a line that does not fit is a break.

use std::collections::{BTreeMap, HashMap};

use crate::text::hex;

use super::line::Digest;
use super::segment::{At, Read, Segment};

/// A break whose place still has the number of the file instead of its name.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) at: At,
    pub(super) what: Message,
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
}

/// A message, with an optional place in the middle of it.
#[derive(Clone, Debug)]
pub(super) struct Message(pub(super) String, pub(super) Option<At>, pub(super) &'static str);

#[derive(Debug, Default)]
pub(super) struct ChainState {
    pub(super) name: String,
    pub(super) replica: String,
    /// Runs that have ended.
    ended: Vec<Segment>,
    /// The run that is still growing.
    tip: Option<Segment>,
    /// A second line with the number of the last one.
    rival: Option<Read>,
    /// Runs by their first line, when lines may come in any order.
    index: BTreeMap<u64, Segment>,
    /// For each line that a checkpoint vouches for: the line's digest, and the index of the checkpoint.
    pub(super) vouched: HashMap<u64, (Digest, usize)>,
    /// The last line that fits. It is parsed as a whole in the end, because no later line vouches for its digest.
    pub(super) last_line: Vec<u8>,
    pub(super) last_at: At,
}

impl Fault {
    pub(super) fn new(at: At, what: impl Into<String>) -> Self {
        Self { at, what: Message(what.into(), None, ""), expected: None, found: None }
    }

    pub(super) fn with(mut self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.found = Some(found.into());
        self
    }

    fn about(mut self, other: At, rest: &'static str) -> Self {
        self.what.1 = Some(other);
        self.what.2 = rest;
        self
    }
}

impl ChainState {
    pub(super) fn new(name: String, replica: String, vouched: HashMap<u64, (Digest, usize)>) -> Self {
        Self { name, replica, vouched, ..Self::default() }
    }

    /// Takes the next line of a chain whose lines are in the order of their numbers.
    pub(super) fn take_in_order(&mut self, line: &Read) -> Option<Fault> {
        let Some(tip) = &mut self.tip else {
            self.tip = Some(Segment::of(line));
            return None;
        };
        let due = tip.last.saturating_add(1);
        if line.seq == due && line.prev == tip.last_hash {
            tip.append(line);
            return None;
        }
        let rival = self.rival.take().filter(|rival| rival.seq == tip.last && rival.hash == line.prev);
        if let (true, Some(rival)) = (line.seq == due, rival) {
            let fault = Fault::new(tip.last_at, format!("another line {} is at ", tip.last));
            let fault = fault.about(rival.at, ", and the next line names that one as the line before it");
            tip.append(line);
            return Some(fault);
        }
        if line.seq != due && line.prev == tip.last_hash {
            let fault = Fault::new(line.at, "its number is not the one after that of the line it names in `prev`");
            let fault = fault.with(format!("seq {due}"), format!("seq {}", line.seq));
            tip.append(&Read { seq: due, ..*line });
            return Some(fault);
        }
        let same_file = tip.last_at.0 == line.at.0;
        if same_file && line.seq < due {
            let first = line.seq == tip.last;
            let fault = Fault::new(line.at, format!("line {} comes after line {} at ", line.seq, tip.last));
            let again = ": it is duplicated, was inserted, or is out of place";
            let fault = fault.about(tip.last_at, again).with(format!("seq {due}"), format!("seq {}", line.seq));
            self.rival = first.then_some(*line);
            return Some(fault);
        }
        let before = tip.last_at;
        let mut segment = Segment::of(line);
        segment.reported = same_file && line.seq > due;
        let fault = segment.reported.then(|| missing(before, due, line));
        self.ended.extend(self.tip.replace(segment));
        fault
    }

    /// Takes a line of a chain whose lines may be in any order.
    pub(super) fn take_in_any_order(&mut self, line: &Read) -> Option<Fault> {
        let before = self.index.range_mut(..=line.seq).next_back().map(|(_, before)| before);
        if let Some(before) = before.as_ref().filter(|before| before.last >= line.seq) {
            let fault = Fault::new(line.at, format!("line {} of this chain occurs again, after ", line.seq));
            return Some(fault.about(before.last_at, ""));
        }
        let before = before.filter(|before| before.last + 1 == line.seq && before.last_hash == line.prev);
        let first = before.as_ref().map_or(line.seq, |before| before.first);
        match before {
            Some(before) => before.append(line),
            None => drop(self.index.insert(line.seq, Segment::of(line))),
        }
        let follows = line.seq.checked_add(1).and_then(|next| self.index.get(&next));
        if follows.is_some_and(|follows| follows.first_prev == line.hash)
            && let Some(follows) = self.index.remove(&(line.seq + 1))
            && let Some(joined) = self.index.get_mut(&first)
        {
            joined.last = follows.last;
            joined.last_hash = follows.last_hash;
            joined.last_at = follows.last_at;
        }
        None
    }

    /// All runs of lines, by their numbers.
    pub(super) fn segments(&mut self) -> Vec<Segment> {
        let mut all: Vec<Segment> = std::mem::take(&mut self.ended);
        all.extend(self.tip.take());
        all.extend(std::mem::take(&mut self.index).into_values());
        all.sort_by_key(|segment| (segment.first, segment.first_at));
        all
    }
}

/// The breaks between runs, and before the first run. `anchors` are lines that a checkpoint vouches for.
pub(super) fn joined(segments: &[Segment], anchors: &[(u64, Digest)]) -> Vec<Fault> {
    let Some(first) = segments.first() else { return Vec::new() };
    let mut faults: Vec<Fault> = beginning(first, anchors).into_iter().collect();
    for (at, pair) in segments.windows(2).enumerate() {
        let (a, b) = (&pair[0], &pair[1]);
        let due = a.last.saturating_add(1);
        if b.reported || (b.first == due && b.first_prev == a.last_hash) {
            continue;
        }
        if b.first > due {
            let line = Read { seq: b.first, prev: b.first_prev, hash: b.last_hash, at: b.first_at };
            faults.push(missing(a.last_at, due, &line));
        } else if b.first < due {
            let what = format!("line {} of this chain occurs again: it is also in the run of lines from ", b.first);
            faults.push(Fault::new(b.first_at, what).about(a.first_at, " on"));
        } else {
            // If `b` is a single line that fits neither the line before it nor the one after it, it is `b` that was
            // changed.
            let alone = !b.is_run() && segments.get(at + 2).is_some_and(|c| c.first == b.last.saturating_add(1));
            let (place, other) = if alone { (b.first_at, a.last_at) } else { (a.last_at, b.first_at) };
            let words = if alone { "it does not name the line before it, at " } else { "it is not the line that " };
            let rest =
                if alone { ": one of the two was changed" } else { " names as the one before it: it was changed" };
            let fault = Fault::new(place, words).about(other, rest);
            faults.push(match alone {
                true => fault.with(format!("prev {}", hex(&a.last_hash)), format!("prev {}", hex(&b.first_prev))),
                false => fault.with(format!("digest {}", hex(&b.first_prev)), format!("digest {}", hex(&a.last_hash))),
            });
        }
    }
    faults
}

fn beginning(first: &Segment, anchors: &[(u64, Digest)]) -> Option<Fault> {
    let before = first.first.wrapping_sub(1);
    let begins = first.first == 1 && first.first_prev == [0; 32];
    if begins || anchors.iter().any(|(last, hash)| *last == before && *hash == first.first_prev) {
        return None;
    }
    let found = format!("seq {}, prev {}", first.first, hex(&first.first_prev));
    let what = match first.first {
        0 | 1 => "it is not the beginning of a chain".to_owned(),
        _ => format!(
            "lines 1 to {before} of its chain are missing: give their files too, or with `--from-checkpoint` the \
             checkpoint that vouches for line {before}"
        ),
    };
    Some(Fault::new(first.first_at, what).with(format!("seq 1, prev {}", hex(&[0; 32])), found))
}

fn missing(before: At, due: u64, line: &Read) -> Fault {
    let last = line.seq - 1;
    let lines = if due == last { format!("line {due} is") } else { format!("lines {due} to {last} are") };
    let fault = Fault::new(line.at, format!("{lines} missing before it, after "));
    fault.about(before, "").with(format!("seq {due}"), format!("seq {}", line.seq))
}
