//! The providers of a host, each under the name of its instance.

mod from_file;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use provider_api::host::{Drained, Provider, ProviderSlot, SwapError, SwapLimits, Swapped};
use provider_api::{Fault, Metric, RequestContext, UnavailableReason, ValidationReport};
use tokio::sync::OnceCell;

pub use from_file::{find_plugin, open_plugin};

use crate::config::{ConfigError, Configuration, ProviderEntry};
use crate::log::Log;
use from_file::FromFile;

/// How long a provider may take to be loaded and configured where others wait for it, at the start of a server and at a
/// reload, and how long reading the configuration of a server may take. `provider-api` gives a plugin five seconds for
/// each of loading and configuring, and says which of them hangs: if one does it is told, and not that this is over.
pub const LOADING: Duration = Duration::from_secs(6);

/// A provider under the name of its instance. Clones share it.
///
/// A provider of the configuration file is loaded and configured when its turn comes first, so that one that cannot
/// be does not stand in the way of the others.
#[derive(Clone)]
pub struct ProviderHandle(Arc<Handle>);

struct Handle {
    instance: String,
    /// The path of its entry, if that has no instance: then the plugin names it.
    named_by: Option<PathBuf>,
    source: Source,
    // A failure is not kept: whoever repairs the file need not start the host again.
    slot: OnceCell<ProviderSlot>,
}

/// Where a provider comes from that has not been configured yet.
enum Source {
    File(Box<FromFile>),
    /// Nowhere any more: it was configured, or it never can be.
    Refused(Fault),
}

impl ProviderHandle {
    /// A handle on a provider that has been configured already.
    pub fn ready(instance: impl Into<String>, provider: Provider) -> Self {
        // Never looked at: the provider is there.
        let source = Source::Refused(Fault::internal("the provider was never configured"));
        let slot = OnceCell::new_with(Some(ProviderSlot::new(provider)));
        Self(Arc::new(Handle { instance: instance.into(), named_by: None, source, slot }))
    }

    fn new(instance: String, named_by: Option<&Path>, source: Source) -> Self {
        Self(Arc::new(Handle { instance, named_by: named_by.map(Path::to_owned), source, slot: OnceCell::new() }))
    }

    /// The name of the instance: a part of every account's key.
    pub fn instance(&self) -> &str {
        &self.0.instance
    }

    /// The path of its entry, if that has no instance.
    pub(crate) fn named_by(&self) -> Option<&Path> {
        self.0.named_by.as_deref()
    }

    /// Whether its plugin should have named it and could not be loaded: then it goes by its path, and which provider
    /// it is nobody knows.
    pub(crate) fn is_nameless(&self) -> bool {
        self.0.named_by.is_some() && matches!(self.0.source, Source::Refused(_))
    }

    /// The provider, which is loaded and configured if this has not been done. Another may take its place at any time,
    /// without harm to the calls that are made of it here.
    ///
    /// # Errors
    ///
    /// A plugin that cannot be loaded is [`PLUGIN_REFUSED`](provider_api::MisconfiguredReason::PLUGIN_REFUSED);
    /// otherwise what the plugin says of the settings.
    pub async fn provider(&self) -> Result<&ProviderSlot, Fault> {
        let load = || async { Ok(ProviderSlot::new(self.configure().await?)) };
        self.0.slot.get_or_try_init(load).await
    }

    /// The same, within [`LOADING`].
    ///
    /// # Errors
    ///
    /// Those of [`provider`](Self::provider), and [`TIMEOUT`](UnavailableReason::TIMEOUT).
    pub async fn provider_in_time(&self) -> Result<&ProviderSlot, Fault> {
        in_time(self.provider()).await
    }

    async fn configure(&self) -> Result<Provider, Fault> {
        match &self.0.source {
            Source::File(source) => source.configure(&self.0.instance).await,
            Source::Refused(fault) => Err(fault.clone()),
        }
    }

    /// Lets the provider that `next` describes take over: another plugin file, the same with other content, or new
    /// settings. `None`, and nothing was done, if nobody was ever configured here whose place could be taken.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from taking over; the provider that is here stays.
    pub async fn swap(&self, next: &Self, limits: SwapLimits) -> Option<Result<Swapped, SwapError>> {
        let slot = self.configured()?;
        Some(match in_time(next.configure()).await {
            Ok(provider) => slot.replace(provider, limits).await,
            Err(fault) => Err(SwapError::Settings(fault)),
        })
    }

