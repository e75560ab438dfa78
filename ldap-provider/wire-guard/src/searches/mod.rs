//! Searches for few entries each, many at a time on one connection; and, in `entries`, for many entries, one at a time.
//!
//! A login searches for one entry. The [pipe](crate::Pipe) to an LDAP library costs it four system calls and as many
//! changes of task, more than all else together; here its request goes out with those of others, and it is woken once, when
//! its answer is there. What passes is checked as for the pipe, and less of it lies in memory.

mod batch;
mod entries;
mod found;
mod outgoing;
mod request;
mod waiting;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::task::AbortHandle;

use crate::Violation;
use crate::frame::{Frame, Next, Oversized};
use crate::grammar::check_search_answer;
use crate::incoming::Incoming;
use crate::message::{self, Message};
use crate::pipe::PipeEnd;
use crate::stream::Stream;

pub use batch::SearchBatch;
pub(crate) use entries::send_search;
pub use entries::{EntryStream, NextEntry};
pub use found::{Found, FoundEntry};
use outgoing::Outgoing;
pub use request::{SearchRequest, SearchScope, SearchTemplate};
use waiting::WaitingSearches;

/// How long a connection that has ended may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(250);

/// A connection for searching. It ends when this is dropped.
pub struct SearchConnection {
    shared: Arc<Shared>,
    task: AbortHandle,
    peer: Option<SocketAddr>,
}

struct Shared {
    searches: Mutex<WaitingSearches>,
    outgoing: Outgoing,
    end: OnceLock<PipeEnd>,
}

/// A search without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SearchFailure {
    /// The connection has ended.
    #[error("{0}")]
    Ended(PipeEnd),
    /// The server sent more than is taken. Another one that has the same entries would send as much; the connection goes
    /// on, and what else comes for this search is passed over.
    #[error("the answer is too large: {0}")]
    TooLarge(Violation),
}

impl SearchConnection {
    pub(crate) fn over(stream: Stream, incoming: Incoming, peer: Option<SocketAddr>, last_id: u32) -> Self {
        let limits = incoming.limits();
        let shared = Arc::new(Shared {
            searches: Mutex::new(WaitingSearches::new(last_id, limits)),
            outgoing: Outgoing::default(),
            end: OnceLock::new(),
        });
        let looked_after = Arc::clone(&shared);
        let task = tokio::spawn(async move { look_after(stream, incoming, &looked_after, peer).await });
        Self { shared, task: task.abort_handle(), peer }
    }

    /// Searches. The size limit of the request is the server's to keep; one that does not is listened to up to `most`
    /// entries and the one that is too much, and told that nobody waits for more. What they may come to is set by
    /// [`Limits::search`](crate::Limits::search), of which the number of entries grows with `most`; one for more entries
    /// than usual that exceeds it is cut short.
    ///
    /// # Errors
    ///
    /// An answer that is [too large](SearchFailure::TooLarge), also because of one entry or of what all searches come to,
    /// fails its search alone: whoever may write into an entry could end those of all others.
    ///
    /// # Cancellation
    ///
    /// A search that is given up is abandoned (RFC 4511 section 4.11).
    pub async fn search(&self, request: &SearchRequest, most: usize) -> Result<Found, SearchFailure> {
        let (id, answer) = self.shared.searches().begin(most);
        let mut search = Search { shared: &self.shared, id, has_ended: false };
        self.shared.outgoing.push(id, request.encoded());
        // Whoever ends the connection says so before those who wait are let go.
        if let Some(end) = self.end() {
            return Err(SearchFailure::Ended(end.clone()));
        }
        let answer = answer.await;
        search.has_ended = true;
        answer.unwrap_or_else(|_| Err(SearchFailure::Ended(self.end().cloned().unwrap_or(PipeEnd::ClosedByClient))))
    }

    /// Why the connection has ended; `None` while it has not.
    pub fn end(&self) -> Option<&PipeEnd> {
        self.shared.end.get()
    }

