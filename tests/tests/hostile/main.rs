//! The LDAP provider, in a host process of its own, against a directory server that means harm.
//!
//! A scenario is one behaviour of the server, at each point of the conversation at which it makes sense, for logins,
//! validations and listings; `catalogue` says which there have to be. Each runs in a process of its own, some with one
//! for each case. The process has to end well, with no panic, of the plugin's threads or others, and has to answer a
//! login at the server, grown honest, after each case. Each answer has to be the right one, in time, with at most
//! 16 MiB more memory than the process had before, five log records and no password in them. Whatever the server
//! does, it must see no bind that is anonymous or has an empty password, nothing but TLS where that is asked for, and
//! one bind as a user for each login at most, from its first connection to its last: see `tests::hostile::record`.
//! What all this would notice is proved by tests of its own: see `noticed` and `clear_text`.
//!
//! The short form plays every scenario over one transport, which of them depends on the scenario's place in the list.
//! `HOSTILE=full cargo test --release -p tests --test hostile` plays all of them over plain LDAP, `StartTLS` and LDAPS,
//! and prints a table; `HOSTILE=short` prints one of the short form. `HOSTILE_PAIRS` says how many pairs of logins meet a
//! server that swaps entries: `HOSTILE_PAIRS=1000000 cargo test --release -p tests --test hostile -- h40` makes a
//! million.
//!
//! The names of scenarios begin with the numbers of a catalogue of hostile behaviours (h) and of faults (r); what each
//! of them promises is a sentence beside it.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on must fail loudly, and the table is for people"
)]

mod answers;
mod catalogue;
mod clear_text;
mod framing;
mod grammar;
mod mixed_up;
mod noticed;
mod outages;
mod paging;
mod play;
mod scenario;
mod search;
mod starttls;
mod table;
mod tcp;
mod tls;
mod unsolicited;

use std::future::ready;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use tests::hostile::transport::{Certificates, Transport};

use crate::scenario::Scenario;
use crate::table::Table;

/// How many scenarios run at once: most of the time they wait.
const AT_ONCE: usize = 6;

/// The host.
const PROGRAM: &str = env!("CARGO_BIN_EXE_hostile_host");

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let form = std::env::var("HOSTILE").ok();
    let full = form.as_deref() == Some("full");
    let certificates = Arc::new(Certificates::make());
    let table = Arc::new(Table::default());
    let mut trials = Vec::new();
    for (number, scenario) in scenarios().into_iter().enumerate() {
        let scenario = Arc::new(scenario);
        let chosen = if full {
            scenario.transports.to_vec()
        } else {
            vec![scenario.transports[number % scenario.transports.len()]]
        };
        trials.extend(chosen.into_iter().map(|transport| trial(&scenario, transport, &certificates, &table)));
    }
    trials.extend(proofs(&certificates));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if form.is_some() && !arguments.list {
        table.print();
    }
    conclusion.exit_code()
}

fn scenarios() -> Vec<Scenario> {
    [
        // The longest first; and the first is played in the clear, where a million logins take minutes and not hours.
        mixed_up::scenarios(),
        framing::scenarios(),
        grammar::scenarios(),
        answers::scenarios(),
        search::scenarios(),
        paging::scenarios(),
        unsolicited::scenarios(),
        starttls::scenarios(),
        tls::scenarios(),
        tcp::scenarios(),
        outages::scenarios(),
    ]
    .concat()
}

/// The proofs that what a scenario looks for would be found.
fn proofs(certificates: &Arc<Certificates>) -> Vec<Trial> {
    let (certificates, same) = (Arc::clone(certificates), Arc::clone(certificates));
    vec![
        proof("a_process_that_ends_badly_is_noticed", || noticed::bad_end(Path::new(PROGRAM))),
        proof("a_panic_on_a_thread_of_the_plugin_is_noticed", || noticed::panic_on_a_thread(Path::new(PROGRAM))),
        proof("a_panic_after_the_last_answer_is_noticed", || noticed::panic_at_the_end(Path::new(PROGRAM))),
        proof("a_lie_that_is_never_told_is_noticed", || noticed::lie_never_told(Path::new(PROGRAM), same)),
        proof("every_number_of_the_catalogue_is_played", || ready(catalogue::is_complete(&scenarios()))),
        proof("a_password_in_the_clear_is_noticed", || clear_text::is_noticed(certificates)),
        proof("a_plugin_that_does_not_panic_passes", || noticed::no_panic(Path::new(PROGRAM))),
    ]
}

fn proof<F: Future<Output = Result<(), String>>>(name: &str, play: impl FnOnce() -> F + Send + 'static) -> Trial {
    Trial::test(name, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(play()).map_err(Into::into)
    })
}

fn trial(
    scenario: &Arc<Scenario>,
    transport: Transport,
    certificates: &Arc<Certificates>,
    table: &Arc<Table>,
) -> Trial {
    let (scenario, certificates, table) = (Arc::clone(scenario), Arc::clone(certificates), Arc::clone(table));
    Trial::test(format!("{}::{transport}", scenario.name), move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let begun = std::time::Instant::now();
        let mut played = runtime.block_on(play::scenario(&scenario, transport, &certificates, Path::new(PROGRAM)));
        played.took = begun.elapsed();
        let result = played.verdict(scenario.promise);
        table.add(&scenario, transport, played);
        result.map_err(Into::into)
    })
}
