//! The private addresses of one vSwitch.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Allocates addresses. An address can be allocated again after it has been released.
#[derive(Clone, Debug)]
pub(super) struct AddressPool {
    first: u32,
    last: u32,
    /// Where the next search begins, so that a released address is not reused immediately.
    next: u32,
    taken: HashSet<u32>,
}

/// Why an address cannot be allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error("the address is not available in the vSwitch")]
    Outside,
    #[error("the address is taken")]
    Taken,
}

impl AddressPool {
    /// The pool of a vSwitch with this block. The vendor reserves the first address and the last three. `None` for a
    /// block smaller than a /29 or larger than a /16, which a vSwitch cannot have.
    pub(super) fn new(block: Ipv4Net) -> Option<Self> {
        if !(16..=29).contains(&block.prefix_len()) {
            return None;
        }
        let (first, last) = (u32::from(block.network()) + 1, u32::from(block.broadcast()) - 3);
        Some(Self { first, last, next: first, taken: HashSet::new() })
    }

    /// Allocates a given address.
    ///
    /// # Errors
    /// The address is already allocated, is reserved, or is outside the block.
    pub(super) fn take(&mut self, address: Ipv4Addr) -> Result<(), AddressError> {
        let number = u32::from(address);
        if !(self.first..=self.last).contains(&number) {
            return Err(AddressError::Outside);
        }
        if self.taken.insert(number) { Ok(()) } else { Err(AddressError::Taken) }
    }

    /// Allocates any free address. `None` if every address is taken.
    pub(super) fn take_any(&mut self) -> Option<Ipv4Addr> {
        let free = (self.next..=self.last).chain(self.first..self.next).find(|number| !self.taken.contains(number))?;
        self.taken.insert(free);
        self.next = if free == self.last { self.first } else { free + 1 };
        Some(Ipv4Addr::from(free))
    }

    pub(super) fn release(&mut self, address: Ipv4Addr) {
        self.taken.remove(&u32::from(address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_vswitch_has_four_addresses() {
        let mut pool = AddressPool::new("10.0.0.8/29".parse().unwrap()).unwrap();
        assert_eq!(pool.take("10.0.0.9".parse().unwrap()), Ok(()));
        assert_eq!(pool.take("10.0.0.9".parse().unwrap()), Err(AddressError::Taken));
        assert_eq!(pool.take("10.0.0.13".parse().unwrap()), Err(AddressError::Outside));
        let rest: Vec<_> = std::iter::from_fn(|| pool.take_any()).map(|address| address.octets()[3]).collect();
        assert_eq!(rest, [10, 11, 12]);
        pool.release("10.0.0.11".parse().unwrap());
        assert_eq!(pool.take_any(), Some("10.0.0.11".parse().unwrap()));
        assert!(AddressPool::new("10.0.0.0/30".parse().unwrap()).is_none());
    }
}
