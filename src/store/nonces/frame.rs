//! The frames of a nonce file: each is one write, with a keyed checksum over all of it.
//!
//! A frame is a head of 32 bytes (check, kind, length, last line of the audit log, time) and a body. Numbers are little
//! endian. The check also covers the file's number, so a frame that is copied to another file is invalid there.

use std::collections::HashMap;

use crate::identity::{DigestKey, NonceUse};

const HEAD: usize = 32;
const CELL: usize = 16;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first frame of a file: the state of the table besides the uses.
    Snapshot = 1,
    /// Nonces that were used. The list is empty if the frame is written only for its stamp.
    Uses = 2,
    /// The last frame of a file that is continued in the next file.
    Next = 3,
    /// The last frame of a file whose process stopped cleanly.
    End = 4,
}

/// The stamp of every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The number of the last line of the audit log that the frame precedes.
    pub(super) line: u64,
    /// The wall clock, in milliseconds since 1970.
    pub(super) wall: i64,
}

/// A frame whose check is valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) stamp: Stamp,
    pub(super) body: &'a [u8],
}

/// Why a new file was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A process started, after it had judged the earlier files.
    Start,
    /// The previous file was full or old.
    Rotation,
}

/// The state of the table, besides the uses, when a file begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) origin: Origin,
    /// Whether calls may be forwarded without being logged.
    pub(super) best_effort: bool,
    /// The number of the oldest file that is still needed.
    pub(super) first: u64,
    /// No call that was signed in this second or before may be accepted by a later process.
    pub(super) floor: i64,
    /// The boot id of the machine; zeros if unknown.
    pub(super) boot: [u8; 16],
    /// The id of the audit log's chain.
    pub(super) chain: String,
    /// For each key, the newest second whose nonces were forgotten.
    pub(super) forgotten: Vec<(u64, i64)>,
}

/// Appends a frame to `out`.
pub(super) fn put(key: &DigestKey, file: u64, kind: Kind, stamp: Stamp, body: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut head = [0; HEAD - 8];
    head[0] = kind as u8;
    head[4..8].copy_from_slice(&length.to_le_bytes());
    head[8..16].copy_from_slice(&stamp.line.to_le_bytes());
    head[16..24].copy_from_slice(&stamp.wall.to_le_bytes());
    let check = key.of(&[&file.to_le_bytes(), &head, body]);
    out.extend_from_slice(&check.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(body);
}

/// Takes the first frame off a file's bytes; `None` if there is no complete and valid frame.
pub(super) fn take<'a>(key: &DigestKey, file: u64, bytes: &mut &'a [u8]) -> Option<Frame<'a>> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let length = u32::from_le_bytes(head[12..16].try_into().ok()?);
    let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let check = key.of(&[&file.to_le_bytes(), &head[8..], body]);
    if check != word(head)? {
        return None;
    }
    let kind = match head[8] {
        1 => Kind::Snapshot,
        2 => Kind::Uses,
        3 => Kind::Next,
        4 => Kind::End,
        _ => return None,
    };
    let stamp = Stamp { line: word(&head[16..])?, wall: word(&head[24..])?.cast_signed() };
    *bytes = rest;
    Some(Frame { kind, stamp, body })
}

/// Writes uses as a body. `users` are those that the file already defines; new users are defined in this frame.
pub(super) fn put_uses(uses: &[NonceUse], users: &mut HashMap<(u64, u64), u32>, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&[0; 8]);
    let state = users.len();
    for used in uses {
        let next = u32::try_from(users.len()).unwrap_or(u32::MAX);
        users.entry((used.key, used.holder)).or_insert_with(|| {
            out.extend_from_slice(&used.key.to_le_bytes());
            out.extend_from_slice(&used.holder.to_le_bytes());
            next
        });
    }
    let named = u32::try_from(users.len() - state).unwrap_or(u32::MAX);
    for used in uses {
        let user = users.get(&(used.key, used.holder)).copied().unwrap_or(u32::MAX);
        let second = u32::try_from(used.second.max(0)).unwrap_or(u32::MAX);
        out.extend_from_slice(&used.nonce.to_le_bytes());
        out.extend_from_slice(&user.to_le_bytes());
        out.extend_from_slice(&second.to_le_bytes());
    }
    out[..4].copy_from_slice(&named.to_le_bytes());
    out[4..8].copy_from_slice(&u32::try_from(uses.len()).unwrap_or(u32::MAX).to_le_bytes());
}

