//! Attempts that were counted instead of written: by whom, how many, with which code, and from when to when.
//! No count is ever lost: an attempt for which the table has no room is counted under its verdict and code alone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use crate::budget::{Holder, Party};
use ram_policy::Resource;

use super::attempt::Attempt;

/// The most groups that each table counts separately. Principals have a table of their own, so that unidentified
/// callers cannot use up their room. Each group costs a line a minute.
const MOST: usize = 512;
/// The most names of operations in one line.
const MOST_OPERATIONS: usize = 16;
/// The most resources that one count distinguishes.
const MOST_RESOURCES: usize = 1024;
/// How long an attempt may be counted before a line reports it.
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Counted {
    of_principals: Groups,
    of_strangers: Groups,
}

#[derive(Debug, Default)]
struct Groups(HashMap<Group, Count>);

/// The key under which attempts are counted together. Without a holder, the group covers every holder that did not fit
/// into the table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pub(super) holder: Option<Holder>,
    pub(super) verdict: &'static str,
    /// The error code that the callers got.
    pub(super) code: String,
}

#[derive(Clone, Debug)]
pub(super) struct Count {
    pub(super) attempts: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// When the first attempt was counted, by the monotonic clock.
    since: Duration,
    /// RAM's numeric id of the holder.
    pub(super) caller_id: Option<String>,
    pub(super) operations: BTreeSet<String>,
    /// Whether there were other operations: unknown to the catalogue, or beyond the list.
    pub(super) other_operations: bool,
    /// Digests of the resources' names.
    resources: HashSet<u64>,
    /// Whether there were more resources than one count distinguishes.
    pub(super) more_resources: bool,
}

/// One attempt to be counted.
#[derive(Clone, Copy)]
pub(super) struct Uncounted<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) verdict: &'static str,
    pub(super) code: &'a str,
    /// `None` if the catalogue does not know the operation.
    pub(super) operation: Option<&'a str>,
    /// The resources that were judged.
    pub(super) resources: &'a [Resource<'a>],
}

impl Counted {
    /// `now` is monotonic.
    pub(super) fn add(&mut self, uncounted: Uncounted<'_>, now: Duration) {
        let Uncounted { attempt, verdict, code, operation, resources } = uncounted;
        let holder = attempt.holder();
        let groups = self.of(Some(&holder));
        let group = groups.place(Group { holder: Some(holder), verdict, code: code.to_owned() });
        let caller_id = attempt.caller_id.clone().filter(|_| group.holder.is_some());
        let count = groups.0.entry(group).or_insert_with(|| Count::new(attempt.at, caller_id, now));
        count.attempts += 1;
        count.first = count.first.min(attempt.at);
        count.last = count.last.max(attempt.at);
        count.add_operation(operation);
        for resource in resources {
            count.add_resource(digest(resource.as_str()));
        }
    }

    /// Takes the counts that are at least a minute old; `now` is monotonic.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<(Group, Count)> {
        let is_due = |count: &Count| now.saturating_sub(count.since) >= MINUTE;
        let mut due: Vec<_> = self.of_principals.0.extract_if(|_, count| is_due(count)).collect();
        due.extend(self.of_strangers.0.extract_if(|_, count| is_due(count)));
        due
    }

    /// Takes everything, for a log that is being closed.
    pub(super) fn take_all(&mut self) -> Vec<(Group, Count)> {
        self.of_principals.0.drain().chain(self.of_strangers.0.drain()).collect()
    }

    /// Puts back counts that could not be written, so that a later Summary line reports them.
    pub(super) fn put_back(&mut self, counts: impl IntoIterator<Item = (Group, Count)>) {
        for (group, count) in counts {
            let groups = self.of(group.holder.as_ref());
            let group = groups.place(group);
            match groups.0.get_mut(&group) {
                Some(known) => known.absorb(count),
                None => drop(groups.0.insert(group, count)),
            }
        }
    }

    fn of(&mut self, holder: Option<&Holder>) -> &mut Groups {
        match holder.map(Holder::party) {
            Some(Party::Principal(_)) => &mut self.of_principals,
            _ => &mut self.of_strangers,
        }
    }
}

impl Groups {
    /// Where a group is counted: alone, or together with all groups for which there is no room.
    fn place(&self, group: Group) -> Group {
        if self.0.len() < MOST || self.0.contains_key(&group) { group } else { Group { holder: None, ..group } }
    }
}

impl Count {
    fn new(at: Timestamp, caller_id: Option<String>, now: Duration) -> Self {
        Self {
            attempts: 0,
            first: at,
            last: at,
            since: now,
            caller_id,
            operations: BTreeSet::new(),
            other_operations: false,
            resources: HashSet::new(),
            more_resources: false,
        }
    }

