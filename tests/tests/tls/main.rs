//! TLS: whom the provider believes, over LDAPS and over StartTLS, and what reaches whom it does not believe.
//!
//! - [`matrix`]: many servers at once, each by both ways, and what must come of them
//! - [`certificates`], [`names`], [`versions`], [`noise`]: servers that must not be believed
//! - [`accepted`]: servers that must be
//! - [`unverified`]: verification is off for the one provider that says so
//! - [`validation`]: what an administrator is told
//! - [`client_certificate`], [`rotation`]: servers that want more, or change
//! - [`bind_audit`]: what every directory of the tests looks for in its own log

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what these meet in a test fails the test, which is the point"
)]

mod accepted;
mod bind_audit;
mod certificates;
mod client_certificate;
mod matrix;
mod names;
mod noise;
mod rotation;
mod unverified;
mod validation;
mod versions;
