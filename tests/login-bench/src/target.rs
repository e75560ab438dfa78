use std::path::PathBuf;

use serde_json::{Value, json};

use crate::directory::{self, BULK_DN, Directory};

/// How the directory is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In the clear.
    Plain,
    /// TLS after a request for it.
    StartTls,
    /// TLS from the first octet.
    Ldaps,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::StartTls, Self::Ldaps];

    /// Its name in a table and in a selection.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::StartTls => "starttls",
            Self::Ldaps => "ldaps",
        }
    }
}

/// What the plugin asks for of each user in a listing, and so do the others. Keep it so: what a server has to send costs
/// time.
pub const LISTED_ATTRIBUTES: [&str; 11] = [
    "uid",
    "entryUUID",
    "displayName",
    "cn",
    "mail",
    "telephoneNumber",
    "mobile",
    "pwdAccountLockedTime",
    "pwdStartTime",
    "pwdEndTime",
    "shadowExpire",
];

/// The same of the user at a login, which shows more.
pub fn login_attributes() -> Vec<&'static str> {
    [&LISTED_ATTRIBUTES[..], &["givenName", "sn"]].concat()
}

/// The directory, as its clients see it.
#[derive(Clone, Debug)]
pub struct Target {
    /// How it is reached.
    pub transport: Transport,
    /// Where.
    pub host: &'static str,
    /// Where.
    pub port: u16,
    /// The certificate of its CA.
    pub ca_file: PathBuf,
    /// How many users it has.
    pub users: u32,
    settings: Value,
}

impl Target {
    /// A directory, by one of its transports.
    pub fn of(directory: &Directory, transport: Transport, users: u32) -> Self {
        let mut settings = directory.settings_over(match transport {
            Transport::Plain => directory::Transport::Plain,
            Transport::StartTls => directory::Transport::StartTls,
            Transport::Ldaps => directory::Transport::Ldaps,
        });
        settings["base_dn"] = json!(BULK_DN);
        // As by default: the plugin finds out what the directory is.
        settings["directory"] = json!("auto");
        settings["username_attribute"] = json!(["uid"]);
        let port = match transport {
            Transport::Plain => directory.port(),
            Transport::StartTls => directory.start_tls_port(),
            Transport::Ldaps => directory.tls_port(),
        };
        let ca_file = directory.ca_file().to_owned();
        Self { transport, host: directory.host(), port, ca_file, users, settings }
    }

    /// The same directory, through another port.
    pub fn behind(mut self, port: u16) -> Self {
        self.port = port;
        self.settings["port"] = json!(port);
        self
    }

    /// The settings of the plugin, the service account's password included.
    pub fn settings(&self) -> &Value {
        &self.settings
    }

    /// Its URL for the clients that want one.
    pub fn url(&self) -> String {
        let scheme = if self.transport == Transport::Ldaps { "ldaps" } else { "ldap" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    /// Whether TLS has to be asked for.
    pub fn start_tls(&self) -> bool {
        self.transport == Transport::StartTls
    }
}
