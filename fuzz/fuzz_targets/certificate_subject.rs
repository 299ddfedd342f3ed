//! See `certificate_subject` in `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ramgate_fuzz::run("certificate_subject", data));
