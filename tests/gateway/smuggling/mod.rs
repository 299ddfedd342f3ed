//! The forty ways to smuggle a call past a policy proxy (`docs/spec/wire-protocol.md` 8), each tried over a socket
//! against a running gateway: one reading or no reading.
//!
//! Wherever the trick is not about the signature, the request is signed correctly over what a client would sign, so
//! that it is refused for the trick and nothing else.

mod framing;
mod identity;
mod limits;
mod parameters;
mod upstream;
mod values;
