//! From a listening socket to the head of a call: accepting connections, their slots, the stages before HTTP (the PROXY
//! header and the TLS handshake), and the reader that checks each head before hyper parses it.
//!
//! Must not know: who the caller is, what a call requests, how it is judged.

mod connection;
mod connections;
mod handshake;
mod head_handoff;
mod one_shot;
mod peer;
mod reader;
mod reserved_port;
mod server;
mod server_tls;
mod socket;

pub use connections::{ADMIN_SLOTS, CREDENTIALS_SLOTS, LEAVING_MOST, WAITING_MOST};
pub(crate) use connections::{Connections, Listeners, Occupancy, Reason, Slot};
pub(crate) use handshake::shake_hands;
pub(crate) use head_handoff::{ReadHead, RefusedHead};
pub(crate) use one_shot::{LONGEST, accept_each, answer_one};
pub(crate) use peer::Peer;
pub(crate) use reader::ReaderLimits;
pub use reserved_port::{LISTEN_BACKLOG, ReservedPort};
pub use server::run;
pub use server_tls::{ClientCertificates, ServerTls, ServerTlsTexts, server_tls};
