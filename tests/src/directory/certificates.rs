use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};

/// The certificate that a test's server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerCertificate {
    /// For `localhost` and the server's address, signed by the test's CA, valid.
    Good,
    /// For `elsewhere.example.com` alone.
    WrongHost,
    /// For the right names, but over since 2001.
    Expired,
    /// For the right names, signed by itself, by no CA.
    SelfSigned,
}

/// The files of a CA and a server. All made anew for each server; none is kept.
pub(crate) struct Certificates {
    pub(crate) ca: PathBuf,
    pub(super) own: PathBuf,
    pub(super) strange: PathBuf,
}

/// Where a server listens: as a rule, and where that will not do.
pub(crate) const ADDRESS: &str = "127.0.0.1";
pub(super) const OTHER_ADDRESS: &str = "127.0.0.2";

/// The names under which the server's files lie in its folder.
pub(crate) const CERTIFICATE_FILE: &str = "server.pem";
pub(crate) const KEY_FILE: &str = "server.key";

impl Certificates {
    pub(super) fn make(kind: ServerCertificate, folder: &Path) -> Self {
        Self::of(kind, &["localhost", ADDRESS, OTHER_ADDRESS], folder)
    }

    /// A good one for a server that has this address as well.
    pub(crate) fn for_address(address: &str, folder: &Path) -> Self {
        Self::of(ServerCertificate::Good, &[address, ADDRESS], folder)
    }

    fn of(kind: ServerCertificate, hosts: &[&str], folder: &Path) -> Self {
        let (ca, ca_pem) = authority("Test CA");
        let (_, strange_pem) = authority("Strange CA");
        let key = KeyPair::generate().expect("a key for the server");
        let server = server_certificate(kind, hosts);
        let certificate = match kind {
            ServerCertificate::SelfSigned => server.self_signed(&key),
            _ => server.signed_by(&key, &ca),
        }
        .expect("a certificate for the server");
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            file
        };
        write(KEY_FILE, key.serialize_pem());
        Self {
            ca: write("ca.pem", ca_pem),
            own: write(CERTIFICATE_FILE, certificate.pem()),
            strange: write("strange-ca.pem", strange_pem),
        }
    }
}

fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("a key for a CA");
    let pem = params.self_signed(&key).expect("a CA's certificate").pem();
    (Issuer::new(params, key), pem)
}

fn server_certificate(kind: ServerCertificate, hosts: &[&str]) -> CertificateParams {
    let names: &[&str] = match kind {
        ServerCertificate::WrongHost => &["elsewhere.example.com"],
        _ => hosts,
    };
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names that a certificate may carry");
    params.distinguished_name.push(DnType::CommonName, "test server");
    if kind == ServerCertificate::Expired {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    }
    params
}
