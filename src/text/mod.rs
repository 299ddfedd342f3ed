//! Text for people: hexadecimal, invisible characters, suggestions for misspelt words, places in texts.
//!
//! Must not know: what a text means, where it is printed.

mod hex;
mod lines;
mod nearest;
mod visible;

pub use hex::{hex, unhex};
pub use lines::{Lines, annotation};
pub use nearest::{did_you_mean, distance, possible};
pub use visible::{is_invisible, plain, plain_beyond_ascii, visible_json};
