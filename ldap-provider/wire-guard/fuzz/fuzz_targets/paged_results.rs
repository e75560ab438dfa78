#![no_main]
//! See [`wire_guard_fuzz::properties::paged_results`].

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use wire_guard_fuzz::mutation::mutate;
use wire_guard_fuzz::properties::paged_results;

fuzz_target!(|data: &[u8]| paged_results(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate(data, size, max_size, seed, 0) });
