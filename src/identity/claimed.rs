//! What a call says of itself, before anything is believed.

/// What both schemes carry, each in its own place.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    pub access_key_id: &'a str,
    pub action: Option<&'a str>,
    pub version: Option<&'a str>,
    pub timestamp: &'a str,
    pub nonce: &'a str,
    pub security_token: Option<&'a str>,
}
