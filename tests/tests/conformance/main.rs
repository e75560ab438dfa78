//! The conformance kit: the providers of this repository keep the contract, and each way to break it is noticed by the
//! check that is meant for it.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails loudly"
)]

mod faults;
mod own_providers;
