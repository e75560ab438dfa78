//! A server in the clear that plays a script and keeps what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What the server does, in order.
#[derive(Clone)]
pub(crate) enum Step {
    /// Waits for a request.
    Read,
    /// Sends octets in one piece.
    Send(Vec<u8>),
    /// Waits a moment, so that what follows arrives apart from what was before.
    Pause,
    /// Reads until the client closes.
    ReadToEnd,
    /// Neither sends nor closes.
    Hang,
}

/// The octets that a server was sent.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<u8>>>);

impl Record {
    /// So far.
    pub(crate) fn octets(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// A server that plays a script.
pub(crate) struct Server {
    pub(crate) record: Record,
    playing: JoinHandle<()>,
}

impl Server {
    /// All that it was sent: waits until the script has been played, so it must not hang.
    pub(crate) async fn sent(self) -> Vec<u8> {
        timeout(Duration::from_secs(20), self.playing).await.expect("the script ends").unwrap();
        self.record.octets()
    }
}

/// Plays the script to one client, and closes the connection at its end.
pub(crate) async fn play(steps: Vec<Step>) -> (SocketAddr, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let record = Record::default();
    let keep = record.clone();
    let playing = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut octets = [0; 4096];
        for step in steps {
            match step {
                Step::Read => {
                    let count = tcp.read(&mut octets).await.unwrap_or(0);
                    keep.0.lock().unwrap().extend(&octets[..count]);
                }
                Step::ReadToEnd => {
                    let mut rest = Vec::new();
                    // A reset is an end, too.
                    let _ = tcp.read_to_end(&mut rest).await;
                    keep.0.lock().unwrap().extend(rest);
                }
                Step::Send(octets) => tcp.write_all(&octets).await.unwrap(),
                Step::Pause => tokio::time::sleep(Duration::from_millis(50)).await,
                Step::Hang => std::future::pending().await,
            }
        }
    });
    (address, Server { record, playing })
}

/// A message: an id, an operation with its content.
pub(crate) fn message(id: u8, operation: u8, content: &[u8]) -> Vec<u8> {
    let mut inner = vec![2, 1, id];
    inner.extend(wire_guard::ber::wrap(operation, content));
    wire_guard::ber::wrap(0x30, &inner)
}

/// The content of a result with this code.
pub(crate) fn result(code: u8) -> [u8; 7] {
    [0x0a, 1, code, 4, 0, 4, 0]
}
