//! The facts about an attempt, which are filled in as the call is processed.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::budget::{Holder, Source};
use crate::ram::{Caller, KnownBy, Origin, Scheme};

/// The facts known about one attempt. There is no field for signatures, tokens or secrets, so none can be written.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// An upper-case UUID: the request id of an answer that the gateway itself gives.
    pub id: String,
    pub at: Timestamp,
    /// The caller's address, taken from the connection or stated by a trusted proxy.
    pub source: IpAddr,
    /// The other end of the connection: the caller, or a trusted proxy.
    pub peer: IpAddr,
    pub transport: &'static str,
    /// `passthrough` if the call is forwarded with its own signature; `None` if it is signed again.
    pub signing: Option<&'static str>,
    pub host: Option<String>,
    pub user_agent: Option<String>,
    /// The product that is called, such as `Vpc`. `None` means ECS.
    pub service: Option<String>,
    /// The operation that the request names.
    pub operation: Option<String>,
    pub version: Option<String>,
    pub region: Option<String>,
    /// Business parameters only.
    pub parameters: Vec<(String, String)>,
    /// Names of parameters that were sent and whose values must not be written.
    pub left_out: Vec<String>,
    pub scheme: Option<Scheme>,
    /// The AccessKeyId that the request claims; masked when it is written.
    pub claimed_key: Option<String>,
    pub caller: Option<Caller>,
    /// RAM's numeric id of the caller.
    pub caller_id: Option<String>,
    /// The credential with which a caller that requests a session proved its identity.
    pub shown: Option<Origin>,
    pub reached: Reached,
    /// Whose budget pays for the attempt, if that is neither the caller nor its source.
    pub charged_to: Option<Holder>,
}

/// How far authentication came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// No caller is authenticated: everything in the request is a claim, even if policies were evaluated.
    Unauthenticated,
    /// The caller's credential was verified: a signature, a token or a certificate.
    Authenticated,
}

impl Attempt {
    /// When the call arrived, to the second: the precision of calls, conditions and lines.
    pub fn second(&self) -> Timestamp {
        Timestamp::from_second(self.at.as_second()).unwrap_or(self.at)
    }

    /// Whose budget pays for the attempt: the caller's once it is identified, else a claimed key's at its source, else
    /// the source's.
    pub fn holder(&self) -> Holder {
        if let Some(holder) = &self.charged_to {
            return holder.clone();
        }
        match self.caller.as_ref().map(|caller| (&caller.proof, &caller.principal)) {
            Some((KnownBy::ClaimedKey(key), _)) => Holder::claimed(Source::from(self.source), key.clone()),
            Some((_, principal)) => Holder::principal(principal.clone()),
            None => Holder::source(Source::from(self.source)),
        }
    }

    pub fn new(id: String, at: Timestamp, source: IpAddr) -> Self {
        Self {
            id,
            at,
            source,
            peer: source,
            transport: "http",
            signing: None,
            host: None,
            user_agent: None,
            service: None,
            operation: None,
            version: None,
            region: None,
            parameters: Vec::new(),
            left_out: Vec::new(),
            scheme: None,
            claimed_key: None,
            caller: None,
            caller_id: None,
            shown: None,
            reached: Reached::Unauthenticated,
            charged_to: None,
        }
    }
}
