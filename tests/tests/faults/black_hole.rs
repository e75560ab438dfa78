//! Addresses that swallow whatever is sent to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tests::oracle::{Oracle, Reply};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// The kernel answers within microseconds, if it answers at all; the second try comes after a second.
const NO_ANSWER: Duration = Duration::from_millis(500);

/// A port whose packets are dropped, as by a firewall: the queue of connections that nobody accepts is full, and the
/// kernel then drops requests for more.
pub(super) struct FullQueue {
    listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl FullQueue {
    pub(super) async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(connected) = timeout(NO_ANSWER, TcpStream::connect(address)).await {
            waiting.push(connected.unwrap());
            assert!(waiting.len() < 64, "the queue never fills up");
        }
        Self { listener, _waiting: waiting }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}

/// A server that accepts every connection, and never says a word.
pub(super) async fn silent_server() -> Oracle {
    let oracle = Oracle::start().await;
    oracle.answers(|_, _| Reply::FallSilent(Vec::new()));
    oracle
}

#[tokio::test]
async fn whoever_dials_a_full_queue_gets_no_answer() {
    let hole = FullQueue::start().await;
    let another = timeout(NO_ANSWER, TcpStream::connect(hole.address())).await;
    assert!(another.is_err(), "{another:?}");
}
