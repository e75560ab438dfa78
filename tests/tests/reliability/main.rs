//! Logins while servers die, hang, come back, forget connections or change a password, and many as the first of a new
//! provider: who is let in, who is told what, how often a password is sent, and how long anybody waits.
//!
//! Everything goes through the real plugin file, real directories, and (but for LDAPS, which it could not read) a proxy in
//! front of each that makes the faults and counts the binds. Each scenario has a short form, which holds what must hold on
//! any machine, and a long form, which measures as well and prints figures against their bars:
//!
//! ```text
//! RELIABILITY=long cargo test --release -p tests --test reliability -- --nocapture --test-threads 1 restarts::
//! ```
//!
//! The words of `tests/long` are the names of the modules: `deadlines`, `restarts`, `isolation`, `bursts`,
//! `passwords`, `rotation`, `idle`.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what these meet in a test fails the test, which is the point"
)]

mod audit;
mod bars;
mod bursts;
mod deadlines;
mod idle;
mod isolation;
mod load;
mod passwords;
mod people;
mod replicas;
mod restarts;
mod rotation;
mod world;
