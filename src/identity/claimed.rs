//! What a call says of itself, before anything is believed.

/// What both schemes carry, each in its own place.
#[derive(Clone, Copy)]
pub struct Claimed<'a> {
    pub access_key_id: &'a str,
    pub action: Option<&'a str>,
    pub version: Option<&'a str>,
    pub timestamp: &'a str,
    pub nonce: &'a str,
    pub security_token: Option<&'a str>,
}

impl std::fmt::Debug for Claimed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Claimed");
        shown.field("access_key_id", &self.access_key_id).field("action", &self.action);
        shown.field("has_token", &self.security_token.is_some()).finish_non_exhaustive()
    }
}
