//! What the wire guard costs a login, in CPU time of the client and in instructions, beside the same driver without it.
//!
//! Both drivers do the same with the same library, to the same slapd, on a runtime of the same kind: the service account
//! searches for a user by `uid`, then the user's DN and password are bound on another connection. One has the guard
//! between the library and the server, and binds by it; the other gives the library its own socket and, for LDAPS, its
//! own TLS, and binds by the library. So the difference is what the guard costs less what the library's own bind would.
//! The second driver exists for this measurement alone: no setting takes the guard away.
//!
//! Each is measured with fresh connections for every login and with kept ones, as a pool keeps them: one for all
//! searches, and one for the binds of each caller.
#![forbid(unsafe_code)]

#[allow(dead_code, reason = "the fixture has more than is needed here")]
#[path = "../../src/daemon.rs"]
mod daemon;
#[allow(dead_code, unused_imports, reason = "the fixture has more than is needed here")]
#[path = "../../src/directory/mod.rs"]
mod directory;
mod driver;
mod instructions;
mod rounds;
mod table;
mod target;
mod work;

use std::env;
use std::process::Command;

use directory::Directory;
use target::{Target, Transport};
use work::{Connections, Work};

/// What is measured: connections, callers, logins of a round, logins whose instructions are counted.
const WORKS: [(Connections, usize, u32, u32); 4] = [
    (Connections::Fresh, 1, 200, 40),
    (Connections::Fresh, 64, 400, 128),
    (Connections::Kept, 1, 1_500, 400),
    (Connections::Kept, 64, 6_000, 1_280),
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some(child) = instructions::Child::parse(&arguments) {
        return child.run();
    }
    let directory = Directory::builder().bulk_users(500).start();
    let targets = [Transport::Plain, Transport::Ldaps].map(|transport| Target::of(&directory, transport));
    println!("The cost of the wire guard per login, at commit {}, on {} cores.", commit(), cores());

    println!(
        "\nCPU time of the client in µs, user and system: median of {} rounds (lowest to highest).",
        rounds::ROUNDS
    );
    table::print(&targets, |target, connections, callers, logins, _| {
        rounds::compare(target, Work { connections, callers, logins })
    });

    println!(
        "\nInstructions in user space, in thousands, counted by callgrind: the difference between a run with more"
    );
    println!(
        "logins and one with fewer, divided by the difference in logins: median of {} pairs.",
        instructions::PAIRS
    );
    println!("The kernel's part, such as the way through the socket pair, is in the CPU time above and not here.");
    table::print(&targets, |target, connections, callers, _, logins| {
        instructions::compare(target, Work { connections, callers, logins })
    });
}

fn commit() -> String {
    let output =
        Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}
