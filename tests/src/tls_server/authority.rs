use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use tempfile::TempDir;

/// A CA, or one that another CA vouches for, or somebody who only acts as one.
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: CertificateDer<'static>,
    /// What a server shows besides its own certificate.
    chain: Vec<CertificateDer<'static>>,
    folder: TempDir,
}

/// What a server shows, and the key by which it proves that this is its own.
#[derive(Clone)]
pub struct Identity {
    /// The server's certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: Arc<KeyPair>,
}

/// The parameters of a server's certificate for these names and addresses, without any fault.
pub fn leaf(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names that a certificate may carry");
    params.distinguished_name.push(DnType::CommonName, "server of the tests");
    params
}

/// Parameters with a common name and nothing else.
pub fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub(super) fn ca(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Authority {
    /// A CA that vouches for itself.
    pub fn new(name: &str) -> Self {
        let (params, key) = (ca(name), KeyPair::generate().expect("a key for a CA"));
        let certificate = params.self_signed(&key).expect("a CA's certificate");
        Self::of(params, key, certificate.der().clone(), Vec::new())
    }

    /// One for whom this one vouches; `change` makes its certificate other than a good CA's.
    #[must_use]
    pub fn subordinate(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca(name);
        change(&mut params);
        let key = KeyPair::generate().expect("a key for a CA");
        let certificate = self.sign(&params, &key);
        let chain = [vec![certificate.clone()], self.chain.clone()].concat();
        Self::of(params, key, certificate, chain)
    }

    fn of(
        params: CertificateParams,
        key: KeyPair,
        certificate: CertificateDer<'static>,
        chain: Vec<CertificateDer<'static>>,
    ) -> Self {
        let folder = TempDir::new().expect("a temporary folder for a CA");
        let authority = Self { params, key, certificate, chain, folder };
        fs::write(authority.file(), pem(&authority.certificate)).expect("the CA's file");
        authority
    }

    /// Its certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(super) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// A server's certificate, with all that is needed to come from it to the root.
    pub fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key for a server");
        let certificate = self.sign(params, &key);
        Identity { chain: [vec![certificate], self.chain.clone()].concat(), key: Arc::new(key) }
    }

    /// A certificate for somebody else's key.
    pub fn sign(&self, params: &CertificateParams, key: &impl PublicKeyData) -> CertificateDer<'static> {
        let issuer = Issuer::from_params(&self.params, &self.key);
        params.signed_by(key, &issuer).expect("a certificate").der().clone()
    }

    /// This authority as a server that shows the authority's own certificate.
    pub fn as_server(&self) -> Identity {
        let key = KeyPair::from_pem(&self.key_pem()).expect("the same key once more");
        Identity { chain: vec![self.certificate.clone()], key: Arc::new(key) }
    }
}

impl Identity {
    /// A server that vouches for itself.
    pub fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key for a server");
        let certificate = params.self_signed(&key).expect("a certificate").der().clone();
        Self { chain: vec![certificate], key: Arc::new(key) }
    }

    /// The same key behind another chain.
    #[must_use]
    pub fn showing(&self, chain: Vec<CertificateDer<'static>>) -> Self {
        Self { chain, key: Arc::clone(&self.key) }
    }

    /// As rustls shows it. Whether key and certificate belong together is not checked: some tests want otherwise.
    pub(super) fn certified_key(&self) -> Arc<CertifiedKey> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        Arc::new(CertifiedKey::new(self.chain.clone(), any_supported_type(&key).expect("a key that rustls takes")))
    }
}

/// A certificate as text (RFC 7468).
pub(super) fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
