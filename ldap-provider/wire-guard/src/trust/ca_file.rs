use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use thiserror::Error;
use x509_cert::der::Decode;

/// A CA file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaFileError {
    /// It is not there, or it may not be read.
    #[error("the file {} cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is empty, or has no certificate in PEM.
    #[error(
        "the file {} holds no certificate in PEM (a block that begins with -----BEGIN CERTIFICATE-----)",
        path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// It has a PEM block that cannot be read.
    #[error("certificate {number} of the file {} cannot be read; export it again as X.509 in PEM", path.display())]
    NotACertificate {
        /// The file.
        path: PathBuf,
        /// Which of its certificates, counted from 1.
        number: usize,
    },
}

/// A certificate that an administrator put into the CA file: a CA's, or the server's own.
#[derive(Clone, Debug)]
pub(super) struct PinnedCertificate {
    pub(super) der: CertificateDer<'static>,
    pub(super) number: usize,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
}

/// Reads all certificates of the file; there is at least one, or the file is refused.
pub(super) fn read(path: &Path) -> Result<Vec<PinnedCertificate>, CaFileError> {
    let unreadable = |error| CaFileError::Unreadable { path: path.to_owned(), error };
    // A pipe would block for ever.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    let pem = std::fs::read(path).map_err(unreadable)?;
    let mut certificates = Vec::new();
    for (position, block) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let number = position + 1;
        let bad = || CaFileError::NotACertificate { path: path.to_owned(), number };
        let der = block.map_err(|_| bad())?;
        let (not_before, not_after) = validity(&der).ok_or_else(bad)?;
        certificates.push(PinnedCertificate { der, number, not_before, not_after });
    }
    if certificates.is_empty() { Err(CaFileError::NoCertificate { path: path.to_owned() }) } else { Ok(certificates) }
}

fn validity(der: &[u8]) -> Option<(UnixTime, UnixTime)> {
    let validity = x509_cert::Certificate::from_der(der).ok()?.tbs_certificate.validity;
    Some((
        UnixTime::since_unix_epoch(validity.not_before.to_unix_duration()),
        UnixTime::since_unix_epoch(validity.not_after.to_unix_duration()),
    ))
}
