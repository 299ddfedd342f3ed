//! See `head` in `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ramgate_fuzz::run("head", data));
