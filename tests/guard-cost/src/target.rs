use std::net::SocketAddr;
use std::path::PathBuf;

use crate::directory::{self, Directory};

/// How the directory is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In the clear.
    Plain,
    /// TLS from the first octet.
    Ldaps,
}

impl Transport {
    /// Its name in a table and on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Ldaps => "ldaps",
        }
    }
}

/// The directory to log in to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// How it is reached.
    pub transport: Transport,
    /// The certificate of its CA.
    pub ca_file: PathBuf,
}

impl Target {
    /// A directory, by one of its transports.
    pub fn of(directory: &Directory, transport: Transport) -> Self {
        // The settings and not the ports alone: the fixture looks out for binds in the clear that nobody configured.
        let settings = directory.settings_over(match transport {
            Transport::Plain => directory::Transport::Plain,
            Transport::Ldaps => directory::Transport::Ldaps,
        });
        let address = format!("{}:{}", directory.host(), settings["port"]).parse().expect("the address of a directory");
        Self { address, transport, ca_file: directory.ca_file().to_owned() }
    }
}
