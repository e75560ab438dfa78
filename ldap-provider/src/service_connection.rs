//! A connection for searching, and the searches on it.

use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ldap3::controls::RawControl;
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, ResultEntry, SearchOptions, SearchStream, StdStream,
};
use provider_api::Fault;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use wire_guard::{Connection, PipeEnd, PipeMonitor};

use crate::dn::Dn;
use crate::fault;
use crate::filter::SearchFilter;

/// A connection for searching: the library's handle, behind the guard's pipe. Everything that belongs to it ends when
/// it is dropped.
#[derive(Debug)]
pub(crate) struct ServiceConnection {
    ldap: Ldap,
    /// The address of the server.
    pub(crate) peer: Option<SocketAddr>,
    monitor: PipeMonitor,
    driver: Option<JoinHandle<()>>,
    given_up: GivenUp,
}

/// The results that nobody reads any more. The library writes a line to the log for each entry of a search that it
/// finds dropped, so they are kept until its driver has ended.
type GivenUp = Arc<Mutex<Vec<SearchResults>>>;

type SearchResults = SearchStream<'static, String, Vec<String>>;

/// What to search for.
pub(crate) struct Query<'a> {
    pub(crate) base: &'a Dn,
    pub(crate) scope: ldap3::Scope,
    pub(crate) filter: &'a SearchFilter,
    pub(crate) attributes: Vec<String>,
    pub(crate) options: SearchOptions,
    pub(crate) controls: Vec<RawControl>,
}

impl ServiceConnection {
    pub(crate) async fn over(connection: Connection) -> Result<Self, Fault> {
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
        Ok(Self { ldap, peer, monitor: pipe.monitor, driver: Some(driver), given_up: GivenUp::default() })
    }

    /// Begins a search.
    pub(crate) async fn search(&mut self, query: Query<'_>) -> Result<Results, LdapError> {
        let Query { base, scope, filter, attributes, options, controls } = query;
        if !controls.is_empty() {
            self.ldap.with_controls(controls);
        }
        let ldap = self.ldap.with_search_options(options);
        let results = ldap.streaming_search(base.as_str(), scope, filter.as_str(), attributes).await?;
        Ok(Results { results: Some(results), given_up: self.given_up.clone() })
    }

    /// The next result of a search on this connection.
    pub(crate) async fn next(&self, results: &mut Results) -> Result<Next, LdapError> {
        let Some(stream) = &mut results.results else { return Err(LdapError::EndOfStream) };
        match stream.next().await {
            Ok(Some(entry)) => {
                // The guard holds the server back until it hears of it.
                self.monitor.entry_consumed();
                Ok(Next::Entry(entry))
            }
            Ok(None) => {
                let end = stream.finish().await;
                results.results = None;
                Ok(Next::End(end))
            }
            Err(error) => {
                results.results = None;
                Err(error)
            }
        }
    }

    /// Why the connection ended, if it has.
    pub(crate) fn end(&self) -> Option<&PipeEnd> {
        self.monitor.end()
    }
}

impl Drop for ServiceConnection {
    fn drop(&mut self) {
        let Some(driver) = self.driver.take() else { return };
        driver.abort();
        let given_up = mem::take(&mut *self.given_up.lock().unwrap_or_else(PoisonError::into_inner));
        if !given_up.is_empty()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                // It has been aborted: that is its end.
                let _ = driver.await;
                drop(given_up);
            });
        }
    }
}

/// The results of a search under way. Has to be dropped before its connection if it is not read to its end.
pub(crate) struct Results {
    /// `None` behind the end, where the library would panic.
    results: Option<SearchResults>,
    given_up: GivenUp,
}

/// What comes next in the results of a search.
pub(crate) enum Next {
    /// An entry: the guard lets nothing else through.
    Entry(ResultEntry),
    End(LdapResult),
}

impl Drop for Results {
    fn drop(&mut self) {
        if let Some(results) = self.results.take() {
            self.given_up.lock().unwrap_or_else(PoisonError::into_inner).push(results);
        }
    }
}
