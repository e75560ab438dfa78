//! A directory that keeps a record of what it was asked, octet for octet: it says whether a name or a password came
//! over the wire unchanged.
//!
//! It decodes requests with [`wire`](crate::hostile::wire), which shares no code with the provider, and it knows who
//! connected before a given moment without waiting for any time to pass.

mod session;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::hostile::wire::Request;

/// No connection within one machine takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_mins(1);

/// An oracle that listens on a loopback address and a port of its own. It ends with this value.
pub struct Oracle {
    address: SocketAddr,
    state: Arc<State>,
    peers: UnboundedReceiver<SocketAddr>,
    accepting: AbortHandle,
}

/// The one entry of the directory, found by every search.
#[derive(Clone, Debug)]
pub struct OnlyEntry {
    /// Its DN, as it is sent.
    pub dn: Vec<u8>,
    /// Its attributes, each with one value.
    pub attributes: Vec<(&'static str, Vec<u8>)>,
}

/// What one message came to: the request, or what is wrong with the message.
pub type Asked = Result<Request, String>;

#[derive(Debug, Default)]
struct State {
    asked: Mutex<Vec<Asked>>,
    entry: Mutex<Option<OnlyEntry>>,
}

impl Oracle {
    /// An oracle that finds nobody, on 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST).await
    }

    /// An oracle that finds nobody. Those on addresses of their own do not compete for the ports of clients.
    pub async fn start_on(address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((address, 0)).await.expect("a port for the oracle");
        let address = listener.local_addr().expect("the oracle's own address");
        let state = Arc::<State>::default();
        let (peer, peers) = mpsc::unbounded_channel();
        let answering = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            loop {
                let (client, from) = listener.accept().await.expect("a connection");
                // Connections are accepted in the order in which they were made, and noted in that order.
                let _ = peer.send(from);
                tokio::spawn(session::serve(client, Arc::clone(&answering)));
            }
        });
        Self { address, state, peers, accepting: accepting.abort_handle() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on every search finds this entry, and every bind succeeds.
    pub fn holds(&self, entry: OnlyEntry) {
        *lock(&self.state.entry) = Some(entry);
    }

    /// What was asked since the last time, in the order in which it came; ends of connections are not told. A request
    /// is in here before it is answered, so whoever has an answer finds its request.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *lock(&self.state.asked))
    }

    /// How many connections were made since the last time. Not one that was made before this call is missed: it makes
    /// a connection itself, waits for that one, and counts those in front of it.
    pub async fn connections(&mut self) -> usize {
        let own = TcpStream::connect(self.address).await.expect("the oracle listens");
        let own = own.local_addr().expect("the address of a client");
        let mut count = 0;
        loop {
            match timeout(PATIENCE, self.peers.recv()).await {
                Ok(Some(peer)) if peer == own => return count,
                Ok(Some(_)) => count += 1,
                Ok(None) | Err(_) => panic!("the oracle has stopped accepting connections"),
            }
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Oracle;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn connections_are_counted_even_if_they_say_nothing() {
        let mut oracle = Oracle::start().await;
        assert_eq!(oracle.connections().await, 0);
        for _ in 0..3 {
            drop(TcpStream::connect(oracle.address()).await.unwrap());
        }
        assert_eq!(oracle.connections().await, 3);
        assert_eq!(oracle.connections().await, 0, "each is counted once");
        assert_eq!(oracle.asked(), []);
    }
}
