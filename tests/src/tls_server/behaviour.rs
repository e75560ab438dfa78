use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional, sink};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::io::InspectReader;

use super::{Authority, Identity, OpensslServer, Record, lock};

/// Both versions of TLS that rustls speaks.
const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// What a server does with a client that wants to speak TLS.
#[derive(Clone)]
pub enum Behaviour {
    /// Speaks TLS as rustls does.
    Rustls(Arc<ServerConfig>),
    /// Completes the handshake as rustls does, and closes the connection before anything is said.
    CloseAfterHandshake(Arc<ServerConfig>),
    /// Speaks TLS as OpenSSL does: the old versions, keys and ciphers too.
    Openssl(Arc<OpensslServer>),
    /// Answers what comes first with these octets, whatever it is.
    Octets(Vec<u8>, Then),
}

/// What comes after the octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing: the server waits until the client goes.
    Wait,
    /// The server closes the connection.
    Close,
    /// The server resets the connection.
    Reset,
}

impl Behaviour {
    /// Shows this, and speaks TLS 1.3 and 1.2.
    pub fn showing(identity: &Identity) -> Self {
        Self::speaking(VERSIONS, identity)
    }

    /// Shows this, and speaks these versions alone.
    pub fn speaking(versions: &[&'static SupportedProtocolVersion], identity: &Identity) -> Self {
        Self::Rustls(config(versions, None, Arc::new(SingleCertAndKey::from(identity.certified_key()))))
    }

    /// Shows what the resolver says: to every client, or to those alone that do not resume an earlier session.
    pub fn resolving(resolver: Arc<dyn ResolvesServerCert>, resuming: bool) -> Self {
        let mut config = config(VERSIONS, None, resolver);
        if !resuming {
            let config = Arc::get_mut(&mut config).expect("nobody else has it yet");
            config.send_tls13_tickets = 0;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Self::Rustls(config)
    }

    /// Shows this, and takes only clients that show a certificate of this CA.
    pub fn demanding_a_certificate_of(
        clients: &Authority,
        version: &'static SupportedProtocolVersion,
        identity: &Identity,
    ) -> Self {
        let resolver = Arc::new(SingleCertAndKey::from(identity.certified_key()));
        Self::Rustls(config(&[version], Some(clients), resolver))
    }

    /// Shows this, and closes the connection when the handshake is done.
    pub fn closing_after_the_handshake(identity: &Identity) -> Self {
        Self::CloseAfterHandshake(config(VERSIONS, None, Arc::new(SingleCertAndKey::from(identity.certified_key()))))
    }

    pub(super) async fn serve<S>(&self, mut client: S, directory: SocketAddr, record: Record)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self {
            Self::Rustls(config) => match TlsAcceptor::from(Arc::clone(config)).accept(client).into_fallible().await {
                Ok(inside) => {
                    lock(&record).handshake = inside.get_ref().1.handshake_kind();
                    relay(inside, directory, record).await;
                }
                Err((_, client)) => drain(client).await,
            },
            Self::CloseAfterHandshake(config) => {
                if let Ok(mut inside) = TlsAcceptor::from(Arc::clone(config)).accept(client).await {
                    // An error means that the client was faster.
                    let _ = inside.shutdown().await;
                }
            }
            Self::Openssl(server) => server.serve(client, directory, record).await,
            Self::Octets(octets, then) => {
                let began = client.read_u8().await.is_ok();
                if !began || client.write_all(octets).await.is_err() {
                    return;
                }
                match then {
                    Then::Wait => drain(client).await,
                    Then::Close => {
                        // Unread data would make a reset of it.
                        let _ = client.shutdown().await;
                        drain(client).await;
                    }
                    // The rest of what the client says is unread: closing is a reset.
                    Then::Reset => {}
                }
            }
        }
    }
}

fn config(
    versions: &[&'static SupportedProtocolVersion],
    clients: Option<&Authority>,
    resolver: Arc<dyn ResolvesServerCert>,
) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .expect("versions that rustls speaks");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate().clone()).expect("a CA's certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a check of clients"))
        }
    };
    Arc::new(builder.with_cert_resolver(resolver))
}

/// Hands on what a client says inside TLS to the directory, once it says anything, and the answers back.
pub(super) async fn relay(inside: impl AsyncRead + AsyncWrite + Unpin, directory: SocketAddr, record: Record) {
    let recorder = move |octets: &[u8]| lock(&record).inside.extend_from_slice(octets);
    let mut inside = InspectReader::new(inside, recorder);
    let mut first = vec![0; 4_096];
    let Ok(length @ 1..) = inside.read(&mut first).await else { return };
    let mut directory = TcpStream::connect(directory).await.expect("the directory behind the server");
    directory.set_nodelay(true).expect("a socket takes TCP_NODELAY");
    if directory.write_all(&first[..length]).await.is_ok() {
        // Either side may go at any time, which is an error to the copying and none here.
        let _ = copy_bidirectional(&mut inside, &mut directory).await;
    }
}

/// Reads until the client goes, so that all it says is written down and nothing unread makes a reset of the end.
async fn drain(mut client: impl AsyncRead + Unpin) {
    let _ = tokio::io::copy(&mut client, &mut sink()).await;
}
