//! The gateway as issuer: who gets a key, what the key can do, and how issuer keys roll over.

mod assume;
mod credentials;
mod exchange;
mod flood;
mod issuing;
mod nonces;
mod nothing_secret;
mod oidc;
mod replayed;
mod roll_over;
mod seal;
mod token_file;
mod trust;
