use std::fmt;
use std::path::Path;
use std::time::Duration;

use directory_data::Dn;
use provider_api::{Fault, Secret};
use wire_guard::{BindName, BindPassword, Endpoint, Host, Security, Trust};

use super::server::Server;
use super::{BindTemplate, Choices, Settings, UserBinds, duration, present};
use crate::kind::Kind;

/// The ports that speak TLS from the first octet: LDAPS, and the global catalog of Active Directory.
const LDAPS_PORTS: [u16; 2] = [636, 3269];

/// The settings, parsed: whatever can be known to be wrong without a network is found here, once.
#[derive(Debug)]
pub(crate) struct Config {
    /// In order of preference, at least one, all protected in the same way.
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) base_dn: Dn,
    pub(crate) account: Account,
    /// Which server it is, unless it is asked.
    pub(crate) kind: Option<Kind>,
    pub(crate) bind_template: Option<BindTemplate>,
    pub(crate) choices: Choices,
    pub(crate) user_binds: UserBinds,
    pub(crate) timeout: Duration,
}

/// Who searches.
#[derive(Debug)]
pub(crate) enum Account {
    /// Nobody in particular.
    Anonymous,
    /// A service account.
    Service(BindName, Secret),
}

/// What an administrator should know of the protection of passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsWarning {
    Plain,
    Unverified,
}

impl TlsWarning {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Plain => "plain_ldap",
            Self::Unverified => "no_tls_verify",
        }
    }

    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Plain => "use ldaps:// or set start_tls, and set require_tls so that it stays so",
            Self::Unverified => {
                "set no_tls_verify to false, and name the CA's certificate in ca_file if the system does not know it"
            }
        }
    }
}

impl fmt::Display for TlsWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain => "plain LDAP: passwords travel in the clear",
            Self::Unverified => {
                "no_tls_verify: neither the server's certificate nor its name is checked, so whoever can \
                    redirect the connection can read passwords"
            }
        })
    }
}

impl Config {
    /// Parses the settings. No network I/O; the CA file is read.
    pub(crate) fn parse(settings: Settings) -> Result<Self, Fault> {
        let endpoints = endpoints(&settings)?;
        let base_dn = Dn::parse(&settings.base_dn).map_err(|error| Fault::setting("base_dn", error.to_string()))?;
        if base_dn.is_empty() {
            return Err(Fault::setting(
                "base_dn",
                "is empty; write the DN below which users are, such as ou=people,dc=example,dc=com",
            ));
        }
        let timeout = match present(Some(&settings.timeout)) {
            None => duration::timeout(&duration::default_timeout()),
            Some(text) => duration::timeout(text),
        };
        let timeout = timeout.map_err(|error| Fault::setting("timeout", error))?;
        let bind_template = present(settings.bind_template.as_deref());
        let bind_template = bind_template.map(|text| BindTemplate::parse(text, &base_dn)).transpose();
        let bind_template = bind_template.map_err(|error| Fault::setting("bind_template", error))?;
        let choices = Choices::parse(&settings)?;
        let account = account(settings.bind_dn.as_deref(), settings.bind_password)?;
        Ok(Self {
            endpoints,
            base_dn,
            account,
            kind: settings.directory.kind(),
            bind_template,
            choices,
            user_binds: settings.user_binds,
            timeout,
        })
    }

    /// The servers, for a line of a log.
    pub(crate) fn servers(&self) -> String {
        let all: Vec<_> = self.endpoints.iter().map(ToString::to_string).collect();
        all.join(", ")
    }

    /// Whether searches are made as nobody.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.account, Account::Anonymous)
    }

    /// What is wrong with the protection of passwords, if anything.
    pub(crate) fn tls_warning(&self) -> Option<TlsWarning> {
        // They are all protected in the same way.
        self.endpoints.iter().find_map(|endpoint| match &endpoint.security {
            Security::Plain => Some(TlsWarning::Plain),
            Security::StartTls { trust, .. } | Security::Ldaps { trust, .. } => {
                (!trust.verifies()).then_some(TlsWarning::Unverified)
            }
        })
    }
}

/// More servers than anybody has, and few enough that they can all be tried.
const MOST_SERVERS: usize = 16;

fn endpoints(settings: &Settings) -> Result<Vec<Endpoint>, Fault> {
    let servers: Result<Vec<Server>, String> = settings.host.each().map(Server::parse).collect();
    let servers = servers.map_err(|error| Fault::setting("host", error))?;
    let Some(first) = servers.first() else {
        return Err(Fault::setting(
            "host",
            "names no server; write a host name, an IP address, or a URL such as ldaps://ldap.example.com",
        ));
    };
    if servers.len() > MOST_SERVERS {
        return Err(Fault::setting("host", format!("names more than {MOST_SERVERS} servers")));
    }
    // Failing over must not cost a password its protection.
    if servers.iter().any(|server| server.ldaps != first.ldaps) {
        return Err(Fault::setting("host", "mixes ldaps:// with ldap://; reach all servers in the same way"));
    }
    check_port(&servers, settings)?;
    // One for all, so that the CA file is read once.
    let protection = protection(first.ldaps, settings)?;
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(servers.len());
    for server in servers {
        let port = server.port.or(settings.port).unwrap_or(if server.ldaps { 636 } else { 389 });
        if !server.ldaps && LDAPS_PORTS.contains(&port) {
            let key = if settings.start_tls { "start_tls" } else { "host" };
            return Err(Fault::setting(
                key,
                format!(
                    "does not go with port {port}, which speaks TLS from the start: write ldaps:// before the host"
                ),
            ));
        }
        if endpoints.iter().any(|other| other.host == server.host && other.port == port) {
            let name = provider_api::one_line(&format!("{}:{port}", server.host));
            return Err(Fault::setting("host", format!("names {name} twice")));
        }
        let security = protection.of(&server.host);
        endpoints.push(Endpoint { host: server.host, port, security });
    }
    Ok(endpoints)
}

