//! A directory that goes away, does not answer, or comes back: what becomes of logins, of many at once, and of those
//! that do not need it.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what these meet in a test fails the test, which is the point"
)]

mod black_hole;
mod crowd;
mod directory;
mod outage;
mod silence;
