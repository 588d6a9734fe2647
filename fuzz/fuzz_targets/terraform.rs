#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sparkcheck_fuzz::terraform(bytes));
