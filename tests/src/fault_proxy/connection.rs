//! One connection through the proxy.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::record::Answer;
use super::{Event, Fate, Mode, Shared, Then, Whose, lock};
use crate::hostile::wire::ber::{Elements, message_length};
use crate::hostile::wire::{Request, decode};

/// The tag of a `BindResponse`.
const BIND_RESPONSE: u8 = 0x61;

/// How relaying ends, and what the client has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Closed,
    Reset,
    /// The connection stays, and what is said on it is read and vanishes.
    Vanished,
    /// The connection stays, and nothing is read.
    Unread,
    /// The server's side is at its end, the client's is open.
    HalfClosed,
}

struct Relay<'a> {
    shared: &'a Shared,
    /// The binds without an answer, by the id of their message.
    waiting: Mutex<HashMap<i64, Answer>>,
    /// Something else than LDAP, TLS for one: not looked into.
    opaque: AtomicBool,
    /// Whether somebody has searched.
    searched: AtomicBool,
}

pub(super) async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let mut fate = shared.fate.subscribe();
    let _ = client.set_nodelay(true);
    let ending = relay(&mut client, &shared, &mut fate).await;
    end(client, ending, &mut fate).await;
}

async fn relay(client: &mut TcpStream, shared: &Shared, fate: &mut watch::Receiver<(Whose, Fate)>) -> Ending {
    let mode = *shared.mode.borrow();
    match mode {
        Mode::Silent | Mode::Drop => return Ending::Vanished,
        Mode::Deaf => return Ending::Unread,
        _ => {}
    }
    let Ok(mut server) = TcpStream::connect(shared.server).await else { return Ending::Reset };
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let relay =
        Relay { shared, waiting: Mutex::default(), opaque: AtomicBool::new(false), searched: AtomicBool::new(false) };
    let (queue, queued) = mpsc::unbounded_channel();
    // The writer first: what was queued before the server ended is written before that is told.
    tokio::select! {
        ending = write(to_client, queued) => ending,
        ending = relay.requests(from_client, to_server) => ending,
        never = relay.answers(from_server, queue) => never,
        fated = relay.fated(fate) => fated,
    }
}

/// The next fate, and whose it is.
async fn next_fate(fate: &mut watch::Receiver<(Whose, Fate)>) -> (Whose, Fate) {
    match fate.changed().await {
        Ok(()) => *fate.borrow_and_update(),
        Err(_) => (Whose::Any, Fate::Closed),
    }
}

async fn end(mut client: TcpStream, ending: Ending, fate: &mut watch::Receiver<(Whose, Fate)>) {
    if ending == Ending::HalfClosed {
        let _ = client.shutdown().await;
    }
    let reset = match ending {
        Ending::Closed => false,
        Ending::Reset => true,
        Ending::Vanished | Ending::Unread | Ending::HalfClosed => tokio::select! {
            () = stay(&mut client, ending) => false,
            // One that was swallowed stays dead whatever is decided about others, unless it is to end.
            reset = ends(fate) => reset,
        },
    };
    if reset {
        let _ = client.set_zero_linger();
    }
}

/// Until the client is gone, if that can be noticed.
async fn stay(client: &mut TcpStream, ending: Ending) {
    if ending == Ending::Unread {
        pending::<()>().await;
    }
    let mut vanishing = vec![0; 4_096];
    while let Ok(1..) = client.read(&mut vanishing).await {}
}

/// Waits until the connections that are there are to end; whether by a reset.
async fn ends(fate: &mut watch::Receiver<(Whose, Fate)>) -> bool {
    loop {
        match next_fate(fate).await {
            (_, Fate::Reset) => return true,
            (_, Fate::Closed) => return false,
            (_, Fate::Swallowed) => {}
        }
    }
}

/// What is to be written to the client.
enum Piece {
    Octets { octets: Vec<u8>, not_before: Instant, drip: Option<Duration> },
    End(Ending),
}

async fn write(mut client: WriteHalf<'_>, mut queued: mpsc::UnboundedReceiver<Piece>) -> Ending {
    while let Some(piece) = queued.recv().await {
        let written = match piece {
            Piece::End(ending) => return ending,
            Piece::Octets { octets, not_before, drip: None } => {
                sleep_until(not_before).await;
                client.write_all(&octets).await
            }
            Piece::Octets { octets, drip: Some(interval), .. } => drop_by_drop(&mut client, &octets, interval).await,
        };
        if written.is_err() {
            return Ending::Closed;
        }
    }
    Ending::Closed
}

async fn drop_by_drop(client: &mut WriteHalf<'_>, octets: &[u8], interval: Duration) -> std::io::Result<()> {
    for octet in octets {
        client.write_all(&[*octet]).await?;
        sleep(interval).await;
    }
    Ok(())
}