    /// Loads, configures and validates the provider, as a swap does, where it takes nobody's place.
    ///
    /// # Errors
    ///
    /// Whatever a swap would have failed for; then it is not configured.
    pub async fn try_out(&self, limits: SwapLimits) -> Result<ValidationReport, SwapError> {
        let provider = in_time(self.configure()).await.map_err(SwapError::Settings)?;
        let (slot, report) = ProviderSlot::with_validated(provider, limits).await?;
        // Nobody else has this handle yet.
        let _ = self.0.slot.set(slot);
        Ok(report)
    }

    /// The provider, if it was ever configured.
    pub fn configured(&self) -> Option<&ProviderSlot> {
        self.0.slot.get()
    }

    /// What the provider has counted, if it was ever configured and answers.
    pub async fn metrics(&self, context: &RequestContext) -> Option<Vec<Metric>> {
        self.0.slot.get()?.metrics(context).await.ok()
    }

    /// Shuts the provider down if it was ever configured, within `grace`.
    pub async fn shutdown(&self, grace: Duration) -> Option<Drained> {
        Some(self.0.slot.get()?.shut_down(grace).await)
    }
}

impl fmt::Debug for ProviderHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ProviderHandle").field("instance", &self.0.instance).finish_non_exhaustive()
    }
}

async fn in_time<A>(loading: impl Future<Output = Result<A, Fault>>) -> Result<A, Fault> {
    let late = || {
        let limit = LOADING.as_secs();
        Fault::unavailable(
            UnavailableReason::TIMEOUT,
            format!("the plugin was not loaded and configured within {limit} s"),
        )
    };
    tokio::time::timeout(LOADING, loading).await.unwrap_or_else(|_| Err(late()))
}

/// The providers of a configuration, in their order.
///
/// Only an entry without an instance needs its plugin now, to learn the name; these are loaded all at a time, for as long as
/// [`LOADING`] at most. If such a plugin cannot be loaded, the entry goes by its path: it can accept nobody, and says
/// so when its turn comes.
///
/// # Errors
///
/// Two providers of one name. Their accounts would share keys.
pub async fn from_configuration(configuration: &Configuration, log: Log) -> Result<Vec<ProviderHandle>, ConfigError> {
    let named = configuration.providers.iter().map(|entry| named(entry, configuration, log));
    let handles = futures_util::future::join_all(named).await;
    for (position, (handle, entry)) in handles.iter().zip(&configuration.providers).enumerate() {
        let instance = handle.instance();
        if handles.iter().take(position).any(|earlier| earlier.instance() == instance) {
            let problem = format!(
                "another provider is called {instance} already: give this one an instance of its own, \
                 it is part of its accounts' keys"
            );
            return Err(ConfigError::new(entry.place.clone(), problem));
        }
    }
    Ok(handles)
}

async fn named(entry: &ProviderEntry, configuration: &Configuration, log: Log) -> ProviderHandle {
    let source = FromFile::new(entry, configuration, log);
    if let Some(instance) = &entry.instance {
        return ProviderHandle::new(instance.clone(), None, Source::File(Box::new(source)));
    }
    let name = in_time(source.open()).await.map(|plugin| plugin.description().id.clone());
    let (name, source) = match name {
        Ok(name) => (name, Source::File(Box::new(source))),
        // It stays refused even if the plugin could be loaded a moment later: the path must not become part of
        // anybody's key.
        Err(fault) => (entry.path.display().to_string(), Source::Refused(fault)),
    };
    ProviderHandle::new(name, Some(&entry.path), source)
}

#[cfg(test)]
mod tests {
    use super::from_configuration;
    use crate::config::Configuration;
    use crate::log::Log;

    #[tokio::test]
    async fn a_provider_whose_name_is_not_known_accepts_nobody_even_if_its_plugin_appears() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("harness.toml");
        std::fs::write(&file, "[[providers]]\npath = \"libx.so\"\n").expect("written");
        let configuration = Configuration::read(&file).expect("a configuration");
        let handles = from_configuration(&configuration, Log::silent()).await.expect("handles");
        std::fs::write(folder.path().join("libx.so"), "now there is one").expect("written");
        let fault = handles[0].provider().await.expect_err("refused");
        assert!(fault.message().starts_with("there is no plugin file"), "{fault}");
    }

    #[tokio::test]
    async fn one_provider_that_cannot_be_loaded_does_not_stand_in_the_way_of_naming_the_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("harness.toml");
        let text = "[[providers]]\npath = \"libx.so\"\n[[providers]]\ninstance = \"b\"\npath = \"libx.so\"\n";
        std::fs::write(&file, text).expect("written");
        let configuration = Configuration::read(&file).expect("a configuration");
        let handles = from_configuration(&configuration, Log::silent()).await.expect("handles");
        let names: Vec<&str> = handles.iter().map(super::ProviderHandle::instance).collect();
        assert_eq!(names, ["libx.so", "b"]);
    }
}
