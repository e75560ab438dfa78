use super::cell::{Cell, Measured};
use crate::figures::Figures;
use crate::peer::{Kind, Warmth};

/// Prints the names of the columns.
pub fn print_head() {
    println!(
        "\n| | callers | client | logins/s | p50 µs | p99 µs | CPU µs | peak MiB | plugin to it: logins/s | p50 | p99 | CPU |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
}

/// Prints a row for each client of a cell: medians, lowest to highest, and what the plugin has to it, round by round.
pub fn print(cell: &Cell, rows: &[Measured]) {
    let plugin = rows.iter().find(|row| row.client == Kind::Plugin);
    for row in rows {
        let ratio = |figures: fn(&Measured) -> &Figures| match plugin {
            Some(plugin) if row.client != Kind::Plugin => figures(plugin).to(figures(row)).shown_median(2),
            _ => String::new(),
        };
        // What is done and waited for between logins that are cold or the first is no part of them.
        let is_continuous = row.warmth == Warmth::Warm;
        let continuous = |shown: String| if is_continuous { shown } else { String::new() };
        println!(
            "| {cell} | {} | {} | {} | {} | {} | {} | {:.0} | {} | {} | {} | {} |",
            row.callers,
            row.client.name(),
            continuous(row.rate.shown(0)),
            row.p50.shown(0),
            row.p99.shown(0),
            continuous(row.cpu.shown(0)),
            row.peak,
            continuous(ratio(|row| &row.rate)),
            ratio(|row| &row.p50),
            ratio(|row| &row.p99),
            continuous(ratio(|row| &row.cpu)),
        );
    }
}
