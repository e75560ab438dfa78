#![no_main]
//! See [`wire_guard_fuzz::properties::grammar`].

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| wire_guard_fuzz::properties::grammar(data));
