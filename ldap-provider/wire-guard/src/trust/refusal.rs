use std::io;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, Error};
use thiserror::Error;

/// Why the server's certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateRefusal {
    /// Nobody who is trusted vouches for it.
    #[error(
        "the server's certificate is not issued by a trusted CA (unknown issuer); name the CA's certificate, or \
            the server's own if it is self-signed, in ca_file"
    )]
    UnknownIssuer,
    /// It is a CA's certificate that is used as a server's. Usually self-signed and not in the CA file.
    #[error(
        "the server's certificate is a CA's own (CA used as end entity); put exactly this certificate into \
            ca_file, or give the server one of its own"
    )]
    CaUsedAsServer,
    /// Its time is over.
    #[error("the server's certificate has expired{}; renew it", ago(*.days))]
    Expired {
        /// Whole days since then, if known.
        days: Option<u64>,
    },
    /// Its time has not come, or a clock is wrong.
    #[error("the server's certificate is not valid yet; check the clocks of both machines")]
    NotYetValid,
    /// It is another server's.
    #[error("the server's certificate is not valid for the name {expected}{}; use a name that it has as the \
        host, or set tls_server_name", list(.presented))]
    NameMismatch {
        /// The name that was asked for.
        expected: String,
        /// The names that it has: its subject alternative names.
        presented: Vec<String>,
    },
    /// It is not meant for TLS servers.
    #[error("the server's certificate is not meant for a TLS server (extended key usage)")]
    WrongPurpose,
    /// It was revoked.
    #[error("the server's certificate has been revoked")]
    Revoked,
    /// A signature in its chain, or of the handshake, is wrong.
    #[error(
        "a signature of the server's certificate or handshake is wrong; it may be issued by another CA of the \
            same name than the one in ca_file, for example by its successor, or its key may be too short (RSA needs \
            2,048 bits)"
    )]
    BadSignature,
    /// It, or one above it, is signed in a way that can be forged.
    #[error(
        "the server's certificate or its CA's has a signature that is not accepted, such as one with SHA-1 or MD5; \
            have it issued anew with SHA-256"
    )]
    WeakSignature,
    /// The chain from the server's certificate to a trusted one does not hold.
    #[error("the server's certificate is not accepted: {0}")]
    Chain(&'static str),
    /// It cannot be read.
    #[error("the server's certificate cannot be read")]
    Unreadable,
    /// Something else, in the words of the TLS library.
    #[error("the server's certificate is not accepted: {0}")]
    Other(String),
}

impl CertificateRefusal {
    /// The refusal behind a failed handshake, if that is what it failed for.
    pub(crate) fn of(error: &io::Error, server_name: &ServerName<'_>) -> Option<Self> {
        match error.get_ref()?.downcast_ref::<Error>()? {
            Error::InvalidCertificate(reason) => Some(Self::from_reason(reason, server_name)),
            Error::NoCertificatesPresented => Some(Self::Other("it shows none".to_owned())),
            _ => None,
        }
    }

    fn from_reason(reason: &CertificateError, server_name: &ServerName<'_>) -> Self {
        match reason {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired => Self::Expired { days: None },
            CertificateError::ExpiredContext { time, not_after } => {
                Self::Expired { days: Some(days(*not_after, *time)) }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForNameContext { presented, .. } => Self::mismatch(server_name, presented),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::WrongPurpose,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::BadSignature => Self::BadSignature,
            CertificateError::BadEncoding => Self::Unreadable,
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::WeakSignature,
            other => Self::from_webpki(other),
        }
    }

    /// webpki's own errors are not part of rustls' interface; their names are.
    fn from_webpki(reason: &CertificateError) -> Self {
        let shown = format!("{reason:?}");
        if shown.contains("CaUsedAsEndEntity") {
            return Self::CaUsedAsServer;
        }
        match BROKEN_CHAINS.iter().find(|(name, _)| shown.contains(name)) {
            Some((_, text)) => Self::Chain(text),
            None => Self::Other(reason.to_string()),
        }
    }

    fn mismatch(server_name: &ServerName<'_>, presented: &[String]) -> Self {
        let presented = presented.iter().take(8).map(|name| bare(name)).collect();
        Self::NameMismatch { expected: server_name.to_str().into_owned(), presented }
    }
}

/// What webpki finds wrong with a chain, by the name that it has there.
const BROKEN_CHAINS: [(&str, &str); 5] = [
    ("EndEntityUsedAsCa", "a certificate of its chain has signed another but is no CA's (end entity used as CA)"),
    ("PathLenConstraintViolated", "a CA of its chain may not have another below it (path length constraint violated)"),
    ("NameConstraintViolation", "its CA may not issue certificates for these names (name constraint violation)"),
    ("UnsupportedCriticalExtension", "it, or a CA of its chain, has a critical extension that is not understood"),
    ("UnsupportedCertVersion", "it is no certificate of X.509 version 3 (unsupported version)"),
];

fn days(from: UnixTime, to: UnixTime) -> u64 {
    to.as_secs().saturating_sub(from.as_secs()) / 86_400
}

fn ago(days: Option<u64>) -> String {
    match days {
        None => String::new(),
        Some(0) => " today".to_owned(),
        Some(1) => " a day ago".to_owned(),
        Some(days) => format!(" {days} days ago"),
    }
}

/// The name within `DnsName("ldap.example.com")`, which is how webpki shows one.
fn bare(shown: &str) -> String {
    let inner = shown.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(shown);
    inner.trim_matches('"').to_owned()
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        " (it has no subject alternative name, and its common name is not looked at)".to_owned()
    } else {
        format!(" (it is for {})", names.join(", "))
    }
}
