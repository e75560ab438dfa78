//! The pipe between the server and an LDAP library, through which only sound messages pass.

use std::collections::HashSet;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use std::{fmt, io};

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

/// The searches that wait for answers. An abandoned one stays: the server may have answered before it read the
/// abandon request.
#[derive(Default)]
struct Outstanding(Mutex<HashSet<u32>>);

impl Outstanding {
    fn with<T>(&self, action: impl FnOnce(&mut HashSet<u32>) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
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
        if let Err(end) = check(&bytes, outstanding) {
            return end;
        }
        if library.write_all(&bytes).await.is_err() {
            return PipeEnd::ClosedByClient;
        }
    }
}

fn check(bytes: &[u8], outstanding: &Outstanding) -> Result<(), PipeEnd> {
    let message = Message::parse(bytes).map_err(PipeEnd::Violation)?;
    if let Some(notice) = notice_of_disconnection(&message) {
        return Err(PipeEnd::Disconnected { code: notice.code, diagnostic: notice.diagnostic });
    }
    if !outstanding.with(|ids| ids.contains(&message.id)) {
        return Err(PipeEnd::Violation(Violation::Unexpected("an answer to no request")));
    }
    if check_search_answer(&message).map_err(PipeEnd::Violation)? == SearchAnswer::Done {
        outstanding.with(|ids| ids.remove(&message.id));
    }
    Ok(())
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
            outstanding.with(|ids| ids.insert(id));
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
