#![no_main]
//! See [`directory_data_fuzz::properties::sid`].

use directory_data_fuzz::properties::sid;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sid(data));
