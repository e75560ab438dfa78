//! TLS: whom the provider believes, over LDAPS and over StartTLS, and what reaches whom it does not believe.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what these meet in a test fails the test, which is the point"
)]

mod bind_audit;
