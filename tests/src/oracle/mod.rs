//! A directory that keeps a record of what it was asked, octet for octet: it says whether a name or a password came
//! over the wire unchanged.
//!
//! It decodes requests with [`wire`](crate::hostile::wire), which shares no code with the provider, and it knows who
//! connected before a given moment without waiting for any time to pass. What it answers can be said; by default it
//! knows nobody.

mod answers;
mod session;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

pub use answers::{OnlyEntry, Reply, knows_nobody, knows_one};

use crate::hostile::wire::Request;

/// No connection within one machine takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the connection comes from that counts the others. Not known by its port: ports are used again.
const COUNTER: Ipv4Addr = Ipv4Addr::new(127, 99, 99, 99);

/// An oracle that listens on a loopback address and a port of its own. It ends with this value, and fails the test if it
/// was ever asked to bind with a DN and an empty password, which proves nothing (RFC 4513 section 5.1.2).
pub struct Oracle {
    address: SocketAddr,
    state: Arc<State>,
    peers: UnboundedReceiver<SocketAddr>,
    accepting: JoinHandle<()>,
}

/// What one message came to: the request, or what is wrong with the message.
pub type Asked = Result<Request, String>;

type Answers = dyn Fn(i64, &Request) -> Reply + Send + Sync;

struct State {
    asked: Mutex<Vec<Asked>>,
    answers: Mutex<Arc<Answers>>,
    was_asked_for_nothing: AtomicBool,
}

impl Oracle {
    /// An oracle that knows nobody, on 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_on((Ipv4Addr::LOCALHOST, 0)).await
    }

    /// An oracle that knows nobody, on a loopback address. Those on addresses of their own do not compete for the
    /// ports of clients.
    pub async fn start_on(address: impl Into<SocketAddr>) -> Self {
        let listener = TcpListener::bind(address.into()).await.expect("a port for the oracle");
        let address = listener.local_addr().expect("the oracle's own address");
        let state = Arc::new(State {
            asked: Mutex::default(),
            answers: Mutex::new(Arc::new(knows_nobody)),
            was_asked_for_nothing: AtomicBool::new(false),
        });
        let (peer, peers) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(accept(listener, peer, Arc::clone(&state)));
        Self { address, state, peers, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is what it answers, to a request and the id of its message.
    pub fn answers(&self, answers: impl Fn(i64, &Request) -> Reply + Send + Sync + 'static) {
        *lock(&self.state.answers) = Arc::new(answers);
    }

    /// What was asked since the last time, in the order in which it came; ends of connections are not told. A request
    /// is in here before it is answered, so whoever has an answer finds its request.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *lock(&self.state.asked))
    }

    /// Ends it, and returns when nobody listens any more.
    pub async fn stop(mut self) {
        self.accepting.abort();
        let ended = (&mut self.accepting).await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "the oracle ended before");
    }

    /// How many connections were made since the last time. Not one that was made before this call is missed: it makes
    /// a connection itself, waits for that one, and counts those in front of it.
    pub async fn connections(&mut self) -> usize {
        let own = TcpSocket::new_v4().expect("a socket");
        own.bind((COUNTER, 0).into()).expect("a loopback address");
        let _own = own.connect(self.address).await.expect("the oracle listens");
        let mut count = 0;
        loop {
            match timeout(PATIENCE, self.peers.recv()).await {
                Ok(Some(peer)) if peer.ip() == COUNTER => return count,
                Ok(Some(_)) => count += 1,
                Ok(None) | Err(_) => panic!("the oracle has stopped accepting connections"),
            }
        }
    }
}

async fn accept(listener: TcpListener, peer: UnboundedSender<SocketAddr>, state: Arc<State>) {
    // They end with this task.
    let mut sessions = JoinSet::new();
    loop {
        let (client, from) = listener.accept().await.expect("a connection");
        // Connections are accepted in the order in which they were made, and noted in that order.
        let _ = peer.send(from);
        sessions.spawn(session::serve(client, Arc::clone(&state)));
        while sessions.try_join_next().is_some() {}
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.accepting.abort();
        let proves_nothing = self.state.was_asked_for_nothing.load(Ordering::SeqCst);
        assert!(!proves_nothing || thread::panicking(), "there was a bind with a DN and an empty password");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Oracle;
    use crate::hostile::wire::ber::{element, number};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
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

    #[tokio::test]
    #[should_panic(expected = "a DN and an empty password")]
    async fn a_bind_that_proves_nothing_fails_the_test_whatever_else_it_looks_at() {
        let oracle = Oracle::start().await;
        let bind = [number(2, 3), element(4, b"cn=x"), element(0x80, b"")].concat();
        let message = element(0x30, &[number(2, 1), element(0x60, &bind)].concat());
        let mut client = TcpStream::connect(oracle.address()).await.unwrap();
        client.write_all(&message).await.unwrap();
        client.read_u8().await.unwrap();
    }
}
