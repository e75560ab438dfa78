#![no_main]
//! See [`directory_data_fuzz::properties::generalized_time`].

use directory_data_fuzz::properties::generalized_time;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| generalized_time(data));
