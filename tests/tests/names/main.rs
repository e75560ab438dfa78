//! Names and passwords as they are typed, and as they come over the wire: each that is let through arrives unchanged,
//! octet for octet and as nothing but a value; for each that is refused, nothing is sent.
//!
//! By default a few thousand names are tried. The long form, after `cargo build --workspace` (both take `--release` as
//! well, and are three times as fast then):
//!
//! ```text
//! NAMES=120000 cargo test -p tests --test names
//! ```
//!
//! `NAMES` is how many different names are tried, at least the few thousand that can be listed; a tenth as many random
//! passwords are. `SEED` makes other random ones. Both are printed, with the progress, on standard error.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what these meet in a test fails the test, which is the point"
)]

mod corpus;
mod distinguished_names;
mod known_attacks;
mod lane;
mod passwords;
mod raw_octets;
mod rule;
mod run;
mod unicode;
mod user_names;
mod written_at_random;
