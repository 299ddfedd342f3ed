//! The used nonces, in buckets by the minute of signing, and the dates up to which they have been forgotten.
//!
//! Pure: the caller passes in both clocks. A bucket is forgotten only when both the wall clock and a monotonic clock
//! say that it is over, so a step of the wall clock does not make a replay possible. After that, calls of the same key
//! that are dated in the bucket or earlier are refused.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use siphasher::sip::SipHasher24;

use super::replay::{NonceError, NonceLimits, SignedNonce};

/// The secret key of the digests. Because it is secret, callers cannot construct nonces with colliding digests.
#[derive(Clone, Copy)]
pub(crate) struct DigestKey(pub [u8; 16]);

/// One use of a nonce, as the table and the nonce file hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NonceUse {
    /// Digest of the AccessKey id and the nonce.
    pub nonce: u64,
    /// Digest of the AccessKey id.
    pub key: u64,
    /// Digest of the principal that owns the key.
    pub holder: u64,
    /// When the call was signed, in seconds since 1970.
    pub second: i64,
}

/// A point in time by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Seconds since 1970, by the wall clock, which can be set.
    pub wall: i64,
    /// Time since an arbitrary origin, by the monotonic clock.
    pub steady: Duration,
}

#[derive(Debug)]
pub(crate) struct NonceTable {
    limits: NonceLimits,
    share: usize,
    /// Sharded by a byte of the digest, so that growing a set delays calls only briefly.
    held: Vec<HashSet<u64, DigestHasher>>,
    buckets: BTreeMap<i64, Bucket>,
    /// Nonces accepted by this process; only these count toward the capacity.
    counted: usize,
    by_holder: HashMap<u64, usize, DigestHasher>,
    /// The newest forgotten second of each key.
    forgotten: HashMap<u64, i64, DigestHasher>,
    /// Calls signed in this second or earlier are refused for every key.
    floor: i64,
    /// Forgotten nonces that have yet to be removed, a few at a time.
    draining: Vec<Vec<u64>>,
    forget_again: Duration,
}

#[derive(Debug)]
struct Bucket {
    nonces: Vec<u64>,
    /// The number of nonces that count toward the capacity, for each key and principal.
    users: HashMap<(u64, u64), usize, DigestHasher>,
    last_used: Duration,
}

const SHARDS: usize = 256;
/// The maximum number of keys with a forgotten second of their own. Beyond it, the older half is merged into the floor.
const MOST_FORGOTTEN: usize = 65_536;
/// The number of forgotten nonces that each call removes.
const DRAINED_BY_A_CALL: usize = 64;
const FORGET_EVERY: Duration = Duration::from_secs(1);
const BUCKET_SECONDS: i64 = 60;

impl DigestKey {
    pub(crate) fn digest(&self, signed: SignedNonce<'_>) -> NonceUse {
        let SignedNonce { holder, access_key_id, nonce, signed_at } = signed;
        let length = (access_key_id.len() as u64).to_le_bytes();
        NonceUse {
            nonce: self.of(&[&length, access_key_id.as_bytes(), nonce.as_bytes()]),
            key: self.of(&[access_key_id.as_bytes()]),
            holder: self.of(&[holder.arn().as_bytes()]),
            second: signed_at.as_second(),
        }
    }

    /// A digest of the concatenated parts.
    pub(crate) fn of(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        parts.iter().for_each(|part| hasher.write(part));
        hasher.finish()
    }
}

impl NonceTable {
    pub(crate) fn new(limits: NonceLimits) -> Self {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let share = ((limits.capacity as f64 * limits.share) as usize).clamp(1, limits.capacity.max(1));
        Self {
            limits,
            share,
            held: vec![HashSet::default(); SHARDS],
            buckets: BTreeMap::new(),
            counted: 0,
            by_holder: HashMap::default(),
            forgotten: HashMap::default(),
            floor: i64::MIN,
            draining: Vec::new(),
            forget_again: Duration::ZERO,
        }
    }

    /// Records a use.
    ///
    /// # Errors
    /// A used nonce, a date that the table has forgotten, or no room. Nothing is recorded in these cases.
    pub(crate) fn accept(&mut self, used: NonceUse, now: Moment) -> Result<(), NonceError> {
        if now.steady >= self.forget_again {
            self.forget(now);
        }
        self.drain(DRAINED_BY_A_CALL);
        if self.shard(used.nonce).contains(&used.nonce) {
            return Err(NonceError::Used);
        }
        if used.second <= self.floor || self.forgotten.get(&used.key).is_some_and(|newest| used.second <= *newest) {
            return Err(NonceError::Forgotten);
        }
        if self.counted >= self.limits.capacity {
            return Err(NonceError::Full);
        }
        let of_holder = self.by_holder.entry(used.holder).or_default();
        if *of_holder >= self.share {
            return Err(NonceError::ShareUsedUp);
        }
        *of_holder += 1;
        self.counted += 1;
        self.held[shard_of(used.nonce)].insert(used.nonce);
        self.file(used, 1, now.steady);
        Ok(())
    }

    /// Restores a use that an earlier process accepted. It does not count toward the capacity.
    pub(crate) fn restore(&mut self, used: NonceUse, steady: Duration) {
        if self.held[shard_of(used.nonce)].insert(used.nonce) {
            self.file(used, 0, steady);
        }
    }

