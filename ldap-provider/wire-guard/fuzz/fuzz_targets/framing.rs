#![no_main]
//! See [`wire_guard_fuzz::properties::framing`].

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use wire_guard_fuzz::mutation::mutate;
use wire_guard_fuzz::properties::framing;

fuzz_target!(|data: &[u8]| framing(data));

// The first 5 octets say which limit, and where the stream is cut.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate(data, size, max_size, seed, 5) });
