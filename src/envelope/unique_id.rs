//! Unique, unpredictable ids: request ids, nonces of the gateway's own calls, and ids of log chains.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// An upper-case version 4 UUID, as ECS uses (`docs/spec/wire-protocol.md` 5.2): 122 bits from a cryptographic random
/// number generator, so that replicas never collide and a caller cannot predict the next id.
///
/// # Panics
/// If the operating system provides no entropy.
pub fn unique_id() -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_an_upper_case_uuid() {
        let id = unique_id();
        let shape = |(at, c): (usize, char)| match at {
            8 | 13 | 18 | 23 => c == '-',
            14 => c == '4',
            _ => c.is_ascii_digit() || ('A'..='F').contains(&c),
        };
        assert!(id.len() == 36 && id.chars().enumerate().all(shape), "{id}");
    }

    #[test]
    fn ids_are_distinct_and_every_free_bit_varies() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| unique_id()).collect();
        assert_eq!(ids.len(), 10_000);
        let number = |id: &String| u128::from_str_radix(&id.replace('-', ""), 16).unwrap();
        let (any, all) = ids.iter().map(number).fold((0, u128::MAX), |(any, all), id| (any | id, all & id));
        assert_eq!((any ^ all).count_ones(), 122, "four bits are the version, two the variant");
    }
}
