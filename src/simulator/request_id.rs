//! Request ids: upper-case UUIDs, no two alike (`spec/ecs-eni.md` D.4).

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts, and hides the count: an id need only be new, not secret.
#[derive(Debug, Default)]
pub(super) struct RequestIds {
    keyed: RandomState,
    count: AtomicU64,
}

impl RequestIds {
    pub(super) fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let (high, low) = (self.keyed.hash_one((count, 0_u8)), self.keyed.hash_one((count, 1_u8)));
        let (version, variant) = (0x4000 | (high & 0x0fff), 0x8000 | (low >> 48 & 0x3fff));
        format!(
            "{:08X}-{:04X}-{version:04X}-{variant:04X}-{:012X}",
            high >> 32,
            high >> 16 & 0xffff,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_an_upper_case_uuid_of_version_4() {
        let ids = RequestIds::default();
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        let lengths: Vec<_> = first.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(first.as_bytes()[14] == b'4' && b"89AB".contains(&first.as_bytes()[19]), "{first}");
        assert!(first.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)));
    }
}
