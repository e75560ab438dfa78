//! The server: it accepts connections, asks its script at each step what to do, and does that.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::directory;
use super::record::{Received, Record};
use super::script::{Act, Asked, Script, Step};
use super::session::Session;
use super::tap::Tap;
use super::transport::{Certificates, Offer, Transport};
use super::wire::Request;

/// A port on which nobody listens yet: connections to it are refused.
pub struct Reserved {
    socket: TcpSocket,
    port: u16,
    transport: Transport,
    certificates: Arc<Certificates>,
}

impl Reserved {
    /// Takes a free port.
    pub fn port(certificates: &Arc<Certificates>, transport: Transport) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // What is in the system's buffers was not taken by the client.
        socket.set_send_buffer_size(SEND_BUFFER).expect("a small buffer");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port for the server");
        let port = socket.local_addr().expect("the server's own port").port();
        Self { socket, port, transport, certificates: Arc::clone(certificates) }
    }

    /// The settings of a provider for this server.
    pub fn settings(&self) -> Value {
        self.certificates.settings(self.transport, self.port)
    }

    /// Listens, and plays the script.
    pub fn listen(self, script: Script) -> HostileServer {
        let listener = self.socket.listen(1_024).expect("a listening socket");
        let (fates, fate) = watch::channel(Fate::Reset);
        let stage = Arc::new(Stage {
            transport: self.transport,
            certificates: Arc::clone(&self.certificates),
            script,
            armed: AtomicBool::new(true),
            state: Mutex::default(),
            life: Mutex::default(),
            thawed: watch::Sender::new(false),
            open: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&stage), fate));
        HostileServer { stage, port: self.port, fates, accepting }
    }
}

/// A server on a port of its own. It ends with this value, its connections too.
pub struct HostileServer {
    stage: Arc<Stage>,
    port: u16,
    fates: watch::Sender<Fate>,
    accepting: JoinHandle<()>,
}

impl HostileServer {
    /// Starts a server that plays a script.
    pub fn start(certificates: &Arc<Certificates>, transport: Transport, script: Script) -> Self {
        Reserved::port(certificates, transport).listen(script)
    }

    /// The settings of a provider for this server.
    pub fn settings(&self) -> Value {
        self.stage.certificates.settings(self.stage.transport, self.port)
    }

    /// Where the server listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Is honest from now on.
    pub fn disarm(&self) {
        self.stage.armed.store(false, Ordering::SeqCst);
    }

    /// Plays the script from now on, with an empty record.
    pub fn arm(&self) {
        *self.stage.lock() = State::default();
        self.stage.thawed.send_replace(false);
        self.stage.armed.store(true, Ordering::SeqCst);
    }

    /// Aborts all connections that are open (RST).
    pub fn reset_connections(&self) {
        let _ = self.fates.send(Fate::Reset);
    }

    /// Lets all connections that are open stand still for ever, as when a firewall forgets them.
    pub fn freeze_connections(&self) {
        let _ = self.fates.send(Fate::Freeze);
    }

    /// What the server was asked since it plays its script.
    pub fn record(&self) -> Record {
        self.stage.lock().record.clone()
    }

    /// Whether the client came to a step at which the server is not honest, if there is one.
    pub fn was_reached(&self) -> bool {
        self.stage.script.is_reached(&self.stage.lock().steps)
    }

    /// The record, if nothing is in it, or in what was sent at any time, that must never be there. Connections that
    /// the client has closed are read to their end before that, those that stand still too; one that the client keeps
    /// is waited for in vain.
    pub async fn finish(&self, logins: usize) -> Result<Record, String> {
        self.judge().await?;
        let record = self.record();
        record.check(self.stage.transport, logins).map(|()| record)
    }

    /// The same of the server's whole life, honest times and all, with so many logins in it.
    pub async fn end(&self, logins: usize) -> Result<(), String> {
        self.judge().await?;
        let binds = self.stage.life().user_binds;
        if binds > logins { Err(format!("{binds} binds as users for {logins} logins in all")) } else { Ok(()) }
    }

