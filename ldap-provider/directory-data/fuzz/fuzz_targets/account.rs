#![no_main]
//! See [`directory_data_fuzz::properties::account`].

use directory_data_fuzz::properties::account;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| account(data));
