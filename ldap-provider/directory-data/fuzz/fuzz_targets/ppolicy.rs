#![no_main]
//! See [`directory_data_fuzz::properties::ppolicy`].

use directory_data_fuzz::properties::ppolicy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ppolicy(data));
