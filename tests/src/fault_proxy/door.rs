//! How a proxy takes connections, refuses them, or lets them get no answer.

use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Mode, Shared, connection};

const BACKLOG: u32 = 4_096;

/// The kernel answers within microseconds, if it answers at all.
const NO_ANSWER: Duration = Duration::from_millis(150);

/// Where the connections come from that fill the queue, so that they are told from others later.
const FILLER: Ipv4Addr = Ipv4Addr::new(127, 98, 98, 98);

pub(super) struct Door {
    address: SocketAddr,
    state: State,
}

enum State {
    Open(TcpListener),
    /// Bound and not listening: clients are refused, and nobody else gets the port.
    Closed(TcpSocket),
    /// The queue of connections that nobody accepts is full, and the kernel drops requests for more.
    Full(TcpListener, Vec<TcpStream>),
    /// Between two states.
    Nowhere,
}

impl Door {
    pub(super) fn at(address: SocketAddr) -> Self {
        let listener = bound(address).listen(BACKLOG).expect("a port for the proxy");
        Self { address: listener.local_addr().expect("the proxy's own address"), state: State::Open(listener) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn become_as(&mut self, mode: Mode) {
        self.state = match (mode, mem::replace(&mut self.state, State::Nowhere)) {
            (Mode::Refuse, State::Closed(socket)) => State::Closed(socket),
            (Mode::Refuse, before) => {
                drop(before);
                State::Closed(bound(self.address))
            }
            (Mode::Drop, State::Full(listener, fillers)) => State::Full(listener, fillers),
            (Mode::Drop, before) => self.full(self.opened(before)).await,
            (_, before) => State::Open(self.opened(before)),
        };
    }

    fn opened(&self, before: State) -> TcpListener {
        match before {
            State::Open(listener) => listener,
            State::Closed(socket) => socket.listen(BACKLOG).expect("the proxy's port is still its own"),
            State::Full(listener, _) => {
                rustix::net::listen(&listener, BACKLOG.cast_signed()).expect("a longer queue");
                listener
            }
            State::Nowhere => bound(self.address).listen(BACKLOG).expect("the proxy's port is still its own"),
        }
    }

    async fn full(&self, listener: TcpListener) -> State {
        rustix::net::listen(&listener, 0).expect("a shorter queue");
        let mut fillers = Vec::new();
        loop {
            let filler = TcpSocket::new_v4().expect("a socket");
            filler.bind((FILLER, 0).into()).expect("a loopback address");
            match timeout(NO_ANSWER, filler.connect(self.address)).await {
                Ok(connected) => fillers.push(connected.expect("the proxy listens")),
                Err(_) => return State::Full(listener, fillers),
            }
            assert!(fillers.len() < 64, "the queue never fills up");
        }
    }

    /// Takes connections and orders until the proxy is dropped.
    pub(super) async fn serve(
        mut self,
        mut orders: mpsc::UnboundedReceiver<(Mode, oneshot::Sender<()>)>,
        shared: Arc<Shared>,
    ) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some((mode, done)) = order else { return };
                    // Connections first: none that is accepted later is treated by the mode of before.
                    shared.mode.send_replace(mode);
                    self.become_as(mode).await;
                    let _ = done.send(());
                }
                (client, from) = self.accept() => {
                    if from.ip() != IpAddr::V4(FILLER) {
                        shared.wire.connected();
                        connections.spawn(connection::serve(client, Arc::clone(&shared)));
                    }
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }

    /// The next connection; never comes back where none is taken.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        let State::Open(listener) = &self.state else { return std::future::pending().await };
        loop {
            match listener.accept().await {
                Ok(accepted) => return accepted,
                // One that was reset while it waited, or no file left: neither ends a proxy.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Ends of connections of before may still have the port.
    socket.set_reuseaddr(true).expect("a socket takes SO_REUSEADDR");
    socket.bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    socket
}
