//! Counters of the answers to calls, from the upstream and from the gateway itself.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::catalog::{Catalog, OwnKeyCode};

/// How many codes that the catalogue does not have are counted by name.
const MOST_UNKNOWN: usize = 64;
/// The longest code that is counted by name, in bytes. No documented code is longer.
const LONGEST_CODE: usize = 96;
const OTHER: &str = "other";

/// Counters by status and code. Their number is limited, because the upstream may send any code.
#[derive(Debug)]
pub(crate) struct AnswerCounts {
    known: HashSet<String>,
    upstream: Counts,
    own: Counts,
}

/// The value of one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// `None` if the upstream did not answer.
    pub(crate) status: Option<u16>,
    pub(crate) code: String,
    pub(crate) calls: u64,
}

#[derive(Debug, Default)]
struct Counts {
    /// Status 200 without a code. Kept outside the lock, because most calls end like this.
    done: AtomicU64,
    others: Mutex<Others>,
}

#[derive(Debug, Default)]
struct Others {
    /// Calls by code, then by status.
    counts: BTreeMap<String, BTreeMap<Option<u16>, u64>>,
    /// How many of the codes are not in the catalogue.
    unknown: usize,
}

impl AnswerCounts {
    pub(crate) fn new(catalog: &Catalog) -> Self {
        let of_operations = catalog.operations().flat_map(|operation| operation.errors()).map(|row| &row.code);
        let of_key = OwnKeyCode::bundled().iter().map(|known| &known.code);
        let known = of_operations.chain(of_key).cloned().collect();
        Self { known, upstream: Counts::default(), own: Counts::default() }
    }

    /// Counts the upstream's answer to a forwarded call. Without a status there was no answer, and `code` is the name
    /// of the gateway's reason.
    pub(crate) fn upstream(&self, status: Option<u16>, code: Option<&str>) {
        self.upstream.add(status, code.unwrap_or_default(), &self.known);
    }

    /// Counts an answer of the gateway itself.
    pub(crate) fn own(&self, status: u16, code: &str) {
        self.own.add(Some(status), code, &self.known);
    }

    pub(crate) fn of_upstream(&self) -> Vec<Count> {
        self.upstream.all()
    }

    pub(crate) fn of_gateway(&self) -> Vec<Count> {
        self.own.all()
    }
}

impl Counts {
    fn add(&self, status: Option<u16>, code: &str, known: &HashSet<String>) {
        if status == Some(200) && code.is_empty() {
            self.done.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = others.counts.get_mut(code) {
            *counts.entry(status).or_default() += 1;
            return;
        }
        // A code must not end the quoted value of a metric label.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = code.len() <= LONGEST_CODE && code.bytes().all(plain);
        let named = known.contains(code) || code.is_empty();
        let code = if fits && (named || others.unknown < MOST_UNKNOWN) { code } else { OTHER };
        others.unknown += usize::from(!named && code != OTHER);
        *others.counts.entry(code.to_owned()).or_default().entry(status).or_default() += 1;
    }

    fn all(&self) -> Vec<Count> {
        let done = Count { status: Some(200), code: String::new(), calls: self.done.load(Ordering::Relaxed) };
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = others.counts.iter().flat_map(|(code, counts)| {
            counts.iter().map(|(status, calls)| Count { status: *status, code: code.clone(), calls: *calls })
        });
        std::iter::once(done).chain(counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_by_name_within_a_bound() {
        let counts = AnswerCounts::new(&Catalog::bundled());
        for number in 0..1000 {
            counts.upstream(Some(400), Some(&format!("Invented.{number}")));
        }
        counts.upstream(Some(404), Some("InvalidEniId.NotFound"));
        counts.upstream(Some(404), Some("InvalidEniId.NotFound"));
        counts.upstream(Some(400), Some("a\"} 1\nother_metric{x=\""));
        counts.upstream(None, Some("upstream-timeout"));
        counts.upstream(Some(200), None);
        let all = counts.of_upstream();
        assert!(all.len() <= MOST_UNKNOWN + 5, "{}", all.len());
        assert_eq!(all.iter().map(|count| count.calls).sum::<u64>(), 1005);
        let of = |code: &str| all.iter().find(|count| count.code == code).map(|count| (count.status, count.calls));
        assert_eq!(of("InvalidEniId.NotFound"), Some((Some(404), 2)));
        assert_eq!(of(""), Some((Some(200), 1)));
        assert!(all.iter().all(|count| !count.code.contains('"')));
    }
}
