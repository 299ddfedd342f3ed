//! Bearer tokens: what is believed, everything that is not, and how an issuer's keys come and go.

mod attacks;
mod issuer;
mod keys;
pub mod made;
mod places;
