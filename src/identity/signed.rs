//! The borrowed view of a request that signatures are computed over.

use crate::ram::{Parameter, Parameters, Place};
use crate::wire::{Head, Method};

/// What was read from the wire, as it was read. The headers keep their order and bytes: a signature covers both.
#[derive(Clone)]
pub struct Signed<'a> {
    pub method: Method,
    pub headers: Vec<(&'a str, &'a [u8])>,
    pub parameters: &'a Parameters,
    pub body: &'a [u8],
}

impl<'a> Signed<'a> {
    pub fn new(head: &'a Head, parameters: &'a Parameters, body: &'a [u8]) -> Self {
        Self { method: head.method(), headers: head.headers().collect(), parameters, body }
    }

    /// The first header of that name, when it is text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| str::from_utf8(value).ok())
    }

    pub fn query(&self) -> impl Iterator<Item = Parameter<'a>> + Clone + use<'a> {
        self.parameters.iter().filter(|parameter| parameter.place == Place::Query)
    }
}

/// Names only: a value may be a credential.
impl std::fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        let mut shown = f.debug_struct("Signed");
        shown.field("method", &self.method).field("headers", &headers).field("parameters", self.parameters);
        shown.finish_non_exhaustive()
    }
}