    /// The address of the server.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }
}

impl fmt::Debug for SearchConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SearchConnection").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Drop for SearchConnection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A search under way. If it is dropped before its answer is there, the server hears that nobody waits for it.
struct Search<'a> {
    shared: &'a Shared,
    id: u32,
    has_ended: bool,
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        if !self.has_ended && self.shared.searches().give_up(self.id) {
            self.shared.tell_abandoned(self.id);
        }
    }
}

impl Shared {
    fn searches(&self) -> MutexGuard<'_, WaitingSearches> {
        self.searches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_abandoned(&self, id: u32) {
        let request = self.searches().next_id();
        self.outgoing.push(request, &message::abandon_request(id));
    }

    /// Deals with a message from the server.
    fn received(&self, frame: &Frame) -> Result<(), Violation> {
        let message = Message::parse(&frame.bytes)?;
        let form = check_search_answer(&message);
        let over = self.searches().received(&message, frame, form)?;
        if let Some(id) = over {
            self.tell_abandoned(id);
        }
        Ok(())
    }

    /// Deals with an entry that is passed over.
    fn oversized(&self, entry: &Oversized) -> Result<(), Violation> {
        let over = self.searches().oversized(entry)?;
        if let Some(id) = over {
            self.tell_abandoned(id);
        }
        Ok(())
    }

    fn let_go(&self) {
        let waiting = self.searches().let_go();
        drop(waiting);
    }
}

async fn look_after(stream: Stream, incoming: Incoming, shared: &Shared, peer: Option<SocketAddr>) {
    match stream {
        Stream::Plain(tcp) => {
            let (read, write) = tcp.into_split();
            look_after_halves(read, write, incoming, shared, peer).await;
        }
        Stream::Tls(tls) => {
            let (read, write) = tokio::io::split(tls);
            look_after_halves(read, write, incoming, shared, peer).await;
        }
    }
}

async fn look_after_halves(
    read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
    incoming: Incoming,
    shared: &Shared,
    peer: Option<SocketAddr>,
) {
    // Those who wait are let go whichever way this ends, and find the reason if there is one.
    let _letting_go = LettingGo(shared);
    let end = tokio::select! {
        end = inwards(read, incoming, shared) => end,
        end = outwards(&mut write, shared) => end,
    };
    match &end {
        PipeEnd::Violation(violation) => violation.report(peer),
        other => log::debug!("{other}"),
    }
    let _ = shared.end.set(end);
    shared.let_go();
    // A peer that does not read must not keep the socket open.
    let _ = tokio::time::timeout(GOODBYE, write.shutdown()).await;
}

struct LettingGo<'a>(&'a Shared);

impl Drop for LettingGo<'_> {
    fn drop(&mut self) {
        let _ = self.0.end.set(PipeEnd::ClosedByClient);
        self.0.let_go();
    }
}

async fn inwards(mut server: impl AsyncRead + Unpin, mut incoming: Incoming, shared: &Shared) -> PipeEnd {
    loop {
        let dealt_with = match incoming.answer_or_oversized(&mut server).await {
            Ok(Next::Whole(frame)) => shared.received(&frame),
            Ok(Next::Oversized(entry)) => shared.oversized(&entry),
            Err(error) => return error.into(),
        };
        if let Err(violation) = dealt_with {
            return PipeEnd::Violation(violation);
        }
    }
}

async fn outwards(server: &mut (impl AsyncWrite + Unpin), shared: &Shared) -> PipeEnd {
    let mut requests = Vec::new();
    loop {
        shared.outgoing.take(&mut requests, || shared.searches().are_several()).await;
        let sent = async {
            server.write_all(&requests).await?;
            server.flush().await
        };
        if let Err(error) = sent.await {
            return PipeEnd::Lost(error.to_string());
        }
        requests.clear();
    }
}
