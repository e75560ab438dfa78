//! What runs in the processes that are measured.

mod latencies;
mod plugin;
mod saslauthd;

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::{Failure, Outcome, cannot};

/// Which client, and for whom.
#[derive(Debug, Subcommand)]
pub enum ClientArguments {
    /// Loads the plugin.
    Plugin { callers: usize, users: u32, plugin: PathBuf },
    /// Asks saslauthd.
    Saslauthd { callers: usize, users: u32, socket: PathBuf },
}

/// Does what the lines of standard input say until they end.
pub fn run(arguments: ClientArguments) -> ExitCode {
    let name = match arguments {
        ClientArguments::Plugin { .. } => "plugin",
        ClientArguments::Saslauthd { .. } => "saslauthd",
    };
    let outcome = match arguments {
        ClientArguments::Plugin { callers, users, plugin } => plugin::serve(&plugin, callers, users),
        ClientArguments::Saslauthd { callers, users, socket } => saslauthd::serve(&socket, callers, users),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The next line; `None` at the end.
fn next_line() -> Outcome<Option<String>> {
    io::stdin().lock().lines().next().transpose().map_err(cannot("read standard input"))
}

/// A line that has to be there.
fn first_line() -> Outcome<String> {
    next_line()?.ok_or_else(|| Failure("standard input ended early".to_owned()))
}

/// What one line says to do.
enum Order {
    /// Logins for so many milliseconds.
    Round(u64),
    /// The same, everything anew for each.
    Cold(u64),
    /// So many logins.
    Logins(u64),
    /// A listing.
    List,
    /// The plugin's metrics.
    Metrics,
}

impl Order {
    fn next() -> Outcome<Option<Self>> {
        let Some(line) = next_line()? else { return Ok(None) };
        let mut words = line.split_whitespace();
        let (word, number) = (words.next(), words.next().and_then(|number| number.parse().ok()));
        let order = match (word, number) {
            (Some("round"), Some(milliseconds)) => Self::Round(milliseconds),
            (Some("cold"), Some(milliseconds)) => Self::Cold(milliseconds),
            (Some("logins"), Some(count)) => Self::Logins(count),
            (Some("list"), _) => Self::List,
            (Some("metrics"), _) => Self::Metrics,
            _ => return Err(Failure(format!("no such order: {line}"))),
        };
        Ok(Some(order))
    }
}