    async fn judge(&self) -> Result<(), String> {
        self.stage.thawed.send_replace(true);
        let mut open = self.stage.open.subscribe();
        let _ = tokio::time::timeout(CLOSING, open.wait_for(|&open| open == 0)).await;
        let life = self.stage.life();
        life.violation.clone().map_or(Ok(()), Err)?;
        life.taps.values().try_for_each(|tap| tap.check(self.stage.transport))
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What befalls all connections that are open.
#[derive(Clone, Copy)]
enum Fate {
    Reset,
    Freeze,
}

/// The octets on their way that a connection may hold on the server's side.
const SEND_BUFFER: u32 = 64 << 10;

/// How long connections may take to end.
const CLOSING: Duration = Duration::from_millis(200);

/// What all connections of a server share.
pub(super) struct Stage {
    transport: Transport,
    certificates: Arc<Certificates>,
    script: Script,
    armed: AtomicBool,
    state: Mutex<State>,
    life: Mutex<Life>,
    /// Whether connections that stand still are read.
    thawed: watch::Sender<bool>,
    /// How many connections there are.
    open: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    record: Record,
    steps: HashMap<Step, usize>,
}

/// What is never begun anew. A server may see millions of requests, so that each is judged when it comes.
#[derive(Default)]
struct Life {
    /// The first thing that must never be.
    violation: Option<String>,
    user_binds: usize,
    connections: usize,
    /// Of the connections that are open.
    taps: BTreeMap<usize, Tap>,
}

impl Life {
    fn judged(&mut self, verdict: Result<(), String>) {
        self.violation = self.violation.take().or(verdict.err());
    }
}

impl Stage {
    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until those connections are to be read.
    pub(super) async fn thaw(&self) {
        // The stage holds the other end.
        let _ = self.thawed.subscribe().wait_for(|&thawed| thawed).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn acceptor(&self, offer: Offer) -> tokio_rustls::TlsAcceptor {
        self.certificates.config(offer).into()
    }

    pub(super) fn sent(&self, octets: usize) {
        self.lock().record.sent += octets;
    }

    pub(super) fn received(&self, received: Received) {
        {
            let mut life = self.life();
            life.judged(received.check(self.transport));
            life.user_binds += usize::from(received.is_user_bind());
        }
        self.lock().record.requests.push(received);
    }

    /// The number of a new connection.
    fn connected(&self, tap: Tap) -> usize {
        self.lock().record.connections += 1;
        let mut life = self.life();
        let number = life.connections;
        life.connections += 1;
        life.taps.insert(number, tap);
        number
    }

    fn closed(&self, number: usize) {
        let mut life = self.life();
        if let Some(tap) = life.taps.remove(&number) {
            life.judged(tap.check(self.transport));
        }
    }

    /// What to do when a connection is made.
    pub(super) fn at_connect(&self) -> Vec<Act> {
        let then = (self.transport == Transport::Ldaps).then_some(Act::Secure(Offer::Good));
        self.acts(Step::Connect, 0, None, then)
    }

    /// What to do when a connection is protected as it should be.
    pub(super) fn at_greeting(&self) -> Vec<Act> {
        self.acts(Step::Greeting, 0, None, None)
    }

    /// What to do at a request.
    pub(super) fn at_request(&self, id: i64, request: Request) -> Vec<Act> {
        let Some(step) = directory::step(&request) else { return Vec::new() };
        let then = (step == Step::StartTls).then_some(Act::Secure(Offer::Good));
        self.acts(step, id, Some(request), then)
    }

    fn acts(&self, step: Step, id: i64, request: Option<Request>, then: Option<Act>) -> Vec<Act> {
        let messages = request.as_ref().map(|request| directory::messages(id, request)).unwrap_or_default();
        let nth = {
            let mut state = self.lock();
            let count = state.steps.entry(step).or_default();
            *count += 1;
            *count - 1
        };
        let asked = Asked { step, id, request, nth, messages, then };
        if self.armed.load(Ordering::SeqCst) { self.script.acts(asked) } else { asked.honestly() }
    }

    /// What protects the connection, or has to.
    pub(super) fn transport(&self) -> Transport {
        self.transport
    }
}

async fn accept(listener: TcpListener, stage: Arc<Stage>, fate: watch::Receiver<Fate>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client that is gone already is none.
                let Ok((tcp, _)) = accepted else { continue };
                sessions.spawn(serve(tcp, Arc::clone(&stage), fate.clone()));
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

async fn serve(tcp: TcpStream, stage: Arc<Stage>, mut fate: watch::Receiver<Fate>) {
    let tap = Tap::default();
    let number = stage.connected(tap.clone());
    stage.open.send_modify(|open| *open += 1);
    let _closed = Closed(Arc::clone(&stage), number);
    fate.mark_unchanged();
    let Ok(mut session) = Session::over(tcp, tap, Arc::clone(&stage), number) else { return };
    // A client that hangs up is no matter of the server's.
    let _: io::Result<()> = tokio::select! {
        _ = session.run() => session.read_out().await,
        _ = fate.changed() => {
            let fate = *fate.borrow();
            match fate {
                Fate::Reset => session.reset(),
                Fate::Freeze => {
                    stage.thaw().await;
                    session.read_out().await
                }
            }
        }
    };
}

/// Counts a connection as closed, and judges it, when it is dropped, which is how it ends in any case.
struct Closed(Arc<Stage>, usize);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.closed(self.1);
        self.0.open.send_modify(|open| *open -= 1);
    }
}