    /// How many distinct resources were seen.
    pub(super) fn resources(&self) -> usize {
        self.resources.len()
    }

    fn add_operation(&mut self, operation: Option<&str>) {
        match operation {
            Some(name) if self.operations.contains(name) => {}
            Some(name) if self.operations.len() < MOST_OPERATIONS => drop(self.operations.insert(name.to_owned())),
            Some(_) | None => self.other_operations = true,
        }
    }

    fn add_resource(&mut self, digest: u64) {
        if self.resources.len() < MOST_RESOURCES {
            self.resources.insert(digest);
        } else if !self.resources.contains(&digest) {
            self.more_resources = true;
        }
    }

    fn absorb(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.since = self.since.min(other.since);
        self.other_operations |= other.other_operations;
        self.more_resources |= other.more_resources;
        other.operations.iter().for_each(|name| self.add_operation(Some(name)));
        other.resources.into_iter().for_each(|digest| self.add_resource(digest));
    }
}

pub(super) fn digest(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use crate::audit::Reached;
    use crate::ram::{Caller, KnownBy, Scheme};
    use ram_policy::Principal;

    use super::*;

    fn count(counted: &mut Counted, source: u32, code: &str, at: i64) {
        let time = Timestamp::from_second(1_700_000_000 + at).unwrap();
        let attempt = Attempt::new("ID".to_owned(), time, IpAddr::V4(Ipv4Addr::from(source)));
        let resources = ["eni/eni-1", "instance/i-1"].map(|id| format!("acs:ecs:cn-hangzhou:1:{id}").parse().unwrap());
        let operation = Some("AttachNetworkInterface");
        let uncounted = Uncounted { attempt: &attempt, verdict: "Refused", code, operation, resources: &resources };
        counted.add(uncounted, Duration::from_secs(at.unsigned_abs()));
    }

    #[test]
    fn counts_are_kept_by_holder_and_code_and_reported_after_a_minute() {
        let mut counted = Counted::default();
        for at in [3, 9, 30] {
            count(&mut counted, 1, "A", at);
            count(&mut counted, 2, "B", at + 5);
        }
        assert!(counted.take_due(Duration::from_secs(62)).is_empty());
        let due = counted.take_due(Duration::from_secs(63));
        let [(group, count)] = due.as_slice() else { panic!("{due:?}") };
        assert_eq!((group.code.as_str(), count.attempts, count.resources()), ("A", 3, 2));
        assert_eq!((count.first.as_second(), count.last.as_second()), (1_700_000_003, 1_700_000_030));
        counted.put_back(due);
        assert_eq!(counted.take_all().iter().map(|(_, count)| count.attempts).sum::<u64>(), 6);
    }

    #[test]
    fn attempts_beyond_the_table_are_counted_together() {
        let mut counted = Counted::default();
        (0..10_000).for_each(|source| count(&mut counted, source, "A", 0));
        let all = counted.take_all();
        assert_eq!((all.len(), all.iter().map(|(_, count)| count.attempts).sum::<u64>()), (MOST + 1, 10_000));
        let others = all.iter().find(|(group, _)| group.holder.is_none()).unwrap();
        assert_eq!(others.1.attempts, 10_000 - MOST as u64);
    }

    #[test]
    fn unidentified_callers_cannot_use_up_the_room_of_principals() {
        let mut counted = Counted::default();
        (0..10_000).for_each(|source| count(&mut counted, source, "A", 0));
        let principal = Principal::new("1234567890123456".parse().unwrap(), "user/bob".parse().unwrap());
        let caller = Caller {
            principal: principal.clone(),
            proof: KnownBy::AccessKey("LTAI5tBob".parse().unwrap()),
            scheme: Scheme::V3,
        };
        let mut attempt = Attempt::new("ID".to_owned(), Timestamp::UNIX_EPOCH, IpAddr::V4(Ipv4Addr::LOCALHOST));
        (attempt.caller, attempt.reached) = (Some(caller), Reached::Authenticated);
        let uncounted =
            Uncounted { attempt: &attempt, verdict: "ImplicitDeny", code: "B", operation: None, resources: &[] };
        (0..3).for_each(|_| counted.add(uncounted, Duration::ZERO));
        let bob = Holder::principal(principal);
        let mut all = counted.take_all();
        assert_eq!(all.iter().find(|(group, _)| group.holder.as_ref() == Some(&bob)).unwrap().1.attempts, 3);
        all.retain(|(group, _)| group.holder.as_ref() == Some(&bob));
        counted.put_back(all);
        assert_eq!(counted.take_due(MINUTE).len(), 1);
    }
}
