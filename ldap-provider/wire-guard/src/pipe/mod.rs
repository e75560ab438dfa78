//! The pipe between the server and an LDAP library, through which only sound messages pass.

mod unconsumed;

use std::net::SocketAddr;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::AbortHandle;

use crate::Violation;
use crate::exchange::ExchangeError;
use crate::frame::{Frame, FrameReader};
use crate::grammar::{SearchAnswer, check_search_answer};
use crate::incoming::Incoming;
use crate::message::Message;
use crate::message::operation::{ABANDON_REQUEST, SEARCH_REQUEST, UNBIND_REQUEST};
use crate::outstanding::{Checked, Outstanding};
use crate::stream::Stream;

use unconsumed::Unconsumed;

/// The largest request that a library of ours may make, in octets. It has a filter of some kilobytes.
const MAX_REQUEST: usize = 1024 * 1024;

/// How much is passed on in one piece, in octets, if there is so much.
const AT_ONCE: usize = 16 * 1024;

/// How long a connection that has ended may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(250);

/// A connection on which a library can search: it speaks LDAP on `stream`, and never sees what is not sound.
#[derive(Debug)]
pub struct Pipe {
    /// The library's end, in nonblocking mode.
    pub stream: StdUnixStream,
    /// Tells why the pipe has ended. The pipe ends when this is dropped.
    pub monitor: PipeMonitor,
}

/// Why a pipe has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PipeEnd {
    /// The library closed its end.
    ClosedByClient,
    /// The server closed the connection, or it failed.
    Lost(String),
    /// The server announced the end of the connection.
    Disconnected {
        /// The announcement's result code.
        code: u32,
        /// The server's own words.
        diagnostic: String,
    },
    /// The server broke the protocol.
    Violation(Violation),
}

impl fmt::Display for PipeEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedByClient => formatter.write_str("the connection was closed on this side"),
            Self::Lost(error) => write!(formatter, "the connection to the server was lost: {error}"),
            Self::Disconnected { code, diagnostic } => {
                write!(formatter, "the server ended the connection, with result code {code}: {diagnostic}")
            }
            Self::Violation(violation) => write!(formatter, "the server broke the protocol: {violation}"),
        }
    }
}

/// Watches over a pipe, and ends it when dropped.
#[derive(Debug)]
pub struct PipeMonitor {
    shared: Arc<Shared>,
    pump: AbortHandle,
}

/// What the pump and the monitor both know.
struct Shared {
    end: OnceLock<PipeEnd>,
    unconsumed: Unconsumed,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").field("end", &self.end).finish_non_exhaustive()
    }
}

impl PipeMonitor {
    /// Why the pipe has ended; `None` while it has not. The reason is there before the library sees the end of its
    /// stream.
    pub fn end(&self) -> Option<&PipeEnd> {
        self.shared.end.get()
    }

    /// Tells that an entry of the search with this message id was taken from the library. Every entry has to be told
    /// of, or the [end](Self::search_over) of its search: the server is held back until then.
    pub fn entry_consumed(&self, search: u32) {
        self.shared.unconsumed.entry_consumed(search);
    }

    /// Tells that nothing more will be taken of the search with this message id, whether it has ended or not.
    pub fn search_over(&self, search: u32) {
        self.shared.unconsumed.search_over(search);
    }
}

