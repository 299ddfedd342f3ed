//! The borrowed view of a request that signatures cover, and the fields of a claim.

use crate::ram::{Parameter, Parameters, Place};
use crate::wire::{Head, Method};

/// A request as it was received. The headers keep their order and bytes, because a signature covers both.
#[derive(Clone)]
pub struct Signed<'a> {
    /// The HTTP method, which both signature versions cover.
    pub method: Method,
    /// The names and values of the header lines.
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// The decoded parameters of the query and of a form body.
    pub parameters: &'a Parameters,
    /// The raw body, over which V3 makes a digest; empty without a body.
    pub body: &'a [u8],
}

impl<'a> Signed<'a> {
    /// The view of a request that was read from the wire.
    pub fn new(head: &'a Head, parameters: &'a Parameters, body: &'a [u8]) -> Self {
        Self { method: head.method(), headers: head.headers().collect(), parameters, body }
    }

    /// The value of the first header with this name, if it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| str::from_utf8(value).ok())
    }

    /// The parameters that were sent in the query.
    pub fn query(&self) -> impl Iterator<Item = Parameter<'a>> + Clone + use<'a> {
        self.parameters.iter().filter(|parameter| parameter.place == Place::Query)
    }
}

/// Shows names only: a value may be a credential.
impl std::fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        let mut shown = f.debug_struct("Signed");
        shown.field("method", &self.method).field("headers", &headers).field("parameters", self.parameters);
        shown.finish_non_exhaustive()
    }
}

/// The fields that a call claims, before anything is verified. Each scheme carries them in its own place.
#[derive(Clone, Copy)]
pub struct ClaimFields<'a> {
    /// The id of the key that made the signature. Empty for a bearer token.
    pub access_key_id: &'a str,
    /// The operation, as the caller spells it: `AttachNetworkInterface`.
    pub action: Option<&'a str>,
    /// The version of the API: `2014-05-26`.
    pub version: Option<&'a str>,
    /// When the call was signed, not parsed yet. Empty for a bearer token.
    pub timestamp: &'a str,
    /// What makes the call unique, not checked yet. Empty for a bearer token.
    pub nonce: &'a str,
    /// The token that belongs to a temporary key. `None` if it is absent or empty.
    pub security_token: Option<&'a str>,
}

impl std::fmt::Debug for ClaimFields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ClaimFields");
        shown.field("access_key_id", &self.access_key_id).field("action", &self.action);
        shown.field("has_token", &self.security_token.is_some()).finish_non_exhaustive()
    }
}
