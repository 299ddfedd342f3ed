//! The hash chain: each line names the digest of the one before (`spec/ecs-eni.md` C.4).

use aws_lc_rs::digest;

use crate::source::hex;

/// Where a chain stands: the number the next line gets, and what it names as its predecessor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    next: u64,
    previous: String,
}

/// One line of a log, as far as the chain reads it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Link {
    pub seq: u64,
    pub prev: String,
}

impl Chain {
    /// A chain without lines: the first one names 64 zeros.
    pub fn new() -> Self {
        Self { next: 1, previous: "0".repeat(64) }
    }

    /// The chain after a line, which stands without its line feed.
    pub fn after(link: &Link, line: &[u8]) -> Self {
        Self { next: link.seq + 1, previous: digest_of(line) }
    }

    /// Appends `{"seq":…,"prev":…,"event":…}` and a line feed to `out`, and moves on.
    pub fn append(&mut self, event: &str, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"{\"seq\":");
        out.extend_from_slice(self.next.to_string().as_bytes());
        out.extend_from_slice(b",\"prev\":\"");
        out.extend_from_slice(self.previous.as_bytes());
        out.extend_from_slice(b"\",\"event\":");
        out.extend_from_slice(event.as_bytes());
        out.push(b'}');
        self.previous = digest_of(&out[start..]);
        self.next += 1;
        out.push(b'\n');
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

fn digest_of(line: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, line).as_ref())
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
        assert_eq!((links[1].seq, links[1].prev.as_str()), (2, digest_of(lines[0]).as_str()));
        assert_eq!(Chain::after(&links[1], lines[1]), chain);
    }
}
