use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};

use super::TrustError;
use super::ca_file::CaFile;
use super::verifier::{CertificateCheck, Rule};

/// For a client that takes any certificate.
pub(super) fn unverified() -> Result<Arc<ClientConfig>, TrustError> {
    following(Arc::new(ring::default_provider()), Rule::Anything)
}

/// For a client that takes what the CAs of the file and of the system issued, and the very certificates of the file.
/// It has no sessions to resume yet: those were begun under another rule.
pub(super) fn verified(file: &CaFile, system_roots: RootCertStore) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let rule = pinned_or_issued(file, system_roots, &provider)?;
    following(provider, rule)
}

fn following(provider: Arc<CryptoProvider>, rule: Rule) -> Result<Arc<ClientConfig>, TrustError> {
    let verifier = CertificateCheck { rule, algorithms: provider.signature_verification_algorithms };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn pinned_or_issued(
    file: &CaFile,
    mut roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Rule, TrustError> {
    roots.extend(file.roots.roots.iter().cloned());
    // webpki wants at least one root; a server's own certificate can do without any.
    let issued = if roots.is_empty() {
        None
    } else {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        Some(builder.build().map_err(|_| TrustError::NoRoots)?)
    };
    if issued.is_none() && file.pinned.is_empty() {
        return Err(TrustError::NoRoots);
    }
    Ok(Rule::PinnedOrIssued { pinned: file.pinned.clone(), issued })
}

/// The system's CAs, as far as they can be read: one bad file must not cost the rest.
pub(super) fn system_roots() -> RootCertStore {
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

    use super::{CaFile, TrustError, verified};

    #[test]
    fn without_any_ca_only_the_servers_own_certificate_can_be_trusted() {
        assert!(matches!(verified(&CaFile::none(), RootCertStore::empty()), Err(TrustError::NoRoots)));

        let own = rcgen::generate_simple_self_signed(["ldap.test".to_owned()]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), own.cert.pem()).unwrap();
        let file = CaFile::read(file.path()).unwrap();
        assert!(file.roots.is_empty(), "a certificate that is no CA's vouches for nobody");
        assert!(verified(&file, RootCertStore::empty()).is_ok());
    }
}
