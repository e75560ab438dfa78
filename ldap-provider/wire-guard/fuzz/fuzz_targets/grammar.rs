#![no_main]
//! See [`wire_guard_fuzz::properties::grammar`].

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use wire_guard_fuzz::mutation::mutate;
use wire_guard_fuzz::properties::grammar;

fuzz_target!(|data: &[u8]| grammar(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate(data, size, max_size, seed, 0) });
