//! Logins and listings through the LDAP plugin, beside other clients that do the same work at the same server.
//!
//! The numbers of a shared machine mean little by themselves, so clients take turns, round by round, and what is held
//! against a bar is the ratio of two of them within a round. Every client is a process of its own, so that its CPU time
//! and its memory can be told from everybody else's. See `README.md`.
#![forbid(unsafe_code)]

mod arguments;
mod bar;
mod client;
#[allow(dead_code, reason = "the fixture has more than is needed here")]
#[path = "../../src/daemon.rs"]
mod daemon;
#[allow(dead_code, unused_imports, reason = "the fixture has more than is needed here")]
#[path = "../../src/directory/mod.rs"]
mod directory;
mod failure;
mod figures;
mod interruption;
mod listing;
mod logins;
mod meter;
mod octets;
mod open_connections;
mod peer;
mod process;
mod progress;
mod relay;
mod selection;
mod soak;
mod target;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Word};

fn main() -> ExitCode {
    match Arguments::parse().word {
        Word::Client(client) => client::run(client),
        Word::Logins(options) => interruption::watch(move || match options.soak {
            Some(count) => soak::run(&options, count),
            None => logins::run(&options),
        }),
        Word::Listing(options) => interruption::watch(move || listing::run(&options)),
    }
}
