//! The pipe between the server and an LDAP library, through which only sound messages pass.

use std::collections::HashMap;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::AbortHandle;

use crate::Violation;
use crate::exchange::{ExchangeError, notice_of_disconnection};
use crate::frame::{FrameError, FrameReader};
use crate::grammar::{SearchAnswer, check_search_answer};
use crate::message::Message;
use crate::message::operation::{ABANDON_REQUEST, SEARCH_REQUEST, UNBIND_REQUEST};
use crate::stream::Stream;

/// The most that the answers to one search may have together, in octets: the library takes all that comes, however
/// slowly it is read. A page has some hundred kilobytes; a server that does not page sends 100,000 users in less.
const MAX_SEARCH: usize = 64 * 1024 * 1024;

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
    end: Arc<OnceLock<PipeEnd>>,
    pump: AbortHandle,
}

impl PipeMonitor {
    /// Why the pipe has ended; `None` while it has not. The reason is there before the library sees the end of its
    /// stream.
    pub fn end(&self) -> Option<&PipeEnd> {
        self.end.get()
    }
}

impl Drop for PipeMonitor {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

pub(crate) fn open(server: Stream, reader: FrameReader) -> io::Result<Pipe> {
    let (near, far) = StdUnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    let near = UnixStream::from_std(near)?;
    let end = Arc::new(OnceLock::new());
    let reason = end.clone();
    let pump = tokio::spawn(async move { pump(server, reader, near, &reason).await }).abort_handle();
    Ok(Pipe { stream: far, monitor: PipeMonitor { end, pump } })
}

async fn pump(server: Stream, reader: FrameReader, library: UnixStream, reason: &OnceLock<PipeEnd>) {
    let (server_read, mut server_write) = tokio::io::split(server);
    let (library_read, mut library_write) = library.into_split();
    let outstanding = Outstanding::default();
    // Both directions end together. The library's half is dropped when the reason is there, and not before.
    let end = tokio::select! {
        end = inwards(server_read, reader, &mut library_write, &outstanding) => end,
        end = outwards(library_read, &mut server_write, &outstanding) => end,
    };
    if !matches!(end, PipeEnd::ClosedByClient) {
        log::debug!("{end}");
    }
    let _ = reason.set(end);
    drop(library_write);
    // A peer that does not read must not keep the socket open.
    let _ = tokio::time::timeout(GOODBYE, server_write.shutdown()).await;
}

/// The searches that wait for answers, each with the octets of those that came. An abandoned one stays: the server
/// may have answered before it read the abandon request.
#[derive(Default)]
struct Outstanding(Mutex<HashMap<u32, usize>>);

impl Outstanding {
    fn with<T>(&self, action: impl FnOnce(&mut HashMap<u32, usize>) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds an answer to what its search has received.
    fn received(&self, id: u32, octets: usize) -> Result<(), Violation> {
        self.with(|searches| {
            let sum = searches.get_mut(&id).ok_or(Violation::Unexpected("an answer to no request"))?;
            *sum = sum.saturating_add(octets);
            if *sum > MAX_SEARCH { Err(Violation::SearchTooLarge { limit: MAX_SEARCH }) } else { Ok(()) }
        })
    }
}

async fn inwards(
    mut server: impl AsyncRead + Unpin,
    mut reader: FrameReader,
    library: &mut (impl AsyncWrite + Unpin),
    outstanding: &Outstanding,
) -> PipeEnd {
    loop {
        let bytes = match reader.next(&mut server).await {
            Ok(bytes) => bytes,
            Err(FrameError::Violation(violation)) => return PipeEnd::Violation(violation),
            Err(error) => return PipeEnd::Lost(lost(error)),
        };
        let passed_on = match check(&bytes, outstanding) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            Err(end) => return end,
        };
        if library.write_all(&passed_on).await.is_err() {
            return PipeEnd::ClosedByClient;
        }
    }
}

/// What the library is to see of a message, if it is sound.
fn check(bytes: &Bytes, outstanding: &Outstanding) -> Result<Option<Bytes>, PipeEnd> {
    let message = Message::parse(bytes).map_err(PipeEnd::Violation)?;
    if let Some(notice) = notice_of_disconnection(&message) {
        return Err(PipeEnd::Disconnected { code: notice.code, diagnostic: notice.diagnostic });
    }
    outstanding.received(message.id, bytes.len()).map_err(PipeEnd::Violation)?;
    match check_search_answer(&message).map_err(PipeEnd::Violation)? {
        SearchAnswer::Entry => Ok(Some(bytes.clone())),
        // References to other servers are never followed.
        SearchAnswer::Reference => Ok(None),
        SearchAnswer::Done(result) => {
            outstanding.with(|searches| searches.remove(&message.id));
            // The library panics at a diagnostic message that is not UTF-8, as some servers write theirs.
            Ok(Some(message.with_result(&result).into()))
        }
    }
}

async fn outwards(
    mut library: impl AsyncRead + Unpin,
    server: &mut (impl AsyncWrite + Unpin),
    outstanding: &Outstanding,
) -> PipeEnd {
    let mut reader = FrameReader::default();
    loop {
        let Ok(bytes) = reader.next(&mut library).await else { return PipeEnd::ClosedByClient };
        let Ok(message) = Message::parse(&bytes) else { return PipeEnd::ClosedByClient };
        let (id, last) = match message.operation {
            SEARCH_REQUEST => (Some(message.id), false),
            ABANDON_REQUEST => (None, false),
            UNBIND_REQUEST => (None, true),
            // Binds are the guard's own business. A library that tries one is stopped here.
            operation => {
                log::error!("a request with the identifier {operation:#04x} was not let through");
                return PipeEnd::ClosedByClient;
            }
        };
        if let Some(id) = id {
            outstanding.with(|searches| searches.insert(id, 0));
        }
        let sent = async {
            server.write_all(&bytes).await?;
            server.flush().await
        };
        if let Err(error) = sent.await {
            return PipeEnd::Lost(error.to_string());
        }
        if last {
            return PipeEnd::ClosedByClient;
        }
    }
}

fn lost(error: FrameError) -> String {
    match ExchangeError::from(error) {
        ExchangeError::Lost(error) => error.to_string(),
        other => other.to_string(),
    }
}
