use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::ca_file::PinnedCertificate;

/// Checks the server's certificate by a rule. That the peer owns the key of the certificate which it shows is checked
/// whatever the rule is.
#[derive(Debug)]
pub(super) struct CertificateCheck {
    pub(super) rule: Rule,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// Which certificates are accepted.
#[derive(Debug)]
pub(super) enum Rule {
    /// Any.
    Anything,
    /// What a trusted CA issued, and the very certificates that an administrator named.
    PinnedOrIssued {
        pinned: Vec<PinnedCertificate>,
        /// Those who know the CAs, of which one has to accept it. There is none if no CA is trusted at all.
        issued: Vec<Arc<WebPkiServerVerifier>>,
    },
}

impl ServerCertVerifier for CertificateCheck {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Rule::PinnedOrIssued { pinned, issued } = &self.rule else {
            return Ok(ServerCertVerified::assertion());
        };
        let Some(pinned) = pinned.iter().find(|pinned| pinned.der == *end_entity) else {
            let mut refusal = Error::from(CertificateError::UnknownIssuer);
            for issued in issued {
                match issued.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                    // The others may know the issuer.
                    Err(error) if error == CertificateError::UnknownIssuer.into() => {}
                    Err(error) => refusal = error,
                    accepted => return accepted,
                }
            }
            return Err(refusal);
        };
        if now < pinned.not_before {
            return Err(CertificateError::NotValidYetContext { time: now, not_before: pinned.not_before }.into());
        }
        if now > pinned.not_after {
            return Err(CertificateError::ExpiredContext { time: now, not_after: pinned.not_after }.into());
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
