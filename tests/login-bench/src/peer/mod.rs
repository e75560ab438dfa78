//! The clients that are measured, each in a process of its own.

mod conversation;
mod programs;
mod saslauthd;

use std::process::{Command, Stdio};
use std::time::Duration;

pub use conversation::{Conversation, Listed, Round};
pub use programs::Programs;

use crate::directory::{BULK_DN, READER_DN, READER_PASSWORD, password_of};
use crate::failure::Outcome;
use crate::process;
use crate::target::{LISTED_ATTRIBUTES, Target, login_attributes};
use saslauthd::Saslauthd;

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The plugin's file, through the host's face of the contract.
    Plugin,
    /// libldap in C, with connections that are kept.
    Libldap,
    /// go-ldap: one connection for each login.
    GoA,
    /// go-ldap: two connections for each login.
    Go2,
    /// saslauthd, asked through its socket.
    Saslauthd,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Plugin, Self::Libldap, Self::GoA, Self::Go2, Self::Saslauthd];

    /// Its name in a selection.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Libldap => "libldap",
            Self::GoA => "go-a",
            Self::Go2 => "go-2",
            Self::Saslauthd => "saslauthd",
        }
    }

    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::GoA => "go-ldap A",
            Self::Go2 => "go-ldap 2",
            other => other.word(),
        }
    }
}

/// What is kept from one login to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warmth {
    /// All that the client keeps.
    Warm,
    /// Everything but connections.
    Cold,
    /// What the process has, as after a start.
    First,
}

impl Warmth {
    /// Its name in a table and in a selection.
    pub fn word(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Cold => "cold",
            Self::First => "first",
        }
    }
}

/// A client that runs.
pub struct Peer {
    kind: Kind,
    conversation: Conversation,
    daemon: Option<Saslauthd>,
}

impl Peer {
    /// Starts a client with so many callers at once.
    pub fn start(kind: Kind, programs: &Programs, target: &Target, callers: u32) -> Outcome<Self> {
        let daemon = match kind {
            Kind::Saslauthd => Some(Saslauthd::start(target, programs.saslauthd_processes)?),
            _ => None,
        };
        let mut command = match kind {
            Kind::Plugin => programs.plugin_client(callers, target.users),
            Kind::Libldap => with_target(process::tethered(&programs.libldap), target, callers, &login_attributes()),
            Kind::GoA => go_ldap(programs, "A", target, callers, &login_attributes()),
            Kind::Go2 => go_ldap(programs, "2", target, callers, &login_attributes()),
            Kind::Saslauthd => {
                // Not tethered: it ends when its input does, and the daemon with it.
                let mut command = Command::new(&programs.own);
                command.args(["client", "saslauthd"]).args([callers, target.users].map(|count| count.to_string()));
                if let Some(daemon) = &daemon {
                    command.arg(daemon.socket()).arg(daemon.group().to_string());
                }
                command
            }
        };
        let passwords = password_of("");
        let input = match kind {
            Kind::Plugin => vec![target.settings().to_string(), passwords],
            Kind::Libldap | Kind::GoA | Kind::Go2 => vec![READER_PASSWORD.to_owned(), passwords],
            Kind::Saslauthd => vec![passwords],
        };
        let conversation = Conversation::begin(kind.name(), command.stdin(Stdio::piped()), &input)?;
        Ok(Self { kind, conversation, daemon })
    }

    /// Which one it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Logs in for so long, if it is not warm after being quiet before each login. Every login has to succeed.
    pub fn round(&mut self, warmth: Warmth, length: Duration, quiet: Duration) -> Outcome<Round> {
        let (word, quiet) = match (self.kind, warmth) {
            (_, Warmth::Warm) => ("round", None),
            (Kind::Plugin, Warmth::First) => ("first", Some(quiet)),
            // Who keeps no connections has no other way for what is the first.
            (_, Warmth::Cold | Warmth::First) => ("cold", Some(quiet)),
        };
        let before = self.daemon.as_ref().map(Saslauthd::time_on_core);
        let mut round = self.conversation.round(word, length, quiet)?;
        if let (Some(daemon), Some(before)) = (&self.daemon, before) {
            // What the one that asks it spends is no part of it.
            round.cpu = daemon.time_on_core().saturating_sub(before);
        }
        Ok(round)
    }

    /// The most memory that it had, in MiB.
    pub fn peak(&self) -> f64 {
        match &self.daemon {
            Some(daemon) => daemon.peak(),
            None => process::peak(self.conversation.process()).unwrap_or(f64::NAN),
        }
    }

    /// To ask for more than rounds.
    pub fn conversation(&mut self) -> &mut Conversation {
        &mut self.conversation
    }
}

/// go-ldap, to list with.
pub fn listing_go_ldap(programs: &Programs, target: &Target) -> Outcome<Conversation> {
    let mut command = go_ldap(programs, "A", target, 1, &LISTED_ATTRIBUTES);
    let input = [READER_PASSWORD.to_owned(), password_of("")];
    Conversation::begin("go-ldap", command.stdin(Stdio::piped()), &input)
}

fn go_ldap(programs: &Programs, strategy: &str, target: &Target, callers: u32, attributes: &[&str]) -> Command {
    let mut command = process::tethered(&programs.go_ldap);
    command.arg(strategy);
    with_target(command, target, callers, attributes)
}

/// The arguments that the programs in C and in Go share.
fn with_target(mut command: Command, target: &Target, callers: u32, attributes: &[&str]) -> Command {
    let start_tls = if target.start_tls() { "1" } else { "0" };
    command.args([&target.url(), start_tls]).arg(&target.ca_file).args([BULK_DN, READER_DN]);
    command.args([callers, target.users].map(|count| count.to_string())).arg(attributes.join(","));
    command
}
