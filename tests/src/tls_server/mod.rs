//! A TLS server of any quality in front of a real directory: what it shows and speaks is the test's to say, and what
//! clients make of it is written down.
//!
//! Whatever a client says inside TLS goes on to the directory, so one that accepts the server can log in: a fixture
//! that refuses everybody would pass for a careful client.

mod authority;
mod behaviour;
mod openssl;
mod rotation;
mod start_tls;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::HandshakeKind;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::io::InspectReader;

pub use authority::{Authority, Identity, leaf, named};
pub use behaviour::{Behaviour, Then};
pub use openssl::{OpensslAuthority, OpensslServer, RsaKey, handshake_of_a_lax_client};
pub use rotation::Rotation;

use crate::directory::Directory;

/// How long connections may take to end once their client is gone.
const ENDING_TIME: Duration = Duration::from_mins(1);

/// How a client comes to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// TLS from the first octet on.
    Ldaps,
    /// In the clear first, then StartTLS.
    StartTls,
}

impl Way {
    /// Each.
    pub const BOTH: [Self; 2] = [Self::Ldaps, Self::StartTls];
}

/// A server on a port of its own.
pub struct TlsServer {
    way: Way,
    port: u16,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Vec<Seen>>,
}

/// What one connection has brought. Its `Debug` form tells how much, not what: it may be a password.
#[derive(Default)]
pub struct Seen {
    /// Every octet from the client, as it crossed the network.
    pub wire: Vec<u8>,
    /// Every octet that the client said inside TLS.
    pub inside: Vec<u8>,
    /// How the handshake was done, if it was and if rustls did it: a resumed session shows no certificate again.
    pub handshake: Option<HandshakeKind>,
}

/// Where a connection writes down what it sees.
pub(crate) type Record = Arc<Mutex<Seen>>;

impl TlsServer {
    /// Starts a server in front of a directory.
    pub async fn start(way: Way, behaviour: Behaviour, directory: &Directory) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port for the server");
        let port = listener.local_addr().expect("the server's own port").port();
        let address = directory.host().parse().expect("an IP address");
        let directory = SocketAddr::new(address, directory.port());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, way, Arc::new(behaviour), directory, stopped));
        Self { way, port, stop, serving }
    }

    /// The port to connect to, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Settings of the LDAP provider that are right for the directory, changed to reach it through this server.
    pub fn settings(&self, directory: &Directory, authority: &Authority) -> Value {
        let mut settings = directory.settings();
        settings["port"] = json!(self.port);
        settings["ca_file"] = json!(authority.file());
        match self.way {
            Way::Ldaps => settings["host"] = json!("ldaps://127.0.0.1"),
            Way::StartTls => {
                settings["host"] = json!("127.0.0.1");
                settings["start_tls"] = json!(true);
            }
        }
        settings
    }

    /// Takes no more clients, waits until the present ones are gone, and tells what each connection has brought. The
    /// clients have to have been dropped before.
    pub async fn finish(self) -> Vec<Seen> {
        // An error means that the server has ended already, which joining it tells better.
        let _ = self.stop.send(());
        timeout(ENDING_TIME, self.serving)
            .await
            .expect("a connection was still open long after its client had to be gone")
            .expect("the server ended without a panic")
    }
}

async fn serve(
    listener: TcpListener,
    way: Way,
    behaviour: Arc<Behaviour>,
    directory: SocketAddr,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Seen> {
    let mut records = Vec::<Record>::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            // Whoever has connected is served before the end is looked at.
            biased;
            accepted = listener.accept() => accepted,
            _ = &mut stopped => break,
        };
        let Ok((client, _)) = accepted else { continue };
        let record = Record::default();
        records.push(Arc::clone(&record));
        connections.spawn(connection(client, way, Arc::clone(&behaviour), directory, record));
    }
    while let Some(ended) = connections.join_next().await {
        ended.expect("a connection of the server ended without a panic");
    }
    records.iter().map(|record| std::mem::take(&mut *lock(record))).collect()
}

async fn connection(client: TcpStream, way: Way, behaviour: Arc<Behaviour>, directory: SocketAddr, record: Record) {
    client.set_nodelay(true).expect("a socket takes TCP_NODELAY");
    let wire = Arc::clone(&record);
    let mut client = InspectReader::new(client, move |octets: &[u8]| lock(&wire).wire.extend_from_slice(octets));
    if way == Way::StartTls && start_tls::answer(&mut client).await.is_err() {
        return;
    }
    behaviour.serve(client, directory, record).await;
}

fn lock(record: &Record) -> MutexGuard<'_, Seen> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    /// Whether everything from the client was TLS, but for StartTLS if that is the way; if not, what was wrong. A client
    /// may also leave without a word: one that was still connecting when another connection told it enough.
    pub fn all_in_tls(&self, way: Way) -> Result<(), String> {
        let mut rest = self.wire.as_slice();
        if way == Way::StartTls && !rest.is_empty() {
            rest = rest.strip_prefix(start_tls::REQUEST).ok_or("the first request is not StartTLS")?;
        }
        // RFC 8446 section 5.1: a type from 20 to 23, the version, two octets of length.
        while let Some((&kind, &length)) = rest.first().zip(rest.get(3..5).and_then(<[u8]>::first_chunk::<2>)) {
            if !(20..=23).contains(&kind) {
                return Err(format!("an octet {kind:#04x} where a TLS record has to begin"));
            }
            rest = rest.get(5 + usize::from(u16::from_be_bytes(length))..).unwrap_or_default();
        }
        Ok(())
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} octets, {} of them inside TLS", self.wire.len(), self.inside.len())
    }
}
