use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use rustls::pki_types::{DnsName, ServerName};
use thiserror::Error;
use tokio::time::timeout_at;

use crate::Trust;

/// A server's name or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A DNS name.
    Name(DnsName<'static>),
    /// An address.
    Address(IpAddr),
}

/// A text that is neither a host name nor an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is neither a host name nor an IP address")]
pub struct InvalidHost;

impl Host {
    /// Reads a name, an IPv4 address, or an IPv6 address with or without brackets.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let bare = match text.strip_prefix('[') {
            Some(rest) => {
                let inner = rest.strip_suffix(']').ok_or(InvalidHost)?;
                return inner.parse().map(|address| Self::Address(IpAddr::V6(address))).map_err(|_| InvalidHost);
            }
            None => text,
        };
        if let Ok(address) = bare.parse() {
            return Ok(Self::Address(address));
        }
        // `999.1.1.1` is a well-formed DNS name and surely a mistyped address.
        if bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(InvalidHost);
        }
        DnsName::try_from(bare.to_owned()).map(Self::Name).map_err(|_| InvalidHost)
    }

    /// The name that the server's certificate has to carry: an address is looked for among its IP entries.
    pub fn server_name(&self) -> ServerName<'static> {
        match self {
            Self::Name(name) => ServerName::DnsName(name.clone()),
            Self::Address(address) => ServerName::IpAddress((*address).into()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name.as_ref()),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
            Self::Address(address) => write!(formatter, "{address}"),
        }
    }
}

/// How the connection is protected.
#[derive(Clone, Debug)]
pub enum Security {
    /// Not at all: passwords travel in the clear.
    Plain,
    /// The connection begins in the clear and becomes TLS before anything else is said (RFC 4511 section 4.14).
    StartTls {
        /// Whose certificates are accepted.
        trust: Trust,
        /// The name that the certificate has to carry.
        server_name: ServerName<'static>,
    },
    /// TLS from the first octet.
    Ldaps {
        /// Whose certificates are accepted.
        trust: Trust,
        /// The name that the certificate has to carry.
        server_name: ServerName<'static>,
    },
}

impl Security {
    /// The same for connections that resume no session: see [`Trust::never_resuming`].
    #[must_use]
    pub fn never_resuming(&self) -> Self {
        let mut security = self.clone();
        if let Self::StartTls { trust, .. } | Self::Ldaps { trust, .. } = &mut security {
            *trust = trust.never_resuming();
        }
        security
    }

    /// Begins to read, in the background, what the first connection is going to need: see [`Trust::prepare`].
    pub fn prepare(&self) {
        match self {
            Self::Plain => {}
            Self::StartTls { trust, .. } | Self::Ldaps { trust, .. } => trust.prepare(),
        }
    }
}

/// Where a directory is and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The server.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
}

/// A host name that has no address.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// The resolver says so, or fails.
    #[error("the host name {host} cannot be resolved: {error}")]
    Failed {
        /// The name.
        host: String,
        /// What the resolver says.
        error: io::Error,
    },
    /// The resolver answers with nothing.
    #[error("the host name {0} has no address")]
    NoAddress(String),
    /// The resolver did not answer in time.
    #[error("resolving the host name {0} took too long")]
    Timeout(String),
}

impl ResolveError {
    /// Whether it was this side that lacked something, such as files. The resolver and the server may be well.
    pub fn is_lack_of_means(&self) -> bool {
        matches!(self, Self::Failed { error, .. } if crate::tcp::is_lack_of_means(error))
    }
}

impl Endpoint {
    /// The addresses of the server, in the order in which the resolver prefers them.
    pub async fn resolve(&self, deadline: Instant) -> Result<Vec<SocketAddr>, ResolveError> {
        let name = match &self.host {
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, self.port)]),
            Host::Name(name) => name.as_ref(),
        };
        let lookup = tokio::net::lookup_host((name, self.port));
        let addresses: Vec<_> = match timeout_at(deadline.into(), lookup).await {
            Err(_) => return Err(ResolveError::Timeout(name.to_owned())),
            Ok(Err(error)) => return Err(ResolveError::Failed { host: name.to_owned(), error }),
            Ok(Ok(addresses)) => addresses.collect(),
        };
        if addresses.is_empty() { Err(ResolveError::NoAddress(name.to_owned())) } else { Ok(addresses) }
    }
}

/// Host and port as in a URL.
impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if matches!(self.security, Security::Ldaps { .. }) { "ldaps" } else { "ldap" };
        write!(formatter, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn names_and_addresses_of_both_kinds_are_hosts() {
        for (text, shown) in [
            ("ldap.example.com", "ldap.example.com"),
            ("dc_1.corp", "dc_1.corp"),
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8::7", "[2001:db8::7]"),
            ("[2001:db8::7]", "[2001:db8::7]"),
        ] {
            assert_eq!(Host::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            " ",
            "a b",
            "[::1",
            "[ldap]",
            "::1]",
            "999.1.1.1",
            "user@host",
            "host/path",
            "a..b",
            "exämple.com",
            "-",
        ] {
            assert!(Host::parse(text).is_err(), "{text:?}");
        }
    }
}
