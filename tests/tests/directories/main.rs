//! The LDAP provider, out of its plugin file, against each directory server that it is made for: one suite, in which
//! every promise is written once. What differs between the servers is in `table`.
//!
//! `DIRECTORIES` chooses the servers, with commas between them: `DIRECTORIES=openldap,389ds,samba`. Without it that is
//! OpenLDAP alone, which every run of the tests has. `tests/directories` installs the others and runs all of them.
//!
//! Each server is started once, by the first test that needs it, and shared by its tests, whose people and groups have
//! names of their own. Tests that count the server's requests have it to themselves.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what these meet in a test fails the test, which is the point"
)]

mod account_states;
mod answer;
mod arrangements;
mod groups;
mod listing;
mod lockout;
mod names;
mod promise;
mod server;
mod settings;
mod spellings;
mod subjects;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use tests::deployment::Kind;

use crate::promise::Promise;
use crate::server::Server;

/// How many tests run at once.
const AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let servers: Vec<Arc<Server>> = chosen().into_iter().map(|kind| Arc::new(Server::new(kind))).collect();
    let trials = servers.iter().flat_map(|server| promises().into_iter().map(|promise| trial(server, promise)));
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    // Before the process ends: the servers end with these, and look at what they have been sent.
    drop(servers);
    conclusion.exit_code()
}

fn promises() -> Vec<Promise> {
    [
        // The longest first.
        listing::promises(),
        arrangements::promises(),
        account_states::promises(),
        names::promises(),
        spellings::promises(),
        subjects::promises(),
        groups::promises(),
        lockout::promises(),
    ]
    .concat()
}

/// The servers that the environment names.
fn chosen() -> Vec<Kind> {
    let names = std::env::var("DIRECTORIES").unwrap_or_else(|_| Kind::OpenLdap.name().to_owned());
    let kind_of = |name: &str| {
        Kind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_else(|| {
            let known = Kind::ALL.map(Kind::name).join(", ");
            panic!("DIRECTORIES={names}: {name:?} is none of {known}")
        })
    };
    names.split(',').map(|name| kind_of(name.trim())).collect()
}

fn trial(server: &Arc<Server>, promise: Promise) -> Trial {
    let server = Arc::clone(server);
    Trial::test(format!("{}::{}", server.kind.name(), promise.name), move || {
        server.keep(&promise);
        Ok(())
    })
}
