//! How the server is reached: in the clear, by `StartTLS`, by LDAPS; with certificates made for the purpose.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rcgen::CustomExtension;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite, default_provider};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};

use super::directory::{BASE, SERVICE_DN, SERVICE_PASSWORD};
use crate::tls_server::{Authority, Identity, leaf};

/// How the server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Without TLS.
    Plain,
    /// TLS from `StartTLS` on.
    StartTls,
    /// TLS from the first octet on.
    Ldaps,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::StartTls, Self::Ldaps];
    /// Those with TLS.
    pub const SECURE: [Self; 2] = [Self::StartTls, Self::Ldaps];
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain => "plain",
            Self::StartTls => "starttls",
            Self::Ldaps => "ldaps",
        })
    }
}

/// What the server shows in a TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offer {
    /// A certificate as it should be.
    Good,
    /// Another one, as good.
    Renewed,
    /// One of another CA.
    Strange,
    /// The good one, and this many session tickets at the end of the handshake.
    Tickets(usize),
    /// A certificate behind a chain of a hundred others.
    LongChain,
    /// Such a chain, a megabyte in all.
    HugeChain,
    /// The good one and TLS 1.2, of which a server may ask for another handshake.
    Tls12,
}

/// A certificate authority and what it has signed, made anew for each run of the tests.
pub struct Certificates {
    ca: Authority,
    good: Arc<ServerConfig>,
    renewed: Arc<ServerConfig>,
    strange: Arc<ServerConfig>,
    tls12: Arc<ServerConfig>,
    long: OnceLock<Arc<ServerConfig>>,
    huge: OnceLock<Arc<ServerConfig>>,
}

impl Certificates {
    /// Makes what every test needs.
    pub fn make() -> Self {
        let ca = Authority::new("CA of the hostile server");
        let good = ca.issue(&leaf(NAMES));
        Self {
            good: shown(&good),
            renewed: shown(&ca.issue(&leaf(NAMES))),
            strange: shown(&Authority::new("CA of somebody else").issue(&leaf(NAMES))),
            tls12: tls12(&good),
            long: OnceLock::new(),
            huge: OnceLock::new(),
            ca,
        }
    }

    /// The settings of a provider for a server on this port.
    pub fn settings(&self, transport: Transport, port: u16) -> Value {
        let mut settings = json!({
            // No name, which could lead to somebody else's port of the same number at another address.
            "host": if transport == Transport::Ldaps { "ldaps://127.0.0.1" } else { "ldap://127.0.0.1" },
            "port": port,
            "base_dn": BASE,
            "directory": "other",
            "scope": "sub",
            "bind_dn": SERVICE_DN,
            "bind_password": SERVICE_PASSWORD,
        });
        if transport != Transport::Plain {
            settings["ca_file"] = json!(self.ca.file());
            settings["tls_server_name"] = json!("localhost");
        }
        if transport == Transport::StartTls {
            settings["start_tls"] = json!(true);
        }
        settings
    }

    pub(super) fn config(&self, offer: Offer) -> Arc<ServerConfig> {
        let chain = |octets| shown(&behind_a_chain(&self.ca, octets));
        Arc::clone(match offer {
            Offer::Good => &self.good,
            Offer::Renewed => &self.renewed,
            Offer::Strange => &self.strange,
            Offer::Tls12 => &self.tls12,
            Offer::LongChain => self.long.get_or_init(|| chain(0)),
            Offer::HugeChain => self.huge.get_or_init(|| chain(10_500)),
            Offer::Tickets(count) => {
                let mut config = ServerConfig::clone(&self.good);
                config.send_tls13_tickets = count;
                return Arc::new(config);
            }
        })
    }
}

const NAMES: &[&str] = &["localhost"];

fn shown(identity: &Identity) -> Arc<ServerConfig> {
    let versions = ServerConfig::builder_with_provider(default_provider().into()).with_safe_default_protocol_versions();
    let config = versions.expect("protocol versions").with_no_client_auth();
    Arc::new(config.with_single_cert(identity.chain.clone(), key(identity)).expect("a certificate and its key"))
}

/// The one suite that the server can speak on its own; see [`renegotiation`](super::renegotiation).
fn tls12(identity: &Identity) -> Arc<ServerConfig> {
    let suite = cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let provider = CryptoProvider { cipher_suites: vec![suite], ..default_provider() };
    let versions =
        ServerConfig::builder_with_provider(provider.into()).with_protocol_versions(&[&rustls::version::TLS12]);
    let config = versions.expect("TLS 1.2").with_no_client_auth();
    let mut config = config.with_single_cert(identity.chain.clone(), key(identity)).expect("a certificate and its key");
    config.enable_secret_extraction = true;
    Arc::new(config)
}

fn key(identity: &Identity) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(identity.key.serialize_der()).expect("the server's key")
}

/// A certificate behind 99 others, each with so many octets that say nothing.
fn behind_a_chain(ca: &Authority, octets: usize) -> Identity {
    let next = |authority: Option<&Authority>, number: usize| {
        authority.unwrap_or(ca).subordinate(&format!("CA {number}"), |params| {
            // An arc for examples (RFC 5612).
            let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32_473], vec![5; octets]);
            params.custom_extensions = vec![extension];
        })
    };
    let last = (1..99).fold(next(None, 0), |authority, number| next(Some(&authority), number));
    last.issue(&leaf(NAMES))
}
