//! Very many logins through the plugin: whether its memory grows, and what each of them costs the server in requests.

use std::process::ExitCode;

use crate::arguments::Logins;
use crate::bar::{self, Bar};
use crate::directory::{Counters, Directory};
use crate::failure::{Failure, Outcome};
use crate::figures::Figures;
use crate::logins::directory;
use crate::peer::{Kind, Peer, Programs};
use crate::progress::{say, setting};
use crate::target::{Target, Transport};
use crate::{open_connections, process};

/// How many callers there are at once.
const CALLERS: u32 = 64;

/// Memory is looked at so often.
const PARTS: u64 = 10;

/// How many logins let a pool become as large as it will, for each caller.
const WARMING_UP: u64 = 20;

/// Logs in `count` times.
pub fn run(options: &Logins, count: u64) -> Outcome<ExitCode> {
    let only = &options.common.only;
    let transport = Transport::ALL.into_iter().find(|transport| only.names(transport.name()));
    let transport = transport.unwrap_or(Transport::Ldaps);
    let programs = Programs::build(&options.common, options.saslauthd_processes, false, false)?;
    let directory = directory(options.users);
    let target = Target::of(&directory, transport, options.users);
    let mut peer = Peer::start(Kind::Plugin, &programs, &target, CALLERS)?;

    println!("{count} logins by {CALLERS} callers over {} {}.", transport.name(), setting());
    println!("\n| logins | failed | logins/s | CPU µs | resident MiB | connections open |\n|---|---|---|---|---|---|");
    let mut resident = vec![resident(&mut peer)?];
    println!("| 0 | | | | {:.1} | {} |", resident[0], open_connections::to(target.port));
    let metrics_before = peer.conversation().metrics()?;
    let meter = Meter::start(&directory);
    // The service account's bind is none of a login's.
    let mut failed = peer.conversation().logins(u64::from(CALLERS) * WARMING_UP)?.failed;
    let warm = meter.read();
    let watch = open_connections::Watch::start(target.port);
    let (mut done, mut succeeded) = (0, 0);
    for part in 1..=PARTS {
        let wanted = count * part / PARTS - done;
        let round = peer.conversation().logins(wanted)?;
        done += wanted;
        succeeded += round.logins;
        failed += round.failed;
        let (open, now) = (open_connections::to(target.port), self::resident(&mut peer)?);
        resident.push(now);
        let (seconds, logins) = (round.elapsed.as_secs_f64(), float(wanted));
        let (rate, cpu) = (logins / seconds, round.cpu.as_secs_f64() * 1e6 / logins);
        println!("| {done} | {failed} | {rate:.0} | {cpu:.0} | {now:.1} | {open} |");
        say(format_args!("{done} of {count}"));
    }
    let end = meter.read();
    let most_open = watch.highest();
    print_metrics(&metrics_before, &peer.conversation().metrics()?);
    let peak = process::peak(peer.conversation().process()).unwrap_or(f64::NAN);

    let (binds, searches) = (end.binds - warm.binds, end.searches - warm.searches);
    let opened = end.connections;
    println!("\nAs slapd has counted: {binds} binds and {searches} searches for the {done} logins after warming up;");
    println!("{opened} connections in all. At most {most_open} were seen open at once. Peak memory: {peak:.1} MiB.");
    let requests = Figures(vec![float(binds + searches) / float(done)]);
    let growth = Figures(vec![resident[resident.len() - 1] - resident[1]]);
    Ok(bar::print(&[
        Bar::at_most("logins that failed", Some(one(failed)), 0.0).digits(0),
        Bar::at_least("logins that succeeded", Some(one(succeeded)), float(count)).digits(0),
        Bar::exactly("requests for a login", Some(requests), 2.0).digits(5),
        Bar::at_most("connections opened in all", Some(one(opened)), 18.0).digits(0),
        Bar::at_most("MiB of memory more at the end than after a tenth", Some(growth), 4.0).digits(1),
    ]))
}

fn resident(peer: &mut Peer) -> Outcome<f64> {
    let process = peer.conversation().process();
    process::resident(process).ok_or_else(|| Failure("the client has ended: see its words above".to_owned()))
}

/// The server's counters, without what reading them adds.
struct Meter<'a> {
    directory: &'a Directory,
    start: Counters,
    /// What one reading adds to the next.
    own: Counters,
    readings: std::cell::Cell<u64>,
}

impl<'a> Meter<'a> {
    fn start(directory: &'a Directory) -> Self {
        let (first, start) = (directory.counters(), directory.counters());
        let own = difference(start, first, Counters::default(), 0);
        Self { directory, start, own, readings: std::cell::Cell::new(0) }
    }

    /// What was counted since the start.
    fn read(&self) -> Counters {
        self.readings.set(self.readings.get() + 1);
        difference(self.directory.counters(), self.start, self.own, self.readings.get())
    }
}

fn difference(later: Counters, earlier: Counters, own: Counters, readings: u64) -> Counters {
    let of = |count: fn(&Counters) -> u64| count(&later) - count(&earlier) - readings * count(&own);
    Counters {
        connections: of(|counters| counters.connections),
        binds: of(|counters| counters.binds),
        searches: of(|counters| counters.searches),
        operations: of(|counters| counters.operations),
    }
}

fn print_metrics(before: &[(String, f64)], after: &[(String, f64)]) {
    println!("\n| metric of the plugin | before | after |\n|---|---|---|");
    for (name, now) in after {
        let then = before.iter().find(|(own, _)| own == name).map_or(0.0, |(_, value)| *value);
        println!("| {name} | {then} | {now} |");
    }
}

fn one(number: u64) -> Figures {
    Figures(vec![float(number)])
}

#[allow(clippy::cast_precision_loss, reason = "nobody logs in that often")]
fn float(number: u64) -> f64 {
    number as f64
}
