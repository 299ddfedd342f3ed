//! What is known of an attempt at the moment: more the further it came.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::budget::{Holder, Source};
use crate::ram::{Caller, Origin, Proof, Scheme};

/// Facts of one attempt. Signatures, tokens and secrets have no place here, so none can be written.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// An upper-case UUID: the request id of an answer of ours.
    pub id: String,
    pub at: Timestamp,
    /// Where the caller is, as far as it is believed.
    pub source: IpAddr,
    /// The socket's other end: the caller, or a trusted proxy.
    pub peer: IpAddr,
    pub transport: &'static str,
    /// `passthrough` where a call goes on with its own signature; without it, calls are signed anew.
    pub signing: Option<&'static str>,
    pub host: Option<String>,
    pub user_agent: Option<String>,
    /// `Vpc`: the product that is called; without one, ECS.
    pub service: Option<String>,
    /// What the caller says it calls.
    pub operation: Option<String>,
    pub version: Option<String>,
    pub region: Option<String>,
    /// Business parameters only.
    pub parameters: Vec<(String, String)>,
    /// Names that were sent and left out.
    pub left_out: Vec<String>,
    pub scheme: Option<Scheme>,
    /// The key id as claimed; masked when it is written.
    pub claimed_key: Option<String>,
    pub caller: Option<Caller>,
    /// RAM's numeric id of the caller.
    pub caller_id: Option<String>,
    /// What was shown by somebody who wants a key, and was believed.
    pub shown: Option<Origin>,
    pub reached: Reached,
    /// Whose budget answers for it, where that is neither the caller nor its source.
    pub charged_to: Option<Holder>,
}

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Nobody is authenticated: what is said is claimed, even where it is judged.
    Unauthenticated,
    /// The signature verified.
    Authenticated,
}

impl Attempt {
    /// When it came, to the second: as calls bear it, and as conditions and lines show it.
    pub fn second(&self) -> Timestamp {
        Timestamp::from_second(self.at.as_second()).unwrap_or(self.at)
    }

    /// Whose budget answers for the attempt: the caller's, once it was identified; that of a claimed key at its source;
    /// until then the source's.
    pub fn holder(&self) -> Holder {
        if let Some(holder) = &self.charged_to {
            return holder.clone();
        }
        match self.caller.as_ref().map(|caller| (&caller.proof, &caller.principal)) {
            Some((Proof::ClaimedKey(key), _)) => Holder::claimed(Source::from(self.source), key.clone()),
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
