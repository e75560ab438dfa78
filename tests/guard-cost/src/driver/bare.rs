use std::fs;
use std::sync::Arc;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

use super::Driver;
use crate::directory::{READER_DN, READER_PASSWORD};
use crate::target::{Target, Transport};

/// The library alone, on a socket of the same kind, with the same settings of the same TLS library.
pub struct Bare {
    target: Target,
    config: Arc<ClientConfig>,
}

impl Bare {
    /// To this directory.
    pub fn new(target: &Target) -> Self {
        let mut roots = RootCertStore::empty();
        let pem = fs::read(&target.ca_file).expect("the directory's CA");
        roots.add(CertificateDer::from_pem_slice(&pem).expect("a certificate in PEM")).expect("the directory's CA");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("versions that the provider has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { target: target.clone(), config: Arc::new(config) }
    }
}

impl Driver for Bare {
    type Searcher = Ldap;
    type Binder = Ldap;

    async fn searcher(&self) -> Ldap {
        let mut ldap = self.binder().await;
        self.bind(&mut ldap, READER_DN, READER_PASSWORD).await;
        ldap
    }

    async fn binder(&self) -> Ldap {
        let tcp = TcpStream::connect(self.target.address).await.expect("a connection");
        tcp.set_nodelay(true).expect("a socket that is open");
        let tcp = tcp.into_std().expect("a socket that is open");
        let scheme = match self.target.transport {
            Transport::Plain => "ldap",
            Transport::Ldaps => "ldaps",
        };
        let url = format!("{scheme}://{}", self.target.address);
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Tcp(tcp)).set_config(self.config.clone());
        let (library, ldap) = LdapConnAsync::with_settings(settings, &url).await.expect("the library takes the socket");
        tokio::spawn(library.drive());
        ldap
    }

    async fn find(&self, searcher: &mut Ldap, name: &str) -> String {
        super::find(searcher, name).await
    }

    async fn bind(&self, binder: &mut Ldap, dn: &str, password: &str) {
        assert_eq!(binder.simple_bind(dn, password).await.expect("an answer to the bind").rc, 0);
    }
}
