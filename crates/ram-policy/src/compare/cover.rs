//! Whether one pattern takes in all that another does, or anything at all that another does.
//!
//! An answer of "covers" is a proof: where the question would cost too much, the answer is no.

use std::collections::HashSet;

use crate::language::condition::Condition;
use crate::language::glob::{Case, Glob};
use crate::language::pattern::ArnPattern;
use crate::language::statement::{Actions, Statement};

/// Patterns beyond this length are not compared character by character.
const LONGEST: usize = 1024;
/// Beyond this many pairs of a place in one pattern and places in the other, the question is given up.
const MOST_STEPS: usize = 20_000;

/// One character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Star,
    One,
    Literal(char),
}

impl Glob {
    /// Whether every text that `other` matches is matched by this pattern too. Exact, but for patterns too long or
    /// too entangled to follow, which count as not covered.
    pub fn covers(&self, other: &Self) -> bool {
        if self.is_any() || (self.case() == other.case() && self.as_str() == other.as_str()) {
            return true;
        }
        let folded = other.case() == Case::Insensitive && other.as_str().bytes().any(|b| b.is_ascii_alphabetic());
        if self.case() == Case::Sensitive && folded {
            return false;
        }
        // A matcher is never asked: building one costs more than the walk.
        if (self.is_literal() && !other.is_literal())
            || !self.ends_within(other)
            || self.as_str().len().max(other.as_str().len()) > LONGEST
        {
            return false;
        }
        includes(&pieces(self.as_str()), &pieces(other.as_str()), self.case())
    }

    /// Whether the literal ends of this pattern are ends of the other's: nearly all pairs fail here, at no cost.
    fn ends_within(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.as_str().as_bytes(), other.as_str().as_bytes());
        let wild = |byte: &u8| matches!(byte, b'*' | b'?');
        let ends = |pattern: &[u8]| Some((pattern.iter().position(wild)?, pattern.iter().rposition(wild)? + 1));
        let (Some((head, tail)), Some((their_head, their_tail))) = (ends(ours), ends(theirs)) else { return true };
        let same = |a: &[u8], b: Option<&[u8]>| match self.case() {
            Case::Sensitive => b == Some(a),
            Case::Insensitive => b.is_some_and(|b| a.eq_ignore_ascii_case(b)),
        };
        let tail = &ours[tail..];
        let their_tail = &theirs[their_tail..];
        let from = their_tail.len().checked_sub(tail.len());
        same(&ours[..head], theirs[..their_head].get(..head)) && same(tail, from.map(|from| &their_tail[from..]))
    }

    /// Whether some text is matched by both. Exact.
    pub fn meets(&self, other: &Self) -> bool {
        let case = if other.case() == Case::Insensitive { Case::Insensitive } else { self.case() };
        let (ours, theirs) = (pieces(self.as_str()), pieces(other.as_str()));
        // Which places of `theirs` may be reached at one place of `ours`.
        let mut reached = vec![false; theirs.len() + 1];
        reached[0] = true;
        for at in 0..=ours.len() {
            for (place, piece) in theirs.iter().enumerate() {
                reached[place + 1] |= reached[place] && *piece == Piece::Star;
            }
            let Some(piece) = ours.get(at) else { break };
            let mut next = vec![false; theirs.len() + 1];
            for place in (0..=theirs.len()).filter(|place| reached[*place]) {
                match (piece, theirs.get(place)) {
                    (_, Some(Piece::Star)) => next[place] = true,
                    (Piece::Star, _) | (_, None) => {}
                    (piece, Some(their)) => next[place + 1] |= same(case, *piece, *their),
                }
            }
            if *piece == Piece::Star
                && let Some(first) = reached.iter().position(|reached| *reached)
            {
                // A star takes nothing, or whatever the other pattern has next.
                next[first..].fill(true);
            }
            reached = next;
        }
        reached[theirs.len()]
    }
}

impl ArnPattern {
    /// Whether every resource that `other` matches is matched by this pattern too, and all of a type where `other`
    /// matches all of it. Never claimed without proof.
    pub fn covers(&self, other: &Self) -> bool {
        let Some(ours) = self.fields() else { return true };
        let Some(theirs) = other.fields() else { return self.is_any() };
        // All of a type is matched by a last star only, see `Glob::covers_all_under`.
        let whole = !other.relative().as_str().ends_with('*') || self.relative().as_str().ends_with('*');
        whole && ours.iter().zip(theirs).all(|(ours, theirs)| ours.covers(theirs))
    }

