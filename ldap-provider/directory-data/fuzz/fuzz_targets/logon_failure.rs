#![no_main]
//! See [`directory_data_fuzz::properties::logon_failure`].

use directory_data_fuzz::properties::logon_failure;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| logon_failure(data));