/// Reads a body that [`put_uses`] wrote, and adds the users that it defines.
pub(super) fn take_uses(mut body: &[u8], users: &mut Vec<(u64, u64)>, mut each: impl FnMut(NonceUse)) -> Option<()> {
    let named = u32::from_le_bytes(body.get(..4)?.try_into().ok()?);
    body = &body[8..];
    for _ in 0..named {
        let (cell, rest) = body.split_at_checked(CELL)?;
        users.push((word(cell)?, word(&cell[8..])?));
        body = rest;
    }
    for cell in body.chunks_exact(CELL) {
        let user = u32::from_le_bytes(cell[8..12].try_into().ok()?);
        let second = u32::from_le_bytes(cell[12..16].try_into().ok()?);
        let (key, holder) = *users.get(usize::try_from(user).ok()?)?;
        each(NonceUse { nonce: word(cell)?, key, holder, second: i64::from(second) });
    }
    Some(())
}

impl Snapshot {
    pub(super) fn to_body(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.origin == Origin::Rotation), u8::from(self.best_effort), 0, 0];
        out.extend_from_slice(&u32::try_from(self.chain.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.floor.to_le_bytes());
        out.extend_from_slice(&self.boot);
        out.extend_from_slice(self.chain.as_bytes());
        for (key, second) in &self.forgotten {
            out.extend_from_slice(&key.to_le_bytes());
            out.extend_from_slice(&second.to_le_bytes());
        }
        out
    }

    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let (fixed, rest) = body.split_at_checked(40)?;
        let length = u32::from_le_bytes(fixed[4..8].try_into().ok()?);
        let (chain, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        let forgotten = rest.chunks_exact(CELL).map(|cell| Some((word(cell)?, word(&cell[8..])?.cast_signed())));
        Some(Self {
            origin: if fixed[0] == 1 { Origin::Rotation } else { Origin::Start },
            best_effort: fixed[1] == 1,
            first: word(&fixed[8..])?,
            floor: word(&fixed[16..])?.cast_signed(),
            boot: fixed[24..40].try_into().ok()?,
            chain: str::from_utf8(chain).ok()?.to_owned(),
            forgotten: forgotten.collect::<Option<_>>()?,
        })
    }
}

fn word(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: DigestKey = DigestKey([7; 16]);
    const STAMP: Stamp = Stamp { line: 12, wall: -3 };

    #[test]
    fn frames_survive_a_round_trip_and_damaged_frames_are_rejected() {
        let used = |nonce, key| NonceUse { nonce, key, holder: 5, second: 1_700_000_000 };
        let (mut users, mut body, mut out) = (HashMap::new(), Vec::new(), Vec::new());
        let snapshot = Snapshot {
            origin: Origin::Rotation,
            best_effort: true,
            first: 3,
            floor: i64::MIN,
            boot: [9; 16],
            chain: "a chain".to_owned(),
            forgotten: vec![(1, 2), (3, -4)],
        };
        put(&KEY, 1, Kind::Snapshot, STAMP, &snapshot.to_body(), &mut out);
        for uses in [&[used(1, 1), used(2, 2), used(3, 1)][..], &[used(4, 2), used(5, 3)]] {
            put_uses(uses, &mut users, &mut body);
            put(&KEY, 1, Kind::Uses, STAMP, &body, &mut out);
        }
        put(&KEY, 1, Kind::End, STAMP, &[], &mut out);
        let (mut bytes, mut users, mut read) = (&out[..], Vec::new(), Vec::new());
        let frame = take(&KEY, 1, &mut bytes).unwrap();
        assert_eq!((frame.kind, frame.stamp), (Kind::Snapshot, STAMP));
        assert_eq!(Snapshot::read(frame.body), Some(snapshot));
        for _ in 0..2 {
            let frame = take(&KEY, 1, &mut bytes).unwrap();
            take_uses(frame.body, &mut users, |used| read.push(used)).unwrap();
        }
        assert_eq!(read, [used(1, 1), used(2, 2), used(3, 1), used(4, 2), used(5, 3)]);
        assert_eq!(take(&KEY, 1, &mut bytes).unwrap().kind, Kind::End);
        assert!(bytes.is_empty());
        // Truncated, in another file, under another key, or changed.
        assert!(take(&KEY, 1, &mut &out[..20]).is_none());
        assert!(take(&KEY, 2, &mut &out[..]).is_none());
        assert!(take(&DigestKey([8; 16]), 1, &mut &out[..]).is_none());
        for at in 0..HEAD + 40 {
            let mut changed = out.clone();
            changed[at] ^= 1;
            assert!(take(&KEY, 1, &mut &changed[..]).is_none(), "{at}");
        }
    }
}
