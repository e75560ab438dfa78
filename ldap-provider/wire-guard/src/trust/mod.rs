//! Whose certificates are accepted.

mod ca_file;
mod refusal;
mod verifier;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

pub use ca_file::CaFileError;
pub use refusal::CertificateRefusal;

use ca_file::CaFile;
use verifier::{CertificateCheck, Rule};

/// Trust that cannot be set up, found when the first connection needs it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
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

/// Whose certificates are accepted. Cheap to clone; clones share the TLS sessions that can be resumed.
#[derive(Clone)]
pub struct Trust(Arc<Inner>);

struct Inner {
    accepts: Accepts,
    /// Made for the first connection: reading the system's CAs takes tens of milliseconds.
    config: OnceCell<Arc<ClientConfig>>,
}

enum Accepts {
    Anything,
    Verified(CaFile),
}

impl Trust {
    /// Trusts the system's CAs and those in `ca_file`, in PEM. The file may also hold the server's own certificate,
    /// self-signed or not: a server that shows exactly that one is accepted if the name and the period of validity
    /// are right. (rustls alone refuses it as `CaUsedAsEndEntity` when it is marked as a CA, as openssl marks them.)
    ///
    /// The file is read now, the system's CAs when the first connection needs them.
    pub fn verified(ca_file: Option<&Path>) -> Result<Self, CaFileError> {
        let ca_file = ca_file.map(CaFile::read).transpose()?.unwrap_or_else(CaFile::none);
        Ok(Self::of(Accepts::Verified(ca_file)))
    }

    /// Accepts any certificate with any name: whoever can redirect the connection can read it. That the peer owns the
    /// key of the certificate that it shows is still checked.
    pub fn anything() -> Self {
        Self::of(Accepts::Anything)
    }

    /// Whether certificates are checked at all.
    pub fn verifies(&self) -> bool {
        matches!(self.0.accepts, Accepts::Verified(_))
    }

    /// What rustls is to do. A failure is not kept: the next connection tries again.
    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        self.0.config.get_or_try_init(|| self.0.accepts.client_config(system_roots)).cloned()
    }

    fn of(accepts: Accepts) -> Self {
        Self(Arc::new(Inner { accepts, config: OnceCell::new() }))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Trust").field("verifies", &self.verifies()).finish_non_exhaustive()
    }
}

impl Accepts {
    fn client_config(&self, system_roots: impl FnOnce() -> RootCertStore) -> Result<Arc<ClientConfig>, TrustError> {
        let provider = Arc::new(ring::default_provider());
        let rule = self.rule(&provider, system_roots)?;
        let verifier = CertificateCheck { rule, algorithms: provider.signature_verification_algorithms };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    fn rule(
        &self,
        provider: &Arc<CryptoProvider>,
        system_roots: impl FnOnce() -> RootCertStore,
    ) -> Result<Rule, TrustError> {
        let Self::Verified(CaFile { roots: named, pinned }) = self else { return Ok(Rule::Anything) };
        let mut roots = system_roots();
        roots.extend(named.roots.iter().cloned());
        // webpki wants at least one root; a server's own certificate can do without any.
        let issued = if roots.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
            Some(builder.build().map_err(|_| TrustError::NoRoots)?)
        };
        if issued.is_none() && pinned.is_empty() {
            return Err(TrustError::NoRoots);
        }
        Ok(Rule::PinnedOrIssued { pinned: pinned.clone(), issued })
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

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;

    use super::{Accepts, CaFile, TrustError};

    #[test]
    fn without_any_ca_only_the_servers_own_certificate_can_be_trusted() {
        let nothing = Accepts::Verified(CaFile::none());
        assert!(matches!(nothing.client_config(RootCertStore::empty), Err(TrustError::NoRoots)));

        let own = rcgen::generate_simple_self_signed(["ldap.test".to_owned()]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), own.cert.pem()).unwrap();
        let file = CaFile::read(file.path()).unwrap();
        assert!(file.roots.is_empty(), "a certificate that is no CA's vouches for nobody");
        assert!(Accepts::Verified(file).client_config(RootCertStore::empty).is_ok());
    }
}
