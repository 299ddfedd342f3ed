//! Request ids and nonces of our own: random, so that no two replicas ever agree on one.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// An upper-case UUID, as ECS makes them (`spec/wire-protocol.md` 5.2).
pub fn new_call_id() -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut bytes = random();
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

/// # Panics
/// When the system has no randomness to give: nothing that needs it may go on then.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_an_upper_case_uuid() {
        let id = new_call_id();
        let shape = |(at, c): (usize, char)| match at {
            8 | 13 | 18 | 23 => c == '-',
            14 => c == '4',
            _ => c.is_ascii_digit() || ('A'..='F').contains(&c),
        };
        assert!(id.len() == 36 && id.chars().enumerate().all(shape), "{id}");
        assert_ne!(id, new_call_id());
    }
}
