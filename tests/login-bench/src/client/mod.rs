//! What runs in the processes that are measured.

mod connections;
mod latencies;
mod plugin;
mod saslauthd;

use std::io::{self, BufRead, Write};
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
    Saslauthd { callers: usize, users: u32, socket: PathBuf, group: u32 },
}

/// Does what the lines of standard input say until they end.
pub fn run(arguments: ClientArguments) -> ExitCode {
    let name = match arguments {
        ClientArguments::Plugin { .. } => "plugin",
        ClientArguments::Saslauthd { .. } => "saslauthd",
    };
    let outcome = match arguments {
        ClientArguments::Plugin { callers, users, plugin } => plugin::serve(&plugin, callers, users),
        ClientArguments::Saslauthd { callers, users, socket, group } => {
            saslauthd::serve(&socket, group, callers, users)
        }
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

/// Answers. Not by `println`, which panics when the bench is gone: there is something left to do then.
fn say(answer: &str) -> Outcome<()> {
    writeln!(io::stdout(), "{answer}").map_err(cannot("answer"))
}

/// A line that has to be there.
fn first_line() -> Outcome<String> {
    next_line()?.ok_or_else(|| Failure("standard input ended early".to_owned()))
}

/// What one line says to do.
enum Order {
    /// Logins for so many milliseconds.
    Round(u64),
    /// The same, each on connections of its own, after so many microseconds in which nothing is done.
    Cold(u64, u64),
    /// The same, each by a provider of its own.
    First(u64, u64),
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
        let word = words.next();
        let mut number = || words.next().and_then(|number| number.parse().ok());
        let order = match (word, number(), number()) {
            (Some("round"), Some(milliseconds), _) => Self::Round(milliseconds),
            (Some("cold"), Some(milliseconds), Some(pause)) => Self::Cold(milliseconds, pause),
            (Some("first"), Some(milliseconds), Some(pause)) => Self::First(milliseconds, pause),
            (Some("logins"), Some(count), _) => Self::Logins(count),
            (Some("list"), ..) => Self::List,
            (Some("metrics"), ..) => Self::Metrics,
            _ => return Err(Failure(format!("no such order: {line}"))),
        };
        Ok(Some(order))
    }
}