/// Refuses a port that no server has: it would look as if it counted. It is that of the servers which name none.
fn check_port(servers: &[Server], settings: &Settings) -> Result<(), Fault> {
    let Some(port) = settings.port else { return Ok(()) };
    if port == 0 {
        return Err(Fault::setting("port", "is 0; ports go from 1 to 65535"));
    }
    if servers.iter().all(|server| server.port.is_some_and(|in_host| in_host != port)) {
        let message = match servers {
            [Server { port: Some(in_host), .. }] => {
                format!("is {port}, but the host says {in_host}; leave one of them out")
            }
            _ => format!("is {port}, but every server in host names another port; leave `port` out"),
        };
        return Err(Fault::setting("port", message));
    }
    Ok(())
}

/// How connections are protected, to whichever server.
enum Protection {
    Plain,
    /// The server's name is that of its host unless another was set.
    Tls {
        trust: Trust,
        ldaps: bool,
        server_name: Option<Host>,
    },
}

impl Protection {
    fn of(&self, host: &Host) -> Security {
        match self {
            Self::Plain => Security::Plain,
            Self::Tls { trust, ldaps, server_name } => {
                let server_name = server_name.as_ref().unwrap_or(host).server_name();
                let trust = trust.clone();
                if *ldaps { Security::Ldaps { trust, server_name } } else { Security::StartTls { trust, server_name } }
            }
        }
    }
}

fn protection(ldaps: bool, settings: &Settings) -> Result<Protection, Fault> {
    if settings.start_tls && ldaps {
        return Err(Fault::setting(
            "start_tls",
            "goes with ldap:// only: an ldaps:// connection is TLS from the start",
        ));
    }
    let ca_file = present(settings.ca_file.as_deref());
    let tls_server_name = present(settings.tls_server_name.as_deref());
    if !(settings.start_tls || ldaps) {
        if settings.require_tls {
            return Err(Fault::setting(
                "require_tls",
                "is set, but the connection is plain LDAP: use ldaps:// or set start_tls",
            ));
        }
        // Somebody who sets these believes that there is TLS.
        for (key, is_set) in [
            ("ca_file", ca_file.is_some()),
            ("tls_server_name", tls_server_name.is_some()),
            ("no_tls_verify", settings.no_tls_verify),
        ] {
            if is_set {
                return Err(Fault::setting(
                    key,
                    "has no effect on plain LDAP: use ldaps:// or set start_tls, or leave it out",
                ));
            }
        }
        return Ok(Protection::Plain);
    }
    if settings.require_tls && settings.no_tls_verify {
        return Err(Fault::setting("require_tls", "is set, but no_tls_verify switches off what makes TLS safe"));
    }
    // The file is read in either case: `no_tls_verify` may be on for the time of a search for a fault only.
    let verified =
        Trust::verified(ca_file.map(Path::new)).map_err(|error| Fault::setting("ca_file", error.to_string()))?;
    let trust = if settings.no_tls_verify { Trust::anything() } else { verified };
    let server_name = tls_server_name.map(Host::parse).transpose();
    let server_name = server_name.map_err(|error| Fault::setting("tls_server_name", error.to_string()))?;
    Ok(Protection::Tls { trust, ldaps, server_name })
}

fn account(bind_dn: Option<&str>, bind_password: Option<Secret>) -> Result<Account, Fault> {
    let bind_password = bind_password.filter(|password| !password.is_empty());
    let (name, password) = match (present(bind_dn), bind_password) {
        (None, None) => return Ok(Account::Anonymous),
        (None, Some(_)) => {
            return Err(Fault::setting("bind_dn", "is missing, but there is a bind_password; set both or neither"));
        }
        (Some(_), None) => {
            let message =
                "is missing or empty, but there is a bind_dn; a bind without a password would authenticate nobody";
            return Err(Fault::setting("bind_password", message));
        }
        (Some(name), Some(password)) => (name, password),
    };
    if !is_windows_name(name) {
        Dn::parse(name).map_err(|error| Fault::setting("bind_dn", error.to_string()))?;
    }
    let name = BindName::new(name).map_err(|error| Fault::setting("bind_dn", error.to_string()))?;
    BindPassword::new(password.expose()).map_err(|error| Fault::setting("bind_password", error.to_string()))?;
    Ok(Account::Service(name, password))
}

/// Active Directory also takes `user@domain` and `DOMAIN\user` to bind.
fn is_windows_name(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_control() || "=,\\@".contains(c));
    [name.split_once('@'), name.split_once('\\')].into_iter().flatten().any(|(a, b)| is_part(a) && is_part(b))
}
