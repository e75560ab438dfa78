//! The settings: what an administrator writes, and what becomes of it.

mod config;
#[cfg(test)]
mod config_tests;
mod hosts;
mod one_or_many;
mod server;
mod timeout;
mod username_attribute;

use provider_api::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use config::{Account, Config};
use hosts::Hosts;
use username_attribute::OneOrMany;

/// Settings of the LDAP provider. The first ten are those of the LDAP page of RustDesk Server Pro.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The directory server: a host name, an IP address, or a URL that begins with ldap:// or ldaps://. A name
    /// without a scheme is spoken to by plain LDAP unless `start_tls` is on. Or several servers of one directory, as a
    /// list or with commas between them, in the order in which they are preferred: the next one is asked when one does
    /// not answer.
    pub host: Hosts,
    /// The port of each server that does not name its own. By default 389, and 636 for ldaps://.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The DN below which users are searched for, such as ou=people,dc=example,dc=com.
    pub base_dn: String,
    /// How deep users are searched for: `one` finds those immediately below the base DN, `sub` finds the base itself
    /// and everything below it. By default `one`.
    #[serde(default)]
    #[schemars(extend("default" = "one"))]
    pub scope: Scope,
    /// The service account that searches for users: a DN, or for Active Directory also user@domain or DOMAIN\user.
    /// Without it the search is anonymous.
    #[serde(default)]
    pub bind_dn: Option<String>,
    /// The password of the service account.
    #[serde(default)]
    pub bind_password: Option<Secret>,
    /// A filter that users must match beside their name, with or without outer parentheses, such as
    /// (&(objectClass=person)(!(description=guest))).
    #[serde(default)]
    pub filter: Option<String>,
    /// The attribute that a typed name is looked for in, or a list of them. By default uid and cn. Active Directory:
    /// sAMAccountName.
    #[serde(default)]
    pub username_attribute: OneOrMany,
    /// Whether the connection begins in the clear and becomes TLS before anything else is said. Not together with
    /// ldaps://.
    #[serde(default)]
    pub start_tls: bool,
    /// Switches the checks of the server's certificate and of its name off, for this provider instance alone. Whoever
    /// can redirect the connection can then read passwords.
    #[serde(default)]
    pub no_tls_verify: bool,
    /// A file with certificates in PEM that are trusted beside the system's: the CA's, or the server's own if it is
    /// self-signed. A file that is replaced is picked up within some seconds.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// The name that the server's certificate has to carry, if it is not the host.
    #[serde(default)]
    pub tls_server_name: Option<String>,
    /// Refuses settings by which passwords would travel unprotected: plain LDAP, and `no_tls_verify`.
    #[serde(default)]
    pub require_tls: bool,
    /// The attribute that holds the immutable id of a person, which accounts are keyed by. By default the first that
    /// an entry has of entryUUID, objectGUID, nsUniqueId, ipaUniqueID and GUID. A change would
    /// make other accounts of the same people, so hosts refuse it.
    #[serde(default)]
    pub subject_attribute: Option<String>,
    /// How passwords of users are tried: `pooled` on connections that carry nothing else and are used again, `fresh` on
    /// a new connection each, which costs a handshake a login. By default `pooled`.
    #[serde(default)]
    #[schemars(extend("default" = "pooled"))]
    pub user_binds: UserBinds,
    /// The longest that a login may take, all of its steps and servers together, and that each step of a validation or page of a
    /// listing may take: a number with ms, s or m, from 50ms to 10m.
    #[serde(default = "timeout::default_text")]
    pub timeout: String,
}

/// How deep users are searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Immediately below the base DN.
    #[default]
    One,
    /// The base DN itself and everything below it.
    Sub,
}

/// How passwords of users are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserBinds {
    /// On connections that carry binds of users and nothing else, one after the other.
    #[default]
    Pooled,
    /// Each on a new connection.
    Fresh,
}
