use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wire_guard::{Connection, Found, PipeEnd, SearchConnection, SearchFailure, SearchRequest};

use super::open_connection::OpenConnection;

/// A connection for the searches of all logins, bound as the service account. Clones share it; it ends with the last.
#[derive(Clone, Debug)]
pub(crate) struct SharedConnection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    searches: SearchConnection,
    opened: Instant,
    /// When the server last answered a search, in microseconds since it was opened; 0 if it never has.
    answered: AtomicU64,
    _open: OpenConnection,
}

impl SharedConnection {
    pub(crate) fn over(connection: Connection, open: OpenConnection) -> Self {
        Self(Arc::new(Inner {
            searches: connection.into_searches(),
            opened: Instant::now(),
            answered: AtomicU64::new(0),
            _open: open,
        }))
    }

    /// Searches for so many entries.
    pub(crate) async fn search(&self, request: &SearchRequest, most: usize) -> Result<Found, SearchFailure> {
        let answer = self.0.searches.search(request, most).await;
        // An answer that is too large is a sign of life as well.
        if !matches!(answer, Err(SearchFailure::Ended(_))) {
            let micros = u64::try_from(self.0.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.0.answered.store(micros.max(1), Ordering::Relaxed);
        }
        answer
    }

    /// Why the connection ended, if it has.
    pub(crate) fn end(&self) -> Option<&PipeEnd> {
        self.0.searches.end()
    }

    /// Whether it ended because the server said what nobody may say.
    pub(crate) fn has_broken_the_protocol(&self) -> bool {
        matches!(self.end(), Some(PipeEnd::Violation(_)))
    }

    /// The address of the server.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.0.searches.peer()
    }

    /// When it was opened.
    pub(crate) fn opened(&self) -> Instant {
        self.0.opened
    }

    /// When the server last answered a search on it.
    pub(crate) fn answered(&self) -> Option<Instant> {
        match self.0.answered.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(self.0.opened + Duration::from_micros(micros)),
        }
    }

    /// How long the server has said nothing on it: since its last answer, or since it was opened.
    pub(crate) fn silent_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.answered().unwrap_or(self.opened()))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
