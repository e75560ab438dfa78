//! A TCP proxy in front of a directory, which does to connections what networks and dying servers do, and keeps a record
//! of the binds that came by.
//!
//! It decodes requests with [`wire`](crate::hostile::wire), so between a plugin and the proxy there has to be plain LDAP;
//! anything else is relayed and not recorded. It runs on a thread of its own: what it does takes no turn away from the
//! tasks of the test, whose times are measured.

mod connection;
mod door;
mod record;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

pub use record::{Bind, Wire};

use crate::hostile::wire::Request;

/// What happens to connections, until another mode is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything is relayed.
    Pass,
    /// Whoever connects is refused, as by a machine on which nobody listens. Connections that are there go on.
    Refuse,
    /// Packets are dropped: nobody who connects gets an answer, and what is said on connections that are there vanishes.
    Drop,
    /// Connections are accepted, and what is said on any of them vanishes.
    Silent,
    /// As [`Self::Silent`], and nothing is even read: the window closes.
    Deaf,
    /// Answers come an octet at a time, with this time between them.
    Drip(Duration),
    /// The first answer on a connection ends in its middle, with a reset.
    ResetMidAnswer,
    /// In place of its first answer the server ends its side of the connection, and leaves the other open.
    HalfClose,
    /// Answers are late by this.
    Delay(Duration),
}

/// What becomes of the connections that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They go dead and nobody is told, as in a router that has forgotten them.
    Swallowed,
    /// They are reset.
    Reset,
    /// They end in good order.
    Closed,
}

/// Which of the connections that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Each.
    Any,
    /// Those on which somebody has searched.
    Searches,
    /// Those on which nobody has searched.
    Binds,
}

/// What a trap is shown.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A request that came whole. It has not been passed on.
    Request(&'a Request),
    /// An answer that came whole, by the tag of its operation. It has not been passed on.
    Answer(u8),
}

/// What a trap does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// What the mode says.
    Pass,
    /// It vanishes, and so does whatever comes after it on this connection.
    Vanish,
    /// The connection is reset.
    Reset,
}

type Trap = Box<dyn FnMut(Event<'_>) -> Then + Send>;

/// A proxy on a loopback address and a port of its own, which stays its own while it refuses connections. It ends with
/// this value, its connections too.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<(Mode, oneshot::Sender<()>)>,
}

/// What the proxy's connections share.
struct Shared {
    server: SocketAddr,
    mode: watch::Sender<Mode>,
    /// The fate of those that subscribed before it was sent.
    fate: watch::Sender<(Whose, Fate)>,
    trap: Mutex<Option<Trap>>,
    wire: Arc<Wire>,
}

impl FaultProxy {
    /// A proxy that passes everything on to a server, and notes what it sees in `wire`. Several proxies may have one.
    pub fn start(server: SocketAddr, wire: &Arc<Wire>) -> Self {
        Self::start_as(server, wire, Mode::Pass)
    }

    /// A proxy that begins in a mode.
    pub fn start_as(server: SocketAddr, wire: &Arc<Wire>, mode: Mode) -> Self {
        let shared = Arc::new(Shared {
            server,
            mode: watch::Sender::new(Mode::Pass),
            fate: watch::Sender::new((Whose::Any, Fate::Closed)),
            trap: Mutex::default(),
            wire: Arc::clone(wire),
        });
        let (orders, received) = mpsc::unbounded_channel();
        let (started, address) = std::sync::mpsc::channel();
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let mut door = door::Door::at(own_address());
                door.become_as(mode).await;
                serving.mode.send_replace(mode);
                let _ = started.send(door.address());
                door.serve(received, serving).await;
            });
            // Connections under way are tasks of this runtime, and end with it.
        });
        Self { address: address.recv().expect("the proxy starts"), shared, orders }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the mode. Returns when it is in effect.
    pub async fn set(&self, mode: Mode) {
        let (done, in_effect) = oneshot::channel();
        self.orders.send((mode, done)).expect("the proxy runs");
        in_effect.await.expect("the proxy runs");
    }

    /// Decides about the connections that are there, and not about those to come.
    pub fn doom(&self, fate: Fate) {
        self.doom_those(Whose::Any, fate);
    }

    /// Decides about some of them.
    pub fn doom_those(&self, whose: Whose, fate: Fate) {
        self.shared.fate.send_replace((whose, fate));
    }

    /// Shows every request and every answer to a trap, on the proxy's own thread, until the next trap is set.
    pub fn trap(&self, trap: impl FnMut(Event<'_>) -> Then + Send + 'static) {
        *lock(&self.shared.trap) = Some(Box::new(trap));
    }

    /// Takes the trap away.
    pub fn disarm(&self) {
        *lock(&self.shared.trap) = None;
    }
}

/// Each process has an address of its own: a port that is refused here is not given to a client, whose address is
/// 127.0.0.1, nor to a proxy of tests that run at the same time.
fn own_address() -> SocketAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    (Ipv4Addr::new(127, 64 + high % 64, low, 1), 0).into()
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
