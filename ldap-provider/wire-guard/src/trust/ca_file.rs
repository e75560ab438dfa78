use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{Error, RootCertStore};
use x509_cert::certificate::Version;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::{Certificate, TbsCertificate};

/// The largest file that is read, in octets: ten times what a system has.
const MAX_SIZE: u64 = 4 << 20;

/// A CA file that cannot be used.
#[derive(Debug, thiserror::Error)]
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
    /// It has a certificate that cannot be read, or that TLS cannot use.
    #[error(
        "certificate {number} of the file {} cannot be used: {reason}; export it again as X.509 in PEM, or have it \
            issued anew",
        path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Which of its certificates, counted from 1.
        number: usize,
        /// What the parser says.
        reason: String,
    },
}

/// What the administrator's file says.
#[derive(Debug)]
pub(super) struct CaFile {
    /// The certificates that are CAs'. No other's key may vouch for anybody: a server's own certificate in this list
    /// would let that server's key sign for every name.
    pub(super) roots: RootCertStore,
    /// All certificates, each trusted when the server shows exactly it.
    pub(super) pinned: Vec<PinnedCertificate>,
    /// What was read, to see whether the file holds something else later. Its size and its times do not tell: an
    /// editor, a backup or a clock that ticks too slowly leaves them as they were.
    content: Vec<u8>,
}

/// A certificate that is accepted as it is.
#[derive(Clone, Debug)]
pub(super) struct PinnedCertificate {
    pub(super) der: CertificateDer<'static>,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
}

impl CaFile {
    /// A file that was not given.
    pub(super) fn none() -> Self {
        Self { roots: RootCertStore::empty(), pinned: Vec::new(), content: Vec::new() }
    }

    /// Reads all certificates of the file; there is at least one, or the file is refused.
    pub(super) fn read(path: &Path) -> Result<Self, CaFileError> {
        Self::parse(content(path)?, path)
    }

    /// Reads a file that may have been replaced; `None` if it holds what it held.
    pub(super) fn read_again(&self, path: &Path) -> Result<Option<Self>, CaFileError> {
        let content = content(path)?;
        if content == self.content { Ok(None) } else { Self::parse(content, path).map(Some) }
    }

    fn parse(content: Vec<u8>, path: &Path) -> Result<Self, CaFileError> {
        let mut file = Self::none();
        for (position, block) in CertificateDer::pem_slice_iter(&content).enumerate() {
            let added = block.map_err(|error| error.to_string()).and_then(|der| file.add(der));
            added.map_err(|reason| CaFileError::Unusable { path: path.to_owned(), number: position + 1, reason })?;
        }
        if file.pinned.is_empty() {
            return Err(CaFileError::NoCertificate { path: path.to_owned() });
        }
        Ok(Self { content, ..file })
    }

    fn add(&mut self, der: CertificateDer<'static>) -> Result<(), String> {
        let certificate = Certificate::from_der(&der).map_err(|error| error.to_string())?.tbs_certificate;
        if is_ca(&certificate)? {
            self.roots.add(der.clone()).map_err(|error| reason(&error))?;
        } else {
            ParsedCertificate::try_from(&der).map_err(|error| reason(&error))?;
        }
        let validity = certificate.validity;
        self.pinned.push(PinnedCertificate {
            der,
            not_before: UnixTime::since_unix_epoch(validity.not_before.to_unix_duration()),
            not_after: UnixTime::since_unix_epoch(validity.not_after.to_unix_duration()),
        });
        Ok(())
    }
}

fn content(path: &Path) -> Result<Vec<u8>, CaFileError> {
    let unreadable = |error| CaFileError::Unreadable { path: path.to_owned(), error };
    // A pipe would block for ever.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut content));
    if read.map_err(unreadable)? as u64 > MAX_SIZE {
        return Err(unreadable(io::Error::other(format!("it is larger than {} MiB", MAX_SIZE >> 20))));
    }
    Ok(content)
}

/// Whether this is a CA's. Version 1 has no way to say so, but such certificates are of use as CAs' only: as a
/// server's own, the TLS library takes none of that version.
fn is_ca(certificate: &TbsCertificate) -> Result<bool, String> {
    if certificate.version == Version::V1 {
        return Ok(true);
    }
    let constraints = certificate.get::<BasicConstraints>().map_err(|error| error.to_string())?;
    Ok(constraints.is_some_and(|(_, constraints)| constraints.ca))
}

fn reason(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(reason) => reason.to_string(),
        other => other.to_string(),
    }
}
