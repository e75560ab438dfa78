//! The harness's program against a real slapd: what scripts and people see.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what these meet in a test fails the test, which is the point"
)]

mod accounts;
mod demo;
mod first_logins;
mod front_end;
mod listing;
mod login;
mod reload;
mod run;
mod secrets;
mod several_providers;
mod store;
mod validate;
mod without_plugin;
