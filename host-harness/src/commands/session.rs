use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use provider_api::{Deadline, RequestContext};

use super::CommandError;
use crate::config::Configuration;
use crate::interrupt::Interrupt;
use crate::log::Log;
use crate::providers::{self, ProviderHandle};
use crate::store::Store;

/// What the commands share: the configuration file, the log, and Ctrl-C.
pub(super) struct Session {
    config: PathBuf,
    pub(super) log: Log,
    pub(super) interrupt: Interrupt,
}

/// How long providers get to say goodbye to their servers.
const GOODBYE: Duration = Duration::from_millis(500);

impl Session {
    pub(super) fn new(config: PathBuf, log: Log) -> Result<Self, CommandError> {
        Ok(Self { config, log, interrupt: Interrupt::install()? })
    }

    pub(super) fn configuration(&self) -> Result<Configuration, CommandError> {
        Ok(Configuration::read(&self.config)?)
    }

    pub(super) async fn store(&self, configuration: &Configuration) -> Result<Store, CommandError> {
        Ok(Store::open(&configuration.store_url, configuration.folders.configuration()).await?)
    }

    /// The providers of the configuration, or the one that was chosen.
    pub(super) async fn providers(
        &self,
        configuration: &Configuration,
        chosen: Option<&str>,
    ) -> Result<Vec<ProviderHandle>, CommandError> {
        let handles = providers::from_configuration(configuration, self.log).await?;
        let Some(chosen) = chosen else { return Ok(handles) };
        if let Some(handle) = handles.iter().find(|handle| handle.instance() == chosen) {
            return Ok(vec![handle.clone()]);
        }
        Err(CommandError::Usage(format!("no provider is called {chosen}: {}", configured(&handles))))
    }
}

/// A context for a call that may take so long.
pub(super) fn context(timeout: Duration) -> RequestContext {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    // Unique enough to find one request in a log that many runs share.
    let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let id = format!("{:x}-{:x}-{}", moment & 0xffff_ffff, std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    RequestContext::new(id, Deadline::after(timeout))
}

/// The names of the providers, for a message.
pub(super) fn configured(handles: &[ProviderHandle]) -> String {
    if handles.is_empty() {
        return "the configuration file has no [[providers]]".to_owned();
    }
    let names: Vec<&str> = handles.iter().map(ProviderHandle::instance).collect();
    format!("there is {}", names.join(", "))
}

/// Lets the providers end their connections in good order.
pub(super) async fn goodbye(handles: &[ProviderHandle]) {
    for handle in handles {
        handle.shutdown(GOODBYE).await;
    }
}
