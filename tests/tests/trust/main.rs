//! Whose files a host loads: every way to present a bad one is refused in one line, the host lives, and what was
//! pinned is what runs.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on fails loudly"
)]

mod bad_files;
mod copies;
mod damage;
mod presented;
mod profiles;
mod races;
mod search_path;
