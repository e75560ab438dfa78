use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{CipherSuite, ClientConfig, NamedGroup};

use super::TrustError;
use super::ca_file::CaFile;
use super::key_ahead::X25519_AHEAD;
use super::system_cas::SystemCas;
use super::verifier::{CertificateCheck, Rule};

/// For a client that takes any certificate.
pub(super) fn unverified() -> Result<Arc<ClientConfig>, TrustError> {
    following(Arc::new(cryptography()), Rule::Anything)
}

/// For a client that takes what the CAs of the file and of the system issued, and the very certificates of the file.
/// It has no sessions to resume yet: those were begun under another rule.
pub(super) fn verified(file: &CaFile, system: &SystemCas) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(cryptography());
    let rule = pinned_or_issued(file, system, &provider)?;
    following(provider, rule)
}

/// The same rule with other sessions to resume.
pub(super) fn with_sessions(config: &ClientConfig, sessions: Resumption) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.resumption = sessions;
    Arc::new(config)
}

/// As rustls has it, but AES-128 with SHA-256 before AES-256 with SHA-384. Either is good enough for a password (the
/// first is what RFC 8446 section 9.1 wants of everybody), and processors compute SHA-256 by themselves: a handshake, which
/// derives some twenty keys on each side, takes less time (measured with slapd: 5 %). And the next handshake, which may be the
/// first to this server, finds its key pair made.
fn cryptography() -> CryptoProvider {
    let mut provider = ring::default_provider();
    for group in provider.kx_groups.iter_mut().filter(|group| group.name() == NamedGroup::X25519) {
        *group = &X25519_AHEAD;
    }
    X25519_AHEAD.prepare();
    provider.cipher_suites.sort_by_key(|suite| match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 0,
        CipherSuite::TLS13_AES_256_GCM_SHA384
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => 1,
        // ChaCha20, for processors that have no AES.
        _ => 2,
    });
    provider
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

fn pinned_or_issued(file: &CaFile, system: &SystemCas, provider: &Arc<CryptoProvider>) -> Result<Rule, TrustError> {
    let mut issued = Vec::new();
    // Two verifiers, so that the system's CAs, some 150, are there once for all providers.
    for roots in [Arc::new(file.roots.clone()), Arc::clone(&system.roots)] {
        // webpki wants at least one root; a server's own certificate can do without any.
        if !roots.is_empty() {
            let builder = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
            issued.push(builder.build().map_err(|_| TrustError::NoRoots)?);
        }
    }
    if issued.is_empty() && file.pinned.is_empty() {
        return Err(system.lack.clone().map_or(TrustError::NoRoots, TrustError::SystemUnread));
    }
    Ok(Rule::PinnedOrIssued { pinned: file.pinned.clone(), issued })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::RootCertStore;
    use rustls::crypto::SupportedKxGroup;

    use super::{CaFile, SystemCas, TrustError, X25519_AHEAD, unverified, verified};

    #[test]
    fn handshakes_offer_the_key_pair_that_is_made_ahead() {
        let config = unverified().unwrap();
        // What rustls offers without being asked for another.
        let first: *const dyn SupportedKxGroup = *config.crypto_provider().kx_groups.first().unwrap();
        assert!(std::ptr::addr_eq(first, &raw const X25519_AHEAD));
    }

    #[test]
    fn without_any_ca_only_the_servers_own_certificate_can_be_trusted() {
        let nobody = |lack| SystemCas { roots: Arc::new(RootCertStore::empty()), lack };
        assert!(matches!(verified(&CaFile::none(), &nobody(None)), Err(TrustError::NoRoots)));
        let no_files = verified(&CaFile::none(), &nobody(Some("no files".to_owned())));
        assert!(matches!(no_files, Err(TrustError::SystemUnread(why)) if why == "no files"));

        let own = rcgen::generate_simple_self_signed(["ldap.test".to_owned()]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), own.cert.pem()).unwrap();
        let file = CaFile::read(file.path()).unwrap();
        assert!(file.roots.is_empty(), "a certificate that is no CA's vouches for nobody");
        assert!(verified(&file, &nobody(None)).is_ok());
    }
}