impl Drop for PipeMonitor {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

pub(crate) fn open(server: Stream, incoming: Incoming, peer: Option<SocketAddr>) -> io::Result<Pipe> {
    let (near, far) = StdUnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    let near = UnixStream::from_std(near)?;
    let unconsumed = Unconsumed::new(incoming.limits().unconsumed);
    let shared = Arc::new(Shared { end: OnceLock::new(), unconsumed });
    let pumped = shared.clone();
    let pump = tokio::spawn(async move { pump(server, incoming, near, &pumped, peer).await }).abort_handle();
    Ok(Pipe { stream: far, monitor: PipeMonitor { shared, pump } })
}

async fn pump(server: Stream, incoming: Incoming, library: UnixStream, shared: &Shared, peer: Option<SocketAddr>) {
    match server {
        Stream::Plain(tcp) => {
            let (read, write) = tcp.into_split();
            pump_halves(read, write, incoming, library, shared, peer).await;
        }
        Stream::Tls(tls) => {
            let (read, write) = tokio::io::split(tls);
            pump_halves(read, write, incoming, library, shared, peer).await;
        }
    }
}

async fn pump_halves(
    server_read: impl AsyncRead + Unpin,
    mut server_write: impl AsyncWrite + Unpin,
    incoming: Incoming,
    library: UnixStream,
    shared: &Shared,
    peer: Option<SocketAddr>,
) {
    let (library_read, mut library_write) = library.into_split();
    let outstanding = Mutex::new(Outstanding::new(incoming.limits().search));
    // Both directions end together. The library's half is dropped when the reason is there, and not before.
    let end = tokio::select! {
        end = inwards(server_read, incoming, &mut library_write, &outstanding, &shared.unconsumed) => end,
        end = outwards(library_read, &mut server_write, &outstanding, &shared.unconsumed) => end,
    };
    match &end {
        PipeEnd::ClosedByClient => {}
        PipeEnd::Violation(violation) => violation.report(peer),
        other => log::debug!("{other}"),
    }
    let _ = shared.end.set(end);
    drop(library_write);
    // A peer that does not read must not keep the socket open.
    let _ = tokio::time::timeout(GOODBYE, server_write.shutdown()).await;
}

async fn inwards(
    mut server: impl AsyncRead + Unpin,
    mut incoming: Incoming,
    library: &mut (impl AsyncWrite + Unpin),
    outstanding: &Mutex<Outstanding>,
    unconsumed: &Unconsumed,
) -> PipeEnd {
    // What arrived together is passed on together: each write wakes the library.
    let mut passed_on = Vec::new();
    loop {
        let mut next = match incoming.answer(&mut server).await {
            Ok(frame) => Some(frame),
            Err(error) => return error.into(),
        };
        let mut end = None;
        while let Some(frame) = next.take() {
            match check(&frame, outstanding) {
                Ok(PassedOn::Nothing) => {}
                Ok(PassedOn::Entry { search, bytes }) => {
                    if !unconsumed.try_admit(search, bytes.len(), frame.elements) {
                        if library.write_all(&passed_on).await.is_err() {
                            return PipeEnd::ClosedByClient;
                        }
                        passed_on.clear();
                        unconsumed.admit(search, bytes.len(), frame.elements).await;
                    }
                    passed_on.extend_from_slice(&bytes);
                }
                Ok(PassedOn::Done(bytes)) => passed_on.extend_from_slice(&bytes),
                Err(violation) => {
                    end = Some(PipeEnd::Violation(violation));
                    break;
                }
            }
            if passed_on.len() >= AT_ONCE {
                break;
            }
            match incoming.answer_read() {
                Ok(another) => next = another,
                Err(error) => end = Some(error.into()),
            }
        }
        if library.write_all(&passed_on).await.is_err() {
            return PipeEnd::ClosedByClient;
        }
        passed_on.clear();
        // A large entry is no reason to keep the room for another.
        passed_on.shrink_to(AT_ONCE);
        if let Some(end) = end {
            return end;
        }
    }
}

/// What the library is to see of a message.
enum PassedOn {
    Nothing,
    Entry { search: u32, bytes: Bytes },
    Done(Bytes),
}

fn check(frame: &Frame, outstanding: &Mutex<Outstanding>) -> Result<PassedOn, Violation> {
    let message = Message::parse(&frame.bytes)?;
    let answer = match lock(outstanding).check(&message, frame, check_search_answer(&message))? {
        Checked::Wanted(answer) => answer,
        Checked::Unwanted(_) => return Ok(PassedOn::Nothing),
        Checked::CutShort(violation) | Checked::TooLarge(violation) => return Err(violation),
    };
    let bytes = answer.rewritten(&message).map_or_else(|| frame.bytes.clone(), Bytes::from);
    Ok(match answer {
        // References to other servers are never followed.
        SearchAnswer::Reference => PassedOn::Nothing,
        SearchAnswer::Entry(_) => PassedOn::Entry { search: message.id, bytes },
        SearchAnswer::Done(..) => PassedOn::Done(bytes),
    })
}

async fn outwards(
    mut library: impl AsyncRead + Unpin,
    server: &mut (impl AsyncWrite + Unpin),
    outstanding: &Mutex<Outstanding>,
    unconsumed: &Unconsumed,
) -> PipeEnd {
    let mut reader = FrameReader::new(MAX_REQUEST);
    // What the library asks for at once is sent at once.
    let mut requests = Vec::new();
    loop {
        let Ok(first) = reader.next(&mut library).await else { return PipeEnd::ClosedByClient };
        let mut next = Some(first);
        let mut last = false;
        while let Some(frame) = next.take() {
            match note_request(&frame, outstanding, unconsumed) {
                Some(Request::Another) => {}
                Some(Request::Last) => last = true,
                None => return PipeEnd::ClosedByClient,
            }
            requests.extend_from_slice(&frame.bytes);
            if last || requests.len() >= AT_ONCE {
                break;
            }
            match reader.next_read() {
                Ok(another) => next = another,
                Err(_) => return PipeEnd::ClosedByClient,
            }
        }
        let sent = async {
            server.write_all(&requests).await?;
            server.flush().await
        };
        if let Err(error) = sent.await {
            return PipeEnd::Lost(error.to_string());
        }
        requests.clear();
        requests.shrink_to(AT_ONCE);
        if last {
            return PipeEnd::ClosedByClient;
        }
    }
}

enum Request {
    Another,
    Last,
}

/// Takes note of what a request expects; `None` for one that is not let through.
fn note_request(frame: &Frame, outstanding: &Mutex<Outstanding>, unconsumed: &Unconsumed) -> Option<Request> {
    let message = Message::parse(&frame.bytes).ok()?;
    match message.operation {
        SEARCH_REQUEST => {
            lock(outstanding).begin(message.id);
            unconsumed.begin(message.id);
        }
        // AbandonRequest ::= [APPLICATION 16] MessageID
        ABANDON_REQUEST => lock(outstanding).abandon(message_id(message.content)?),
        UNBIND_REQUEST => return Some(Request::Last),
        // Binds are the guard's own business. A library that tries one is stopped here.
        operation => {
            log::error!("a request with the identifier {operation:#04x} was not let through");
            return None;
        }
    }
    Some(Request::Another)
}

/// Both directions know the searches.
fn lock(outstanding: &Mutex<Outstanding>) -> MutexGuard<'_, Outstanding> {
    outstanding.lock().unwrap_or_else(PoisonError::into_inner)
}

fn message_id(octets: &[u8]) -> Option<u32> {
    matches!(octets.len(), 1..=4).then(|| octets.iter().fold(0, |sum, &octet| sum << 8 | u32::from(octet)))
}

impl From<ExchangeError> for PipeEnd {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Violation(violation) => Self::Violation(violation),
            ExchangeError::Disconnected(result) => {
                Self::Disconnected { code: result.code, diagnostic: result.diagnostic }
            }
            ExchangeError::Lost(error) => Self::Lost(error.to_string()),
            timeout @ ExchangeError::Timeout => Self::Lost(timeout.to_string()),
        }
    }
}
