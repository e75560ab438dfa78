#![no_main]
//! See [`directory_data_fuzz::properties::identifier`].

use directory_data_fuzz::properties::identifier;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| identifier(data));
