#![no_main]
//! See [`wire_guard_fuzz::properties::conversation`].

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use wire_guard_fuzz::mutation::mutate;
use wire_guard_fuzz::properties::conversation;

fuzz_target!(|data: &[u8]| conversation(data));

// The first 2 octets say which scenario, and the octets at a time.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate(data, size, max_size, seed, 2) });
