//! The providers, out of their plugin files, against the real thing.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what these meet in a test fails the test, which is the point"
)]

mod certificates;
mod configuration;
mod file_provider;
mod lanes;
mod listing;
mod login;
mod misconfiguration;
mod names;
mod outages;
mod oversized;
mod proxied;
mod secrets;
mod validation;
