//! Whether one pattern matches everything that another matches ("covers"), or something that it matches ("meets").
//!
//! `covers` is true only if that is proven. If the proof would cost too much, it is false.

use std::collections::HashSet;

use crate::language::condition::Condition;
use crate::language::glob::{Case, Glob};
use crate::language::pattern::ArnPattern;
use crate::language::statement::{Actions, Statement};

/// Patterns beyond this length are not compared character by character.
const LONGEST: usize = 1024;
/// The search is given up after this many pairs of a place in one pattern and a set of places in the other.
const MOST_STEPS: usize = 20_000;

/// One character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Star,
    One,
    Literal(char),
}

impl Glob {
    /// Whether every text that `other` matches is matched by this pattern too.
    ///
    /// `true` is always right. `false` may be wrong for very long or intricate patterns, and if this pattern is
    /// case-sensitive and `other` is not.
    ///
    /// ```
    /// use ram_policy::{Case, Glob};
    ///
    /// let glob = |pattern| Glob::new(pattern, Case::Sensitive);
    /// assert!(glob("eni/*").covers(&glob("eni/eni-?*")));
    /// assert!(!glob("eni/eni-1*").covers(&glob("eni/*")));
    /// ```
    pub fn covers(&self, other: &Self) -> bool {
        if self.is_any() || (self.case() == other.case() && self.as_str() == other.as_str()) {
            return true;
        }
        let folded = other.case() == Case::Insensitive && other.as_str().bytes().any(|b| b.is_ascii_alphabetic());
        if self.case() == Case::Sensitive && folded {
            return false;
        }
        // No matcher is used: building one costs more than the walk.
        if (self.is_literal() && !other.is_literal())
            || !self.ends_within(other)
            || self.as_str().len().max(other.as_str().len()) > LONGEST
        {
            return false;
        }
        includes(&pieces(self.as_str()), &pieces(other.as_str()), self.case())
    }

    /// Whether the literal prefix and suffix of this pattern are a prefix and a suffix of those of `other`. Nearly all
    /// pairs fail this cheap check.
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

    /// Whether there is a text that both patterns match. The answer is exact.
    pub fn meets(&self, other: &Self) -> bool {
        let case = if other.case() == Case::Insensitive { Case::Insensitive } else { self.case() };
        let (ours, theirs) = (pieces(self.as_str()), pieces(other.as_str()));
        // The places of `theirs` that can be reached at the current place of `ours`.
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
                // A star matches nothing, or any number of the other pattern's next pieces.
                next[first..].fill(true);
            }
            reached = next;
        }
        reached[theirs.len()]
    }
}

impl ArnPattern {
    /// Whether every resource that `other` matches is matched by this pattern too, including every
    /// [`Resource::AllOf`](crate::Resource::AllOf). `true` is always right; see [`Glob::covers`].
    pub fn covers(&self, other: &Self) -> bool {
        let Some(ours) = self.fields() else { return true };
        let Some(theirs) = other.fields() else { return self.is_any() };
        // Only a final star matches all resources of a type: see `Glob::covers_all_under`.
        let whole = !other.relative().as_str().ends_with('*') || self.relative().as_str().ends_with('*');
        whole && ours.iter().zip(theirs).all(|(ours, theirs)| ours.covers(theirs))
    }

    /// Whether there is a resource that both patterns match.
    pub fn meets(&self, other: &Self) -> bool {
        match (self.fields(), other.fields()) {
            (Some(ours), Some(theirs)) => ours.iter().zip(theirs).all(|(ours, theirs)| ours.meets(theirs)),
            _ => true,
        }
    }
}

impl Actions {
    /// Whether every action that `other` selects is selected here too. `true` is always right; see [`Glob::covers`].
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
    /// Whether this statement applies whenever `other` does: it selects at least the same actions and resources, and
    /// has no condition that `other` does not have too. Their effects are not compared. `true` is always right; see
    /// [`Glob::covers`].
    pub fn covers(&self, other: &Self) -> bool {
        let resources = other.resources().iter().all(|it| self.resources().iter().any(|by| by.covers(it)));
        let conditions = self.conditions().iter().all(|it| other.conditions().iter().any(|by| same_test(it, by)));
        resources && conditions && self.actions().covers(other.actions())
    }
}

/// Whether two conditions are the same test, regardless of the order of their values.
fn same_test(a: &Condition, b: &Condition) -> bool {
    let within = |inner: &Condition, outer: &Condition| {
        inner.values().iter().all(|value| outer.values().iter().any(|other| other.as_str() == value.as_str()))
    };
    a.operator() == b.operator() && a.key() == b.key() && within(a, b) && within(b, a)
}

/// Walks the inner pattern and keeps the set of places at which the outer one could be. For a wildcard of the inner
/// pattern, the walk assumes a character that occurs in neither pattern: a piece that matches it matches any character.
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

/// The places at which the outer pattern may be after one more character.
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

/// Adds the places that are reached by a star that matches nothing.
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