    /// Reserves memory for this many more uses.
    pub(crate) fn reserve(&mut self, uses: usize) {
        self.held.iter_mut().for_each(|shard| shard.reserve(uses / SHARDS));
    }

    /// Refuses all calls that were signed in this second or earlier.
    pub(crate) fn raise_floor(&mut self, second: i64) {
        self.floor = self.floor.max(second);
    }

    /// Refuses calls of one key that were signed in this second or earlier.
    pub(crate) fn forget_key(&mut self, key: u64, second: i64) {
        let newest = self.forgotten.entry(key).or_insert(second);
        *newest = (*newest).max(second);
        if self.forgotten.len() > MOST_FORGOTTEN {
            let mut seconds: Vec<i64> = self.forgotten.values().copied().collect();
            let (_, median, _) = seconds.select_nth_unstable(MOST_FORGOTTEN / 2);
            self.floor = self.floor.max(*median);
            let floor = self.floor;
            self.forgotten.retain(|_, newest| *newest > floor);
        }
    }

    /// Forgets the buckets that are over by both clocks.
    pub(crate) fn forget(&mut self, now: Moment) {
        self.forget_again = now.steady + FORGET_EVERY;
        let span = i64::try_from(self.limits.span.as_secs()).unwrap_or(i64::MAX);
        let over = |(minute, bucket): (&i64, &Bucket)| {
            let by_wall = end_of(*minute).saturating_add(span) <= now.wall;
            let by_steady = bucket.last_used.saturating_add(self.limits.span) <= now.steady;
            (by_wall && by_steady).then_some(*minute)
        };
        let over: Vec<i64> = self.buckets.iter().filter_map(over).collect();
        over.into_iter().for_each(|minute| self.forget_bucket(minute));
    }

    /// Shrinks a table that has just been restored: forgets the buckets whose calls would be accepted again only if the
    /// wall clock were set back, and then the oldest buckets until the rest fits the capacity.
    pub(crate) fn fold(&mut self, wall: i64) {
        let span = i64::try_from(self.limits.span.as_secs()).unwrap_or(i64::MAX).saturating_mul(2);
        while let Some(minute) = self.buckets.keys().next().copied() {
            if end_of(minute).saturating_add(span) > wall && self.held() <= self.limits.capacity {
                return;
            }
            self.forget_bucket(minute);
            self.drain(usize::MAX);
        }
    }

    fn forget_bucket(&mut self, minute: i64) {
        let Some(bucket) = self.buckets.remove(&minute) else { return };
        for ((key, holder), counted) in bucket.users {
            self.forget_key(key, end_of(minute));
            self.counted -= counted;
            if let Some(of_holder) = self.by_holder.get_mut(&holder) {
                *of_holder -= counted;
                if *of_holder == 0 {
                    self.by_holder.remove(&holder);
                }
            }
        }
        self.draining.push(bucket.nonces);
    }

    /// Removes up to this many forgotten nonces.
    pub(crate) fn drain(&mut self, most: usize) {
        for _ in 0..most {
            let Some(nonces) = self.draining.last_mut() else { return };
            match nonces.pop() {
                Some(nonce) => {
                    self.held[shard_of(nonce)].remove(&nonce);
                }
                None => {
                    self.draining.pop();
                }
            }
        }
    }

    /// The number of nonces held, including those of earlier processes.
    pub(crate) fn held(&self) -> usize {
        self.held.iter().map(HashSet::len).sum()
    }

    /// For each key, the second up to which its calls are refused.
    pub(crate) fn forgotten(&self) -> impl Iterator<Item = (u64, i64)> + '_ {
        self.forgotten.iter().map(|(key, newest)| (*key, *newest))
    }

    /// The second up to which all calls are refused, if there is one.
    pub(crate) fn floor(&self) -> Option<i64> {
        Some(self.floor).filter(|floor| *floor > i64::MIN)
    }

    /// The first second of the oldest remembered bucket.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.buckets.keys().next().map(|minute| minute.saturating_mul(BUCKET_SECONDS))
    }

    /// Adds a use to its bucket.
    fn file(&mut self, used: NonceUse, counted: usize, steady: Duration) {
        let minute = used.second.div_euclid(BUCKET_SECONDS);
        let empty = || Bucket { nonces: Vec::new(), users: HashMap::default(), last_used: steady };
        let bucket = self.buckets.entry(minute).or_insert_with(empty);
        bucket.nonces.push(used.nonce);
        *bucket.users.entry((used.key, used.holder)).or_default() += counted;
        bucket.last_used = steady;
    }

    fn shard(&self, nonce: u64) -> &HashSet<u64, DigestHasher> {
        &self.held[shard_of(nonce)]
    }
}

/// Selects the shard by bits from the middle of the digest, because a hash set uses the lowest and highest bits.
fn shard_of(nonce: u64) -> usize {
    usize::from(nonce.to_le_bytes()[4])
}

/// The last second of a bucket.
fn end_of(minute: i64) -> i64 {
    minute.saturating_mul(BUCKET_SECONDS).saturating_add(BUCKET_SECONDS - 1)
}

/// Passes digests through: they are keyed already, so hashing them again would add nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DigestHasher(u64);

impl BuildHasher for DigestHasher {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self::default()
    }
}

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = self.0.rotate_left(8) ^ digest;
    }
}

impl std::fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DigestKey(…)")
    }
}
