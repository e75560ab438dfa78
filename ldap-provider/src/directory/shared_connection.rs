use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire_guard::{Connection, Found, PipeEnd, SearchConnection, SearchFailure, SearchRequest};

use super::last_answer::LastAnswer;
use super::open_connection::OpenConnection;

/// A connection for the searches of all logins, bound as the service account. Clones share it; it ends with the last.
#[derive(Clone, Debug)]
pub(crate) struct SharedConnection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    searches: SearchConnection,
    opened: Instant,
    /// When the server last answered a search.
    answered: LastAnswer,
    _open: OpenConnection,
}

impl SharedConnection {
    pub(crate) fn over(connection: Connection, open: OpenConnection) -> Self {
        let (searches, opened) = (connection.into_searches(), Instant::now());
        Self(Arc::new(Inner { searches, opened, answered: LastAnswer::none(opened), _open: open }))
    }

    /// Searches for so many entries.
    pub(crate) async fn search(&self, request: &SearchRequest, most: usize) -> Result<Found, SearchFailure> {
        let answer = self.0.searches.search(request, most).await;
        // An answer that is too large is a sign of life as well.
        if !matches!(answer, Err(SearchFailure::Ended(_))) {
            self.0.answered.note(Instant::now());
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
        self.0.answered.when()
    }

    /// Whether it has done so since then.
    pub(crate) fn has_answered_since(&self, began: Instant) -> bool {
        self.0.answered.is_after(began)
    }

    /// How long the server has said nothing on it: since its last answer, or since it was opened.
    pub(crate) fn silent_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.answered().unwrap_or(self.opened()))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
