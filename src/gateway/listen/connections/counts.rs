//! Connections that were turned away or displaced: exact counts, and one log line per interval.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::table::Full;
use crate::budget::Source;

/// How many sources are counted separately between two log lines.
const SOURCES: usize = 64;

/// Why a connection was turned away: before its first call, or when its caller authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// All slots are taken.
    Slots,
    /// Its source is at its connection limit.
    Source,
    /// Its principal is at its connection limit.
    Principal,
    ProxyHeader,
    Handshake,
}

impl Reason {
    pub(crate) const ALL: [Self; 5] = [Self::Slots, Self::Source, Self::Principal, Self::ProxyHeader, Self::Handshake];

    /// The name of the reason in metrics and in the log.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Slots => "slots",
            Self::Source => "source",
            Self::Principal => "principal",
            Self::ProxyHeader => "proxy_header",
            Self::Handshake => "handshake",
        }
    }
}

impl From<Full> for Reason {
    fn from(full: Full) -> Self {
        match full {
            Full::Slots => Self::Slots,
            Full::Source => Self::Source,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    turned_away: [AtomicU64; Reason::ALL.len()],
    displaced: AtomicU64,
    interval: Mutex<Interval>,
}

/// The counts since the last log line.
#[derive(Debug, Default)]
pub(super) struct Interval {
    pub(super) turned_away: [u64; Reason::ALL.len()],
    pub(super) displaced: u64,
    sources: TopSources,
}

/// The most frequent sources, in bounded memory (Misra and Gries): a source with more than one in [`SOURCES`] of all
/// events is among them, and the counts are lower bounds.
#[derive(Debug, Default)]
struct TopSources(HashMap<Source, u64>);

impl Counts {
    pub(super) fn turned_away(&self, reason: Reason, source: Source) {
        self.turned_away[reason as usize].fetch_add(1, Ordering::Relaxed);
        self.note(source, |interval| interval.turned_away[reason as usize] += 1);
    }

    /// `source` is the source of the connection that was displaced.
    pub(super) fn displaced(&self, source: Source) {
        self.displaced.fetch_add(1, Ordering::Relaxed);
        self.note(source, |interval| interval.displaced += 1);
    }

    pub(super) fn turned_away_ever(&self, reason: Reason) -> u64 {
        self.turned_away[reason as usize].load(Ordering::Relaxed)
    }

    pub(super) fn displaced_ever(&self) -> u64 {
        self.displaced.load(Ordering::Relaxed)
    }

    /// The counts since the last call; `None` if all of them are zero.
    pub(super) fn take(&self) -> Option<Interval> {
        let interval = std::mem::take(&mut *self.interval.lock().unwrap_or_else(PoisonError::into_inner));
        (interval.displaced > 0 || interval.turned_away.iter().any(|count| *count > 0)).then_some(interval)
    }

    fn note(&self, source: Source, count: impl FnOnce(&mut Interval)) {
        let mut interval = self.interval.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut interval);
        interval.sources.count(source);
    }
}

impl Interval {
    /// The connections turned away, by reason: `slots 12, source 3`.
    pub(super) fn reasons(&self) -> String {
        let counted = Reason::ALL.into_iter().filter(|reason| self.turned_away[*reason as usize] > 0);
        let reasons: Vec<String> =
            counted.map(|reason| format!("{} {}", reason.word(), self.turned_away[reason as usize])).collect();
        if reasons.is_empty() { "none".to_owned() } else { reasons.join(", ") }
    }

    /// Whether connections were lost because of limits, and not only because of malformed input from their callers.
    pub(super) fn is_shortage(&self) -> bool {
        let of = |reason: Reason| self.turned_away[reason as usize];
        self.displaced + of(Reason::Slots) + of(Reason::Source) + of(Reason::Principal) > 0
    }

    pub(super) fn top_source(&self) -> Option<(Source, u64)> {
        self.sources.0.iter().map(|(source, count)| (*source, *count)).max_by_key(|(source, count)| (*count, *source))
    }
}

impl TopSources {
    fn count(&mut self, source: Source) {
        if let Some(count) = self.0.get_mut(&source) {
            *count += 1;
        } else if self.0.len() < SOURCES {
            self.0.insert(source, 1);
        } else {
            self.0.retain(|_, count| {
                *count -= 1;
                *count > 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(number: u32) -> Source {
        Source::from(std::net::IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn the_busiest_source_is_found_among_any_number_of_sources() {
        let counts = Counts::default();
        for number in 0..10_000 {
            counts.turned_away(Reason::Slots, source(number));
            if number % 4 == 0 {
                counts.displaced(source(u32::MAX));
            }
        }
        let interval = counts.take().unwrap();
        assert_eq!((interval.displaced, interval.reasons().as_str()), (2500, "slots 10000"));
        assert_eq!(interval.top_source().map(|(source, _)| source), Some(source(u32::MAX)));
        assert!(interval.sources.0.len() <= SOURCES);
        assert!(counts.take().is_none(), "the next interval is empty");
        assert_eq!((counts.turned_away_ever(Reason::Slots), counts.displaced_ever()), (10_000, 2500));
    }

    #[test]
    fn a_failed_handshake_is_not_a_shortage() {
        let counts = Counts::default();
        counts.turned_away(Reason::Handshake, source(1));
        assert!(!counts.take().unwrap().is_shortage());
        counts.turned_away(Reason::Source, source(1));
        assert!(counts.take().unwrap().is_shortage());
    }
}
