//! Counters of attempts by verdict and code: this program's own words, never a caller's or the upstream's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most codes that are counted separately for a verdict; the catalogue has fewer.
const MOST: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Counters {
    allowed: AtomicU64,
    refused: Mutex<BTreeMap<&'static str, BTreeMap<String, u64>>>,
}

impl Counters {
    pub(super) fn allowed(&self) {
        self.allowed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, verdict: &'static str, code: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let codes = refused.entry(verdict).or_default();
        if let Some(count) = codes.get_mut(code) {
            *count += 1;
            return;
        }
        let code = if codes.len() < MOST { code } else { "other" };
        *codes.entry(code.to_owned()).or_default() += 1;
    }

    pub(super) fn counts(&self, allowed: &'static str) -> Vec<(&'static str, String, u64)> {
        let mut counts = vec![(allowed, String::new(), self.allowed.load(Ordering::Relaxed))];
        counts.extend(self.refusals());
        counts
    }

    pub(super) fn refusals(&self) -> Vec<(&'static str, String, u64)> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |(verdict, codes): (&&'static str, &BTreeMap<String, u64>)| {
            let verdict: &'static str = verdict;
            codes.iter().map(|(code, count)| (verdict, code.clone(), *count)).collect::<Vec<_>>()
        };
        refused.iter().flat_map(of).collect()
    }
}
