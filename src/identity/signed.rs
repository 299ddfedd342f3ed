//! The borrowed view of a request that signatures cover, and the fields of a claim.

use crate::ram::{Parameter, Parameters, Place};
use crate::wire::{Head, Method};

/// A request as it was received. The headers keep their order and bytes, because a signature covers both.
#[derive(Clone)]
pub struct Signed<'a> {
    pub method: Method,
    pub headers: Vec<(&'a str, &'a [u8])>,
    pub parameters: &'a Parameters,
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

/// What a call claims, before anything is verified. Each scheme carries these fields in its own place.
#[derive(Clone, Copy)]
pub struct ClaimFields<'a> {
    pub access_key_id: &'a str,
    pub action: Option<&'a str>,
    pub version: Option<&'a str>,
    pub timestamp: &'a str,
    pub nonce: &'a str,
    pub security_token: Option<&'a str>,
}

impl std::fmt::Debug for ClaimFields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ClaimFields");
        shown.field("access_key_id", &self.access_key_id).field("action", &self.action);
        shown.field("has_token", &self.security_token.is_some()).finish_non_exhaustive()
    }
}
