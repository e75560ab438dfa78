//! A host that runs: it answers logins, many at a time, and lets new providers take over meanwhile.

mod bad_line;
mod input;
mod message;
mod metrics;
mod reload;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use provider_api::host::SwapLimits;
use provider_api::{Credentials, Deadline, RequestContext};
use thiserror::Error;
use tokio::sync::Mutex;

#[cfg(test)]
pub(crate) use input::Line;
pub(crate) use input::{Lines, lines_of_standard_input};
pub use message::{Command, Event, Message, ProviderStatus, Request};

use crate::config::{ConfigError, Configuration};
use crate::log::Log;
use crate::login::{Host, LoginAnswer};
use crate::providers;
use crate::store::{Store, StoreError};
use crate::threads::reading_files;

/// A server cannot start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration file cannot be used.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A host that runs, as its configuration file has it. Clones share it.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

struct Shared {
    file: PathBuf,
    log: Log,
    limits: SwapLimits,
    /// Replaced as a whole when the list of providers changes.
    host: RwLock<Host>,
    /// The store's URL as of the start.
    store_url: String,
    /// One reload at a time.
    reloading: Mutex<()>,
}

impl Server {
    /// A server with the providers and the store that a configuration file names. No provider is loaded yet.
    ///
    /// `log` hears of what an administrator should look at.
    ///
    /// # Errors
    ///
    /// A configuration file that cannot be read or used, or that others could have changed; two providers of one name. A
    /// store that cannot be opened, or that others could have changed.
    pub async fn open(file: &Path, limits: SwapLimits, log: Log) -> Result<Self, StartError> {
        let configuration = read_configuration(file).await?;
        let store = Store::open_for_a_server(&configuration.store_url, configuration.folders.configuration()).await?;
        if let Some(warning) = store.warning() {
            log.warn(warning);
        }
        if configuration.providers.is_empty() {
            // A file that is empty by mistake looks like this, and every person of a directory is then nobody.
            log.warn("the configuration file names no provider: only local accounts can log in");
        }
        let host = Host::new(store, providers::from_configuration(&configuration, log).await?).logging_to(log);
        Ok(Self(Arc::new(Shared {
            file: file.to_owned(),
            log,
            limits,
            host: RwLock::new(host),
            store_url: configuration.store_url,
            reloading: Mutex::default(),
        })))
    }

    fn host(&self) -> Host {
        self.0.host.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads every provider, all at a time, for as long as [`providers::LOADING`] at most. One that cannot be loaded now,
    /// or not in that time, is tried again by the first login that needs it.
    pub async fn start(&self) -> Vec<Event> {
        let host = self.host();
        let starts = host.providers().iter().map(|handle| async move {
            match handle.provider_in_time().await {
                Ok(_) => Event::started(handle.instance()),
                Err(fault) => Event::not_started(handle.instance(), &fault),
            }
        });
        futures_util::future::join_all(starts).await
    }

    /// Answers a login within `timeout`.
    pub async fn login(&self, id: &str, credentials: Credentials, timeout: Duration) -> LoginAnswer {
        let context = RequestContext::new(id, Deadline::after(timeout));
        self.host().login(&context, credentials).await
    }

    /// What every provider is doing.
    pub fn status(&self) -> Event {
        let providers = self.host().providers().iter().map(ProviderStatus::of).collect();
        Event::Status { providers }
    }

    /// Ends every provider; calls in flight get `grace`.
    pub async fn shut_down(&self, grace: Duration) {
        let host = self.host();
        let ends = host.providers().iter().map(|handle| handle.shutdown(grace));
        futures_util::future::join_all(ends).await;
    }
}

/// The configuration of a server, read within [`providers::LOADING`]: the file may lie on a disk that does not answer.
///
/// # Errors
///
/// What is wrong with the file, and that others could have changed it.
async fn read_configuration(file: &Path) -> Result<Configuration, ConfigError> {
    let problem = |problem: String| ConfigError::new(file.display().to_string(), problem);
    let owned = file.to_owned();
    let read = tokio::time::timeout(providers::LOADING, reading_files(move || Configuration::read(&owned))).await;
    let late = |_| problem(format!("it could not be read within {} s", providers::LOADING.as_secs()));
    let ended_early = || problem("the reading ended early".to_owned());
    read.map_err(late)?.ok_or_else(ended_early)??.for_a_server()
}
