//! A connection for searching, and the searches on it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ldap3::controls::RawControl;
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, ResultEntry, SearchOptions, SearchStream, StdStream,
};
use provider_api::Fault;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire_guard::{Connection, PipeEnd, PipeMonitor};

use super::open_connection::OpenConnection;
use crate::dn::Dn;
use crate::fault;
use crate::filter::SearchFilter;

/// How long the word that a search is abandoned may take to leave.
const ABANDON_LIMIT: Duration = Duration::from_secs(1);

/// A connection for searching: the library's handle, behind the guard's pipe. Clones share it, and any number of
/// searches can be under way on it. It ends with the last of them and of the clones.
#[derive(Clone, Debug)]
pub(crate) struct ServiceConnection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ldap: Ldap,
    peer: Option<SocketAddr>,
    monitor: PipeMonitor,
    driver: JoinHandle<()>,
    opened: Instant,
    /// When the server last answered, in microseconds since it was opened; 0 if it never has.
    answered: AtomicU64,
    _open: OpenConnection,
}

type SearchResults = SearchStream<'static, String, Arc<[String]>>;

/// What to search for.
pub(crate) struct Query<'a> {
    pub(crate) base: &'a Dn,
    pub(crate) scope: ldap3::Scope,
    pub(crate) filter: &'a SearchFilter,
    pub(crate) attributes: Arc<[String]>,
    pub(crate) options: SearchOptions,
    pub(crate) controls: Vec<RawControl>,
}

impl ServiceConnection {
    pub(crate) async fn over(connection: Connection, open: OpenConnection) -> Result<Self, Fault> {
        let peer = connection.peer();
        let pipe = connection.into_pipe().map_err(|error| fault::no_pipe(&error))?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(pipe.stream));
        // The URL only says that the stream is a local one; nothing is looked up.
        let (driver, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///")
            .await
            .map_err(|error| Fault::internal(format!("the LDAP library refuses its end of the pipe: {error}")))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.drive().await {
                log::debug!("the connection's driver ended: {error}");
            }
        });
        Ok(Self(Arc::new(Inner {
            ldap,
            peer,
            monitor: pipe.monitor,
            driver,
            opened: Instant::now(),
            answered: AtomicU64::new(0),
            _open: open,
        })))
    }

    /// Begins a search. It keeps the `place` that it takes until the server has heard that it is over.
    pub(crate) async fn search(
        &self,
        query: Query<'_>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<Results, LdapError> {
        let Query { base, scope, filter, attributes, options, controls } = query;
        let mut ldap = self.0.ldap.clone();
        if !controls.is_empty() {
            ldap.with_controls(controls);
        }
        ldap.with_search_options(options);
        let mut stream: SearchResults = ldap.streaming_search(base.as_str(), scope, filter.as_str(), attributes).await?;
        // The library counts them from 1 to 2147483647.
        let id = u32::try_from(stream.ldap_handle().last_id()).unwrap_or_default();
        Ok(Results { connection: self.clone(), stream: Some(stream), id, place })
    }

    /// Why the connection ended, if it has.
    pub(crate) fn end(&self) -> Option<&PipeEnd> {
        self.0.monitor.end()
    }

    /// The address of the server.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// When it was opened.
    pub(crate) fn opened(&self) -> Instant {
        self.0.opened
    }

    /// When the server last answered on it.
    pub(crate) fn answered(&self) -> Option<Instant> {
        match self.0.answered.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(self.0.opened + Duration::from_micros(micros)),
        }
    }

    /// Takes note of an answer.
    pub(crate) fn note_answer(&self) {
        let micros = u64::try_from(self.0.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.answered.store(micros.max(1), Ordering::Relaxed);
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The results of a search under way. If they are dropped before their end the search is abandoned.
pub(crate) struct Results {
    connection: ServiceConnection,
    /// `None` behind the end, where the library would panic.
    stream: Option<SearchResults>,
    id: u32,
    place: Option<OwnedSemaphorePermit>,
}

/// What comes next in the results of a search.
pub(crate) enum Next {
    /// An entry: the guard lets nothing else through.
    Entry(ResultEntry),
    End(LdapResult),
}

impl Results {
    /// The next result.
    pub(crate) async fn next(&mut self) -> Result<Next, LdapError> {
        let Some(stream) = &mut self.stream else { return Err(LdapError::EndOfStream) };
        match stream.next().await {
            Ok(Some(entry)) => {
                // The guard holds the server back until it hears of it.
                self.connection.0.monitor.entry_consumed(self.id);
                Ok(Next::Entry(entry))
            }
            Ok(None) => {
                let end = stream.finish().await;
                self.stream = None;
                self.connection.note_answer();
                Ok(Next::End(end))
            }
            Err(error) => {
                self.stream = None;
                Err(error)
            }
        }
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        let monitor = &self.connection.0.monitor;
        monitor.search_over(self.id);
        let Some(stream) = self.stream.take() else { return };
        if monitor.end().is_some() {
            return;
        }
        // The stream stays until the library's driver has heard of it: of entries for a stream that is gone it writes a
        // line each to the log. There are no more of these tasks than there are places.
        if let Ok(runtime) = Handle::try_current() {
            let (connection, id, place) = (self.connection.clone(), self.id, self.place.take());
            runtime.spawn(async move {
                abandon(&connection, stream, id).await;
                drop(place);
            });
        }
    }
}

/// Tells the server that nobody waits for the answers to a search any more (RFC 4511 section 4.11).
async fn abandon(connection: &ServiceConnection, mut stream: SearchResults, id: u32) {
    let Ok(id) = i32::try_from(id) else { return };
    let mut ldap = connection.0.ldap.clone();
    if let Ok(Err(error)) = timeout(ABANDON_LIMIT, ldap.abandon(id)).await {
        log::debug!("a search could not be abandoned: {error}");
    }
    // The library forgets the message id.
    stream.finish().await;
}
