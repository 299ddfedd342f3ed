//! See `sealed_token` in `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ramgate_fuzz::run("sealed_token", data));
