use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::client::ClientArguments;
use crate::selection::Selection;

/// The plugin that the repository's own release build makes.
const PLUGIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release/libldap_provider.so");

/// Logins and listings through the LDAP plugin, beside other clients of the same server.
#[derive(Debug, Parser)]
pub struct Arguments {
    #[command(subcommand)]
    pub word: Word,
}

#[derive(Debug, Subcommand)]
pub enum Word {
    /// Logins by 1, 8 and 64 callers at once; cold and first ones; ones at a distance; with --soak, very many.
    Logins(Logins),
    /// Listings of ten thousand, a hundred thousand and a million users.
    Listing(Listing),
    /// What the bench starts to be measured.
    #[command(hide = true, subcommand)]
    Client(ClientArguments),
}

/// What both words take.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The plugin's file, built with --release.
    #[arg(long, value_name = "FILE", default_value = PLUGIN)]
    pub plugin: PathBuf,
    /// How many rounds each client plays.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Measures these alone, parted by commas: of every kind that is named, what is named.
    #[arg(long, value_name = "WORDS", default_value = "", long_help = Selection::HELP)]
    pub only: Selection,
}

#[derive(Args, Clone, Debug)]
pub struct Logins {
    #[command(flatten)]
    pub common: Common,
    /// How long a round of one client is.
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub seconds: Duration,
    /// How long each client runs before its first round.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub warm_up: Duration,
    /// How long a client does nothing before each login that is cold or the first.
    #[arg(long, value_name = "MILLISECONDS", default_value = "2", value_parser = milliseconds)]
    pub quiet: Duration,
    /// How many users the directory has.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub users: u32,
    /// How many processes saslauthd has.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub saslauthd_processes: u32,
    /// Instead of rounds: so many logins by 64 callers through the plugin, with its memory, and the requests that the
    /// server has counted.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "100000",
          value_parser = clap::value_parser!(u64).range(10..))]
    pub soak: Option<u64>,
}

#[derive(Args, Clone, Debug)]
pub struct Listing {
    #[command(flatten)]
    pub common: Common,
    /// How many users a page of the other clients has; the plugin's own is the constant `USUAL_PAGE` in
    /// ldap-provider/src/kind/facts.rs.
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..))]
    pub page: u32,
    /// How many rounds there are for a million users, of whom the memory counts more than the time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub million_rounds: u32,
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    within(text, 0.0..=1000.0).map(|milliseconds| Duration::from_secs_f64(milliseconds / 1e3))
}

fn seconds(text: &str) -> Result<Duration, String> {
    within(text, 0.1..=3600.0).map(Duration::from_secs_f64)
}

fn within(text: &str, range: RangeInclusive<f64>) -> Result<f64, String> {
    let number = text.parse().map_err(|_| "not a number".to_owned())?;
    if range.contains(&number) { Ok(number) } else { Err(format!("from {} to {}", range.start(), range.end())) }
}
