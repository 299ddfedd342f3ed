//! Forty ways to smuggle a call past a policy proxy (`docs/spec/wire-protocol.md` 8), each tried over a socket at a
//! running gateway.
//!
//! Unless the attack is about the signature, the request is signed correctly, as a client would sign it, so that it is
//! refused because of the attack and for no other reason.

mod framing;
mod identity;
mod limits;
mod parameters;
mod upstream;
mod values;
