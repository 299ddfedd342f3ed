//! Bearer tokens: which tokens are accepted and refused, where clients send them, and how an issuer's keys change.

mod attacks;
mod issuer;
mod keys;
pub mod made;
mod places;