impl Relay<'_> {
    /// Waits for a fate that is this connection's.
    async fn fated(&self, fate: &mut watch::Receiver<(Whose, Fate)>) -> Ending {
        loop {
            let (whose, fate) = next_fate(fate).await;
            let searched = self.searched.load(Ordering::Relaxed);
            if whose != if searched { Whose::Binds } else { Whose::Searches } {
                return match fate {
                    Fate::Swallowed => Ending::Vanished,
                    Fate::Reset => Ending::Reset,
                    Fate::Closed => Ending::Closed,
                };
            }
        }
    }

    async fn requests(&self, mut client: ReadHalf<'_>, mut server: WriteHalf<'_>) -> Ending {
        let mut frames = Frames::default();
        loop {
            match frames.read(&mut client).await {
                Ok(1..) => {}
                Ok(0) => return Ending::Closed,
                Err(_) => return Ending::Reset,
            }
            while let Some(frame) = frames.next(&self.opaque) {
                if !self.opaque.load(Ordering::Relaxed) {
                    match self.request(&frame) {
                        Then::Pass => {}
                        Then::Vanish => return Ending::Vanished,
                        Then::Reset => return Ending::Reset,
                    }
                }
                match *self.shared.mode.borrow() {
                    Mode::Silent | Mode::Drop => return Ending::Vanished,
                    Mode::Deaf => return Ending::Unread,
                    _ => {}
                }
                if server.write_all(&frame).await.is_err() {
                    return Ending::Reset;
                }
            }
        }
    }

    fn request(&self, frame: &[u8]) -> Then {
        let request = decode(frame);
        if let Some((id, answer)) = self.shared.wire.note(self.shared.server, &request) {
            lock(&self.waiting).insert(id, answer);
        }
        let Ok((_, request)) = request else { return Then::Pass };
        if matches!(request, Request::Search { .. }) {
            self.searched.store(true, Ordering::Relaxed);
        }
        self.event(Event::Request(&request))
    }

    fn event(&self, event: Event<'_>) -> Then {
        lock(&self.shared.trap).as_mut().map_or(Then::Pass, |trap| trap(event))
    }

    /// Hands on answers; what ends the connection goes to the queue as well, behind them.
    async fn answers(&self, mut server: ReadHalf<'_>, queue: mpsc::UnboundedSender<Piece>) -> Ending {
        let mut frames = Frames::default();
        let ending = 'relaying: loop {
            match frames.read(&mut server).await {
                Ok(1..) => {}
                Ok(0) => break Ending::Closed,
                Err(_) => break Ending::Reset,
            }
            while let Some(mut frame) = frames.next(&self.opaque) {
                if !self.opaque.load(Ordering::Relaxed) {
                    match self.answer(&frame) {
                        Then::Pass => {}
                        Then::Vanish => break 'relaying Ending::Vanished,
                        Then::Reset => break 'relaying Ending::Reset,
                    }
                }
                let (mut not_before, mut drip) = (Instant::now(), None);
                match *self.shared.mode.borrow() {
                    Mode::Pass | Mode::Refuse => {}
                    Mode::Delay(time) => not_before += time,
                    Mode::Drip(interval) => drip = Some(interval),
                    Mode::Silent | Mode::Drop => break 'relaying Ending::Vanished,
                    Mode::Deaf => break 'relaying Ending::Unread,
                    Mode::HalfClose => break 'relaying Ending::HalfClosed,
                    Mode::ResetMidAnswer => {
                        frame.truncate(frame.len() / 2);
                        let _ = queue.send(Piece::Octets { octets: frame, not_before, drip });
                        break 'relaying Ending::Reset;
                    }
                }
                let _ = queue.send(Piece::Octets { octets: frame, not_before, drip });
            }
        };
        let _ = queue.send(Piece::End(ending));
        pending().await
    }

    fn answer(&self, frame: &[u8]) -> Then {
        let mut outer = Elements::of(frame);
        let Ok(content) = outer.expect(0x30) else { return Then::Pass };
        let mut parts = Elements::of(content);
        let (Ok(id), Ok(Some(operation))) = (parts.number(0x02), parts.element()) else { return Then::Pass };
        let then = self.event(Event::Answer(operation.tag));
        if operation.tag == BIND_RESPONSE
            && let Some(answer) = lock(&self.waiting).remove(&id)
            && let Ok(code) = Elements::of(operation.content).number(0x0a)
        {
            let _ = answer.set(code);
        }
        then
    }
}

/// Messages out of what was read.
#[derive(Default)]
struct Frames(Vec<u8>);

impl Frames {
    async fn read(&mut self, from: &mut ReadHalf<'_>) -> std::io::Result<usize> {
        from.read_buf(&mut self.0).await
    }

    /// The next whole message; everything that is there where messages cannot be told apart.
    fn next(&mut self, opaque: &AtomicBool) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        let length = match message_length(&self.0) {
            _ if opaque.load(Ordering::Relaxed) => self.0.len(),
            Ok(Some(length)) => length,
            Ok(None) => return None,
            Err(_) => {
                opaque.store(true, Ordering::Relaxed);
                self.0.len()
            }
        };
        if length > self.0.len() {
            return None;
        }
        let rest = self.0.split_off(length);
        Some(std::mem::replace(&mut self.0, rest))
    }
}
