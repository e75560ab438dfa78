//! One provider takes over from another while people log in: nobody notices, and what goes wrong leaves the old one in
//! its place.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails loudly"
)]

mod failed;
mod slow;
