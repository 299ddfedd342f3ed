//! See `policy_document` in `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ramgate_fuzz::run("policy_document", data));
