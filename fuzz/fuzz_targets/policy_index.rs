//! See `policy_index` in `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ramgate_fuzz::run("policy_index", data));
