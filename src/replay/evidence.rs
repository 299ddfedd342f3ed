//! Gathers the recorded attempts of a principal, by action.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;

use ram_policy::{ContextKey, ValueRef};

use super::attempt::Attempt;

/// How precisely a policy names the recorded resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Granularity {
    /// Every ARN.
    #[default]
    Arn,
    /// The common prefix of the ids of a type.
    Prefix,
    /// All resources of a type.
    Type,
}

/// The recorded attempts of one action.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub attempts: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    /// The ids of the first attempts, at most [`Evidence::MOST`].
    pub examples: Vec<String>,
    pub resources: BTreeSet<String>,
    pub sources: BTreeSet<IpAddr>,
    /// Whether some attempt records no source address.
    pub sourceless: bool,
    /// The distinct sets of resources that one call named together.
    pub together: BTreeSet<Vec<String>>,
}

impl Evidence {
    /// The most examples to keep.
    pub const MOST: usize = 3;

    fn new(attempt: &Attempt) -> Self {
        Self {
            attempts: 0,
            first: attempt.time,
            last: attempt.time,
            examples: Vec::new(),
            resources: BTreeSet::new(),
            sources: BTreeSet::new(),
            sourceless: false,
            together: BTreeSet::new(),
        }
    }

    fn add(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        self.first = self.first.min(attempt.time);
        self.last = self.last.max(attempt.time);
        if self.examples.len() < Self::MOST {
            self.examples.push(attempt.id.clone());
        }
        let resources: Vec<String> = attempt.subject.resources.iter().map(ToString::to_string).collect();
        self.resources.extend(resources.iter().cloned());
        self.together.insert(resources);
        match attempt.context.values(&ContextKey::SourceIp).next() {
            Some(ValueRef::Address(address)) => drop(self.sources.insert(address)),
            _ => self.sourceless = true,
        }
    }

    /// Merges the evidence of another action.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        let room = Self::MOST.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
        self.resources.extend(other.resources.iter().cloned());
        self.sources.extend(&other.sources);
        self.sourceless |= other.sourceless;
        self.together.extend(other.together.iter().cloned());
    }
}

/// The evidence of each action, sorted by action.
pub(super) fn gather(attempts: &[Attempt]) -> BTreeMap<String, Evidence> {
    let mut found: BTreeMap<String, Evidence> = BTreeMap::new();
    for attempt in attempts {
        let action = attempt.subject.action.as_str().to_owned();
        found.entry(action).or_insert_with(|| Evidence::new(attempt)).add(attempt);
    }
    found
}
