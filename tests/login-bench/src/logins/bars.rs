use super::cell::{Measured, Part};
use crate::bar::Bar;
use crate::figures::Figures;
use crate::peer::{Kind, Warmth};
use crate::target::Transport::{self, Ldaps, Plain};

/// What the plugin has to reach.
pub fn of(measured: &[Measured]) -> Vec<Bar> {
    let all = All(measured);
    let mut bars = Vec::new();
    for transport in [Plain, Ldaps] {
        let figures = all.plugin_to(Kind::Libldap, transport, 64, |row| &row.rate);
        bars.push(Bar::at_least(named(transport, 64, "logins/s, plugin to libldap"), figures, 1.0).aim(1.4));
    }
    for (transport, client, limit) in [
        (Plain, Kind::GoA, 3.5),
        (Plain, Kind::Go2, 5.0),
        (Ldaps, Kind::GoA, 9.0),
        (Ldaps, Kind::Go2, 15.0),
        (Ldaps, Kind::Saslauthd, 2.0),
    ] {
        let figures = all.plugin_to(client, transport, 64, |row| &row.rate);
        let what = format!("logins/s, plugin to {}", client.name());
        bars.push(Bar::at_least(named(transport, 64, &what), figures, limit));
    }
    for transport in [Plain, Ldaps] {
        let figures = all.plugin_to(Kind::Libldap, transport, 1, |row| &row.p50);
        bars.push(Bar::at_most(named(transport, 1, "p50, plugin to libldap"), figures, 1.6).aim(1.3));
    }
    for transport in [Plain, Ldaps] {
        let figures = all.plugin_to(Kind::Libldap, transport, 64, |row| &row.p99);
        bars.push(Bar::at_most(named(transport, 64, "p99, plugin to libldap"), figures, 1.0));
    }
    for transport in [Plain, Ldaps] {
        let figures = all.plugin_to(Kind::Libldap, transport, 64, |row| &row.cpu);
        bars.push(Bar::at_most(named(transport, 64, "CPU of a login, plugin to libldap"), figures, 1.2));
    }
    // A start costs more than connections; but not so much that who dials each time is faster.
    for (warmth, limit) in [(Warmth::Cold, 0.9), (Warmth::First, 1.0)] {
        let find = |client| all.find(client, Part::Logins, Ldaps, 1, warmth);
        let figures = both(find(Kind::Plugin), find(Kind::GoA), |row| &row.p50);
        bars.push(Bar::at_most(format!("ldaps, {}: p50, plugin to go-ldap A", warmth.word()), figures, limit));
    }
    // Two round trips and a little; and where nobody is connected those of TCP, of TLS and of the service account's bind too.
    for (warmth, limit) in [(Warmth::Warm, 23.0), (Warmth::Cold, 56.0), (Warmth::First, 56.0)] {
        let plugin = all.find(Kind::Plugin, Part::Distance, Ldaps, 1, warmth);
        let figures = plugin.map(|plugin| plugin.p50.0.iter().map(|micros| micros / 1e3).collect());
        let what = format!("ldaps, {}, 10 ms away: p50 of the plugin in ms", warmth.word());
        bars.push(Bar::at_most(what, figures, limit).digits(1));
    }
    bars
}

fn named(transport: Transport, callers: u32, what: &str) -> String {
    format!("{}, {callers} {}: {what}", transport.name(), if callers == 1 { "caller" } else { "callers" })
}

struct All<'a>(&'a [Measured]);

impl All<'_> {
    fn find(&self, client: Kind, part: Part, transport: Transport, callers: u32, warmth: Warmth) -> Option<&Measured> {
        self.0.iter().find(|row| {
            (row.client, row.part, row.transport, row.callers, row.warmth) == (client, part, transport, callers, warmth)
        })
    }

    fn plugin_to(
        &self,
        client: Kind,
        transport: Transport,
        callers: u32,
        figures: fn(&Measured) -> &Figures,
    ) -> Option<Figures> {
        let find = |client| self.find(client, Part::Logins, transport, callers, Warmth::Warm);
        both(find(Kind::Plugin), find(client), figures)
    }
}

fn both(plugin: Option<&Measured>, other: Option<&Measured>, figures: fn(&Measured) -> &Figures) -> Option<Figures> {
    Some(figures(plugin?).to(figures(other?)))
}
