//! A request as ECS receives it, read and verified as ECS would.

use std::collections::BTreeMap;

use ramgate::identity::{Claim, Credential, Signed};
use ramgate::testing::wire::{FormLimits, Head, HeadLimits, read_parameters};

use crate::support::Bench;

/// The parts of a request, unchanged.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    head: String,
}

impl Received {
    pub(crate) fn read(request: &str) -> Self {
        let (head, body) = request.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.split("\r\n");
        let mut line = lines.next().unwrap().split(' ');
        let mut part = || line.next().unwrap().to_owned();
        let (method, target) = (part(), part());
        let headers = lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no header: {line}")));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { method, target, headers, body: body.to_owned(), head: format!("{head}\r\n\r\n") }
    }

    /// Sends a request to the gateway, which must answer with success, and reads the one request that it passed on.
    #[track_caller]
    pub(crate) fn of(bench: &Bench, label: &str, request: &[u8]) -> Self {
        let before = bench.upstream.requests().len();
        let answer = bench.gateway.ask(request);
        assert_eq!(answer.status, 200, "{label}: {answer:?} {}", bench.gateway.last_event());
        let requests = bench.upstream.requests();
        assert_eq!(requests.len(), before + 1, "{label}: sent once");
        Self::read(&requests[before])
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.headers.keys().map(String::as_str).collect()
    }

    /// Checks that the signature is valid for exactly the request that was received.
    #[track_caller]
    pub(crate) fn verifies(&self, label: &str, credential: &Credential) {
        let limits = HeadLimits { head_bytes: 65_536, query_bytes: 65_536, body_bytes: 65_536, headers: 100 };
        let head = Head::read(self.head.as_bytes(), &limits).unwrap();
        let limits = FormLimits { parameters: 100 };
        let parameters = read_parameters(head.query(), self.body.as_bytes(), limits).unwrap();
        let signed = Signed::new(&head, &parameters, self.body.as_bytes());
        let verified = Claim::read(&signed).unwrap().verify(&signed, credential);
        verified.unwrap_or_else(|error| panic!("{label}: {error}: {self:?}"));
    }
}
