#![no_main]
//! See [`directory_data_fuzz::properties::dn`].

use directory_data_fuzz::properties::dn;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| dn(data));
