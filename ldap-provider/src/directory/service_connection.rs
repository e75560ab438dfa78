//! A connection for validating, and the searches on it: with the LDAP library.

use std::sync::Arc;
use std::time::Duration;

use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, ResultEntry, SearchOptions, SearchStream, StdStream,
};
use provider_api::Fault;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire_guard::{Connection, PipeEnd, PipeMonitor};

use super::open_connection::OpenConnection;
use crate::fault;
use crate::filter::SearchFilter;
use directory_data::Dn;

/// How long the word that a search is abandoned may take to leave.
const ABANDON_LIMIT: Duration = Duration::from_secs(1);

/// A connection for searching with the library, behind the guard's pipe. Clones share it; it ends with the last of them
/// and of its searches.
#[derive(Clone, Debug)]
pub(crate) struct ServiceConnection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ldap: Ldap,
    monitor: PipeMonitor,
    driver: JoinHandle<()>,
    _open: OpenConnection,
}

type SearchResults = SearchStream<'static, &'static str, [&'static str; 1]>;

/// What to search for.
pub(crate) struct Query<'a> {
    pub(crate) base: &'a Dn,
    pub(crate) scope: ldap3::Scope,
    pub(crate) filter: SearchFilter,
    /// The one attribute that is asked for.
    pub(crate) attribute: &'static str,
    pub(crate) options: SearchOptions,
}

impl ServiceConnection {
    pub(crate) async fn over(connection: Connection, open: OpenConnection) -> Result<Self, Fault> {
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
        Ok(Self(Arc::new(Inner { ldap, monitor: pipe.monitor, driver, _open: open })))
    }

    /// Begins a search.
    pub(crate) async fn search(&self, query: Query<'_>) -> Result<Results, LdapError> {
        let Query { base, scope, filter, attribute, options } = query;
        let mut ldap = self.0.ldap.clone();
        ldap.with_search_options(options);
        let mut stream: SearchResults =
            ldap.streaming_search(base.as_str(), scope, filter.as_str(), [attribute]).await?;
        // The library counts them from 1 to 2147483647.
        let id = u32::try_from(stream.ldap_handle().last_id()).unwrap_or_default();
        Ok(Results { connection: self.clone(), stream: Some(stream), id })
    }

    /// Why the connection ended, if it has.
    pub(crate) fn end(&self) -> Option<&PipeEnd> {
        self.0.monitor.end()
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
        // line each to the log.
        if let Ok(runtime) = Handle::try_current() {
            let (connection, id) = (self.connection.clone(), self.id);
            runtime.spawn(async move { abandon(&connection, stream, id).await });
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
