//! Whose certificates are accepted.

mod ca_file;
mod refusal;
mod verifier;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

pub use ca_file::CaFileError;
pub use refusal::CertificateRefusal;

use ca_file::PinnedCertificate;
use verifier::{AnyCertificate, PinnedOrIssued};

/// Trust that cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The CA file cannot be used.
    #[error(transparent)]
    CaFile(#[from] CaFileError),
    /// The system has no CA certificates and no CA file was given.
    #[error(
        "the system has no CA certificates (is the package ca-certificates installed?); name a file with the \
            CA's certificate"
    )]
    NoRoots,
    /// rustls refuses the configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Whose certificates are accepted, ready for use. Cheap to clone; clones share the TLS sessions that can be resumed.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    verifies: bool,
}

impl Trust {
    /// Trusts the system's CAs and those in `ca_file`, in PEM. The file may also hold the server's own certificate,
    /// self-signed or not: a server that shows exactly that one is accepted if the name and the period of validity
    /// are right. (rustls alone refuses it as `CaUsedAsEndEntity` when it is marked as a CA, as openssl marks them.)
    pub fn verified(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = system_roots();
        let pinned = ca_file.map(ca_file::read).transpose()?.unwrap_or_default();
        for certificate in &pinned {
            roots.add(certificate.der.clone()).map_err(|_| CaFileError::unusable(ca_file, certificate))?;
        }
        if roots.is_empty() {
            return Err(TrustError::NoRoots);
        }
        let issued = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|_| TrustError::NoRoots)?;
        Self::with(provider, Arc::new(PinnedOrIssued { pinned, issued }), true)
    }

    /// Accepts any certificate with any name: whoever can redirect the connection can read it. That the peer owns the
    /// key of the certificate that it shows is still checked.
    pub fn anything() -> Result<Self, TrustError> {
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        Self::with(provider, Arc::new(AnyCertificate { algorithms }), false)
    }

    /// Whether certificates are checked at all.
    pub fn verifies(&self) -> bool {
        self.verifies
    }

    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    fn with(
        provider: Arc<CryptoProvider>,
        accepts: Arc<dyn ServerCertVerifier>,
        verifies: bool,
    ) -> Result<Self, TrustError> {
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(accepts)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), verifies })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Trust").field("verifies", &self.verifies).finish_non_exhaustive()
    }
}

/// The system's CAs, as far as they can be read: one bad file must not cost the rest.
fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::debug!("a CA certificate of the system cannot be read: {error}");
    }
    let mut roots = RootCertStore::empty();
    let (_, ignored) = roots.add_parsable_certificates(found.certs);
    if ignored > 0 {
        log::debug!("{ignored} CA certificates of the system cannot be used");
    }
    roots
}

impl CaFileError {
    fn unusable(path: Option<&Path>, certificate: &PinnedCertificate) -> Self {
        Self::NotACertificate { path: path.map(Path::to_owned).unwrap_or_default(), number: certificate.number }
    }
}
