//! How the server is reached: in the clear, by `StartTLS`, by LDAPS; with certificates made for the purpose.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::directory::{BASE, SERVICE_DN, SERVICE_PASSWORD};

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
}

/// A certificate authority and what it has signed, made anew for each run of the tests.
pub struct Authority {
    folder: TempDir,
    good: Arc<ServerConfig>,
    renewed: Arc<ServerConfig>,
    strange: Arc<ServerConfig>,
    long: Arc<ServerConfig>,
    huge: Arc<ServerConfig>,
}

impl Authority {
    /// Makes all certificates.
    pub fn make() -> Self {
        let folder = TempDir::new().expect("a folder for certificates");
        let (root, pem) = root();
        fs::write(folder.path().join("ca.pem"), pem).expect("a file for the CA's certificate");
        let (strange, _) = self::root();
        let shown = |issuer| {
            let (certificate, key) = leaf(issuer);
            Arc::new(config(vec![certificate], key))
        };
        Self {
            good: shown(&root),
            renewed: shown(&root),
            strange: shown(&strange),
            long: Arc::new(behind_a_chain(&root, 0)),
            huge: Arc::new(behind_a_chain(&root, 10_500)),
            folder,
        }
    }

    /// The settings of a provider for a server on this port.
    pub fn settings(&self, transport: Transport, port: u16) -> Value {
        let mut settings = json!({
            "host": if transport == Transport::Ldaps { "ldaps://localhost" } else { "ldap://localhost" },
            "port": port,
            "base_dn": BASE,
            "scope": "sub",
            "bind_dn": SERVICE_DN,
            "bind_password": SERVICE_PASSWORD,
        });
        if transport != Transport::Plain {
            settings["ca_file"] = json!(self.ca_file());
        }
        if transport == Transport::StartTls {
            settings["start_tls"] = json!(true);
        }
        settings
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(super) fn config(&self, offer: Offer) -> Arc<ServerConfig> {
        match offer {
            Offer::Good => Arc::clone(&self.good),
            Offer::Renewed => Arc::clone(&self.renewed),
            Offer::Strange => Arc::clone(&self.strange),
            Offer::LongChain => Arc::clone(&self.long),
            Offer::HugeChain => Arc::clone(&self.huge),
            Offer::Tickets(count) => {
                let mut config = ServerConfig::clone(&self.good);
                config.send_tls13_tickets = count;
                Arc::new(config)
            }
        }
    }
}

fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> ServerConfig {
    ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate and its key")
}

fn root() -> (Issuer<'static, KeyPair>, String) {
    let params = authority("Test CA", 0);
    let key = KeyPair::generate().expect("a key for a CA");
    let pem = params.self_signed(&key).expect("a CA's certificate").pem();
    (Issuer::new(params, key), pem)
}

/// Parameters of a CA's certificate, with so many octets that say nothing.
fn authority(name: &str, padding: usize) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    if padding > 0 {
        // An arc for examples (RFC 5612).
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32_473], vec![5; padding])];
    }
    params
}

fn leaf(issuer: &Issuer<'static, KeyPair>) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let key = KeyPair::generate().expect("a key for the server");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name that a certificate may carry");
    let certificate = params.signed_by(&key, issuer).expect("a certificate for the server");
    (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).expect("the server's key"))
}

fn behind_a_chain(root: &Issuer<'static, KeyPair>, padding: usize) -> ServerConfig {
    let mut chain = Vec::new();
    let mut last: Option<Issuer<'static, KeyPair>> = None;
    for number in 0..99 {
        let params = authority(&format!("Test CA {number}"), padding);
        let key = KeyPair::generate().expect("a key for a CA");
        let signed = params.signed_by(&key, last.as_ref().unwrap_or(root)).expect("a CA's certificate");
        chain.insert(0, signed.der().clone());
        last = Some(Issuer::new(params, key));
    }
    let (leaf, key) = leaf(last.as_ref().expect("a CA"));
    chain.insert(0, leaf);
    config(chain, key)
}
