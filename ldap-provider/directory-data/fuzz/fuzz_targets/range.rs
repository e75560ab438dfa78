#![no_main]
//! See [`directory_data_fuzz::properties::range`].

use directory_data_fuzz::properties::range;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| range(data));
