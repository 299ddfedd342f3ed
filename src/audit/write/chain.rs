//! The hash chain: each line names the digest of the one before (`docs/spec/ecs-eni.md` C.4).

use aws_lc_rs::digest;

/// The end of a chain: the number of the next line, and the digest of the last one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    next: u64,
    previous: Hash,
}

/// A SHA-256 digest in lower-case hexadecimal digits, as in a line.
pub(super) type Hash = [u8; 64];

/// The first line of a chain has this in place of the digest of a line before it.
pub(super) const NO_HASH: Hash = [b'0'; 64];

/// The fields of a line that the chain needs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Link {
    pub seq: u64,
    pub prev: String,
}

impl Chain {
    /// A chain without lines.
    pub fn new() -> Self {
        Self { next: 1, previous: NO_HASH }
    }

    /// The chain after a line, which is given without its line feed.
    pub fn after(link: &Link, line: &[u8]) -> Self {
        Self { next: link.seq.saturating_add(1), previous: digest_of(line) }
    }

    /// Appends `{"seq":…,"prev":…,"event":…}` and a line feed to `out`, and moves on.
    pub fn append(&mut self, event: &str, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"{\"seq\":");
        out.extend_from_slice(self.next.to_string().as_bytes());
        out.extend_from_slice(b",\"prev\":\"");
        out.extend_from_slice(&self.previous);
        out.extend_from_slice(b"\",\"event\":");
        out.extend_from_slice(event.as_bytes());
        out.push(b'}');
        self.previous = digest_of(&out[start..]);
        self.next += 1;
        out.push(b'\n');
    }
}

impl Chain {
    /// The number of the next line.
    pub(super) fn next(self) -> u64 {
        self.next
    }

    /// The number of the last line, or 0 if the chain has no lines.
    pub(super) fn last(self) -> u64 {
        self.next - 1
    }

    /// The digest of the last line.
    pub(super) fn previous(&self) -> &str {
        shown(&self.previous)
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("next", &self.next).field("previous", &self.previous()).finish()
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

/// The SHA-256 of a line without its line feed.
pub(super) fn digest_of(line: &[u8]) -> Hash {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hash = NO_HASH;
    for (pair, byte) in hash.chunks_exact_mut(2).zip(digest::digest(&digest::SHA256, line).as_ref()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hash
}

pub(super) fn shown(hash: &Hash) -> &str {
    std::str::from_utf8(hash).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_names_the_digest_of_the_one_before() {
        let (mut chain, mut out) = (Chain::new(), Vec::new());
        chain.append("{}", &mut out);
        chain.append("{}", &mut out);
        let lines: Vec<&[u8]> = out.split(|byte| *byte == b'\n').collect();
        let links: Vec<Link> = lines[..2].iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
        assert_eq!((links[0].seq, links[0].prev.as_str()), (1, "0".repeat(64).as_str()));
        assert_eq!((links[1].seq, links[1].prev.as_str()), (2, shown(&digest_of(lines[0]))));
        assert_eq!(Chain::after(&links[1], lines[1]), chain);
    }
}
