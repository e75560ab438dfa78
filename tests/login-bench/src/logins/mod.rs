//! Logins by several clients, in turn.

mod bars;
mod cell;
mod same_work;
mod table;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use crate::arguments::Logins;
use crate::directory::Directory;
use crate::failure::{Failure, Outcome};
use crate::peer::{Kind, Programs, Warmth};
use crate::progress::{say, setting};
use crate::relay::Relay;
use crate::target::{Target, Transport};
use crate::{bar, selection::Selection};
use cell::{Cell, Part};

/// How many callers there are at once.
pub const CALLERS: [u32; 3] = [1, 8, 64];

/// How far away the relay puts the directory.
pub const ROUND_TRIP: Duration = Duration::from_millis(10);

/// Measures what is selected, prints the table, then the bars.
pub fn run(options: &Logins) -> Outcome<ExitCode> {
    let cells = selected(&options.common.only);
    let uses = |kind| cells.iter().any(|cell| cell.clients.contains(&kind));
    if cells.is_empty() {
        return Err(Failure("nothing is selected: see --help".to_owned()));
    }
    let go = uses(Kind::GoA) || uses(Kind::Go2);
    let programs = Programs::build(&options.common, options.saslauthd_processes, uses(Kind::Libldap), go)?;
    let directory = directory(options.users);

    println!(
        "Logins {}: {} users, {} rounds of {:?} for each client, in turn.",
        setting(),
        options.users,
        options.common.rounds,
        options.seconds
    );
    table::print_head();
    let mut measured = Vec::new();
    for (number, cell) in cells.iter().enumerate() {
        say(format_args!("{} of {}: {cell}, callers: {}", number + 1, cells.len(), cell.callers));
        let target = Target::of(&directory, cell.transport, options.users);
        let (target, _relay) = if cell.part.is_at_a_distance() {
            let server = SocketAddr::new(target.host.parse().expect("an address"), target.port);
            let relay = Relay::start(server, ROUND_TRIP)?;
            (target.behind(relay.port()), Some(relay))
        } else {
            (target, None)
        };
        let rows = cell.measure(&programs, &target, &directory, options)?;
        table::print(cell, &rows);
        measured.extend(rows);
    }
    Ok(bar::print(&bars::of(&measured)))
}

/// Starts the server that is logged in to.
pub fn directory(users: u32) -> Directory {
    say(format_args!("starting slapd with {users} users"));
    Directory::builder().bulk_users(users as usize).for_measuring().start()
}

fn selected(only: &Selection) -> Vec<Cell> {
    let clients = |kinds: &[Kind]| kinds.iter().copied().filter(|kind| only.has(kind.word())).collect();
    let mut cells = Vec::new();
    for transport in Transport::ALL {
        for callers in CALLERS {
            cells.push(Cell {
                part: Part::Logins,
                transport,
                callers,
                warmth: Warmth::Warm,
                clients: clients(&Kind::ALL),
            });
        }
    }
    // Beside those who keep no connections, and at a distance, beside who does.
    let dialling = &[Kind::Plugin, Kind::GoA, Kind::Go2][..];
    for (part, warmth, kinds) in [
        (Part::Logins, Warmth::Cold, dialling),
        (Part::Logins, Warmth::First, dialling),
        (Part::Distance, Warmth::Warm, &[Kind::Plugin, Kind::Libldap]),
        (Part::Distance, Warmth::Cold, &[Kind::Plugin, Kind::GoA]),
        (Part::Distance, Warmth::First, &[Kind::Plugin, Kind::GoA]),
    ] {
        cells.push(Cell { part, transport: Transport::Ldaps, callers: 1, warmth, clients: clients(kinds) });
    }
    cells.retain(|cell| cell.is_selected(only) && !cell.clients.is_empty());
    cells
}
