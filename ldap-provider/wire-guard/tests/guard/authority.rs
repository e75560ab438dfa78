//! Certificates of all kinds, and a TLS server that shows one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SerialNumber, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A CA that exists for one test.
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    folder: TempDir,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) pem: String,
    der: CertificateDer<'static>,
    key: KeyPair,
}

/// From when to when a certificate is valid.
pub(crate) enum Period {
    Now,
    Over,
    /// For so many seconds from now.
    #[allow(dead_code, reason = "for the tests of what is in force alone, which share this")]
    Seconds(u64),
    ToCome,
}

fn params(names: &[&str], period: &Period) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let (from, to) = match period {
        Period::Now | Period::Seconds(_) => (2020, 2099),
        Period::Over => (2020, 2021),
        Period::ToCome => (2098, 2099),
    };
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    if let Period::Seconds(seconds) = period {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        params.not_after = date_time_ymd(1970, 1, 1) + now + Duration::from_secs(*seconds);
    }
    params
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("Test CA")
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = params(&[], &Period::Now);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { params, key: KeyPair::generate().unwrap(), folder: TempDir::new().unwrap() }
    }

    /// The CA file.
    pub(crate) fn file(&self) -> PathBuf {
        let pem = self.params.self_signed(&self.key).unwrap().pem();
        write(&self.folder, &pem)
    }

    pub(crate) fn issue(&self, names: &[&str], period: &Period) -> Identity {
        self.issue_with(names, period, |_| {})
    }

    /// A certificate that is meant for clients.
    pub(crate) fn issue_for_clients(&self, names: &[&str]) -> Identity {
        self.issue_with(names, &Period::Now, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// A certificate of the old kind, whose only name is its common name.
    pub(crate) fn issue_by_common_name(&self, name: &str) -> Identity {
        self.issue_with(&[], &Period::Now, |params| params.distinguished_name.push(DnType::CommonName, name))
    }

    fn issue_with(&self, names: &[&str], period: &Period, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = params(names, period);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        Identity { pem: certificate.pem(), der: certificate.der().clone(), key }
    }
}

/// A certificate that vouches for itself, marked as a CA's as openssl marks it.
pub(crate) fn self_signed(names: &[&str], period: &Period) -> Identity {
    let mut params = params(names, period);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity { pem: certificate.pem(), der: certificate.der().clone(), key }
}

impl Identity {
    /// A certificate for other names that is signed by this certificate's key, as if it were a CA's.
    pub(crate) fn abused_to_sign(&self, names: &[&str]) -> Self {
        // All certificates here that were given no name of their own have the same one.
        let nameless = params(&[], &Period::Now);
        let issuer = Issuer::from_params(&nameless, &self.key);
        let key = KeyPair::generate().unwrap();
        let certificate = params(names, &Period::Now).signed_by(&key, &issuer).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), key }
    }
}

/// Certificates that no TLS library takes: one has a serial number of more than 20 octets, the other a critical
/// extension that nobody knows.
pub(crate) fn unusable() -> [String; 2] {
    let pem = |change: fn(&mut CertificateParams)| {
        let mut params = params(&["ldap.test"], &Period::Now);
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    };
    [
        pem(|params| params.serial_number = Some(SerialNumber::from_slice(&[7; 40]))),
        pem(|params| {
            let mut unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55555], vec![5, 0]);
            unknown.set_criticality(true);
            params.custom_extensions = vec![unknown];
        }),
    ]
}

pub(crate) fn write(folder: &TempDir, pem: &str) -> PathBuf {
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    path
}

impl Identity {
    fn acceptor(&self, version: &'static rustls::SupportedProtocolVersion) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A server that shows this certificate and answers each bind with success.
    pub(crate) async fn serve(&self) -> SocketAddr {
        self.serve_version(&rustls::version::TLS13).await
    }

    pub(crate) async fn serve_version(&self, version: &'static rustls::SupportedProtocolVersion) -> SocketAddr {
        let acceptor = self.acceptor(version);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(answer_binds(acceptor.clone(), tcp));
            }
        });
        address
    }

    /// Goes on with TLS on a connection that began in the clear.
    pub(crate) async fn take_over(&self, tcp: TcpStream) {
        answer_binds(self.acceptor(&rustls::version::TLS13), tcp).await;
    }
}

async fn answer_binds(acceptor: TlsAcceptor, tcp: TcpStream) {
    let Ok(mut tls) = acceptor.accept(tcp).await else { return };
    let mut request = [0; 1024];
    while let Ok(1..) = tls.read(&mut request).await {
        // The id is the one octet after `30 len 02 01`.
        let success = [0x30, 0x0c, 2, 1, request[4], 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0];
        let _ = tls.write_all(&success).await;
        let _ = tls.flush().await;
    }
}