    /// Whether some resource is matched by both.
    pub fn meets(&self, other: &Self) -> bool {
        match (self.fields(), other.fields()) {
            (Some(ours), Some(theirs)) => ours.iter().zip(theirs).all(|(ours, theirs)| ours.meets(theirs)),
            _ => true,
        }
    }
}

impl Actions {
    /// Whether every action that `other` selects is selected here too. Never claimed without proof.
    pub fn covers(&self, other: &Self) -> bool {
        let each_in = |inner: &[Glob], outer: &[Glob]| inner.iter().all(|it| outer.iter().any(|by| by.covers(it)));
        match (self, other) {
            (Self::Action(ours), Self::Action(theirs)) => each_in(theirs, ours),
            (Self::NotAction(left_out), Self::Action(theirs)) => {
                !theirs.iter().any(|it| left_out.iter().any(|out| out.meets(it)))
            }
            (Self::NotAction(ours), Self::NotAction(theirs)) => each_in(ours, theirs),
            (Self::Action(ours), Self::NotAction(_)) => ours.iter().any(Glob::is_any),
        }
    }
}

impl Statement {
    /// Whether this statement applies wherever `other` does, whatever their effects: it selects at least as much, and
    /// each of its conditions stands in `other` too. Never claimed without proof.
    pub fn covers(&self, other: &Self) -> bool {
        let resources = other.resources().iter().all(|it| self.resources().iter().any(|by| by.covers(it)));
        let conditions = self.conditions().iter().all(|it| other.conditions().iter().any(|by| alike(it, by)));
        resources && conditions && self.actions().covers(other.actions())
    }
}

/// Whether two conditions are the same test, however their values are ordered.
fn alike(a: &Condition, b: &Condition) -> bool {
    let within = |inner: &Condition, outer: &Condition| {
        inner.values().iter().all(|value| outer.values().iter().any(|other| other.as_str() == value.as_str()))
    };
    a.operator() == b.operator() && a.key() == b.key() && within(a, b) && within(b, a)
}

/// Walks the inner pattern and keeps all the places at which the outer one could be. A wildcard of the inner pattern
/// is walked with a character that stands in neither: what takes that one takes any.
fn includes(outer: &[Piece], inner: &[Piece], case: Case) -> bool {
    let start = closed(outer, vec![true].into_iter().chain(outer.iter().map(|_| false)).collect());
    let mut seen = HashSet::from([(0, start.clone())]);
    let mut open = vec![(0, start)];
    while let Some((at, places)) = open.pop() {
        if seen.len() > MOST_STEPS {
            return false;
        }
        let Some(piece) = inner.get(at) else {
            if places[outer.len()] {
                continue;
            }
            return false;
        };
        let read = if *piece == Piece::Star { Piece::One } else { *piece };
        let stepped = step(outer, &places, read, case);
        let mut next = vec![];
        if *piece == Piece::Star {
            next.push((at + 1, places));
            next.push((at, stepped));
        } else {
            next.push((at + 1, stepped));
        }
        open.extend(next.into_iter().filter(|state| seen.insert(state.clone())));
    }
    true
}

/// Where the outer pattern may be after one more character.
fn step(outer: &[Piece], places: &[bool], read: Piece, case: Case) -> Vec<bool> {
    let mut next = vec![false; outer.len() + 1];
    for (place, piece) in outer.iter().enumerate().filter(|(place, _)| places[*place]) {
        match piece {
            Piece::Star => next[place] = true,
            Piece::One => next[place + 1] = true,
            Piece::Literal(wanted) => {
                next[place + 1] |= matches!(read, Piece::Literal(found) if case.same_char(*wanted, found));
            }
        }
    }
    closed(outer, next)
}

/// With the places that are reached by a star that takes nothing.
fn closed(outer: &[Piece], mut places: Vec<bool>) -> Vec<bool> {
    for (place, piece) in outer.iter().enumerate() {
        places[place + 1] |= places[place] && *piece == Piece::Star;
    }
    places
}

fn same(case: Case, a: Piece, b: Piece) -> bool {
    match (a, b) {
        (Piece::Literal(a), Piece::Literal(b)) => case.same_char(a, b),
        _ => true,
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let piece = |character| match character {
        '*' => Piece::Star,
        '?' => Piece::One,
        literal => Piece::Literal(literal),
    };
    pattern.chars().map(piece).collect()
}
