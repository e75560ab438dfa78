use std::path::{Path, PathBuf};

use provider_api::host::{Plugin, Provider, Trust, TrustProfile};
use provider_api::{Fault, MisconfiguredReason};
use tokio::sync::OnceCell;

use crate::config::{Configuration, Folders, ProviderEntry, SettingsResolver, exposed};
use crate::log::Log;
use crate::threads::reading_files;

/// A provider as the configuration file has it, with all that it takes to load and configure it.
pub(super) struct FromFile {
    entry: ProviderEntry,
    folders: Folders,
    trust: Trust,
    /// Why the configuration file is not to be gone by, if it is not.
    exposed: Option<String>,
    log: Log,
    plugin: OnceCell<Plugin>,
}

impl FromFile {
    pub(super) fn new(entry: &ProviderEntry, configuration: &Configuration, log: Log) -> Self {
        let trust = configuration.trust(entry);
        let strict = trust.profile() == TrustProfile::Strict;
        let exposed = configuration.exposed.first().filter(|_| strict).map(|problem| exposed(problem));
        let (entry, folders) = (entry.clone(), configuration.folders.clone());
        Self { entry, folders, trust, exposed, log, plugin: OnceCell::new() }
    }

    /// The plugin. Once it has been loaded it stays the same, so that it cannot change under the name of its
    /// instance.
    pub(super) async fn open(&self) -> Result<&Plugin, Fault> {
        if let Some(exposed) = &self.exposed {
            return Err(refused(format!("{}: {exposed}", self.entry.place)));
        }
        let open = || async {
            let plugin = open_plugin(&self.folders, &self.entry.path, &self.trust).await?;
            for warning in plugin.warnings() {
                self.log.warn(&format!("{}: {warning}", self.entry.place));
            }
            Ok(plugin)
        };
        self.plugin.get_or_try_init(open).await
    }

    /// A provider that goes by the name `instance`.
    pub(super) async fn configure(&self, instance: &str) -> Result<Provider, Fault> {
        let plugin = self.open().await?;
        let (folders, description, entry) = (self.folders.clone(), plugin.description().clone(), self.entry.clone());
        let trust = self.trust.profile();
        // Files with secrets may lie on a slow disk.
        let resolving = reading_files(move || SettingsResolver::new(&folders, &description, trust).resolve(&entry));
        let resolved = resolving.await.ok_or_else(|| Fault::internal("reading the settings ended early"))??;
        for warning in &resolved.warnings {
            self.log.warn(&format!("{}: {warning}", self.entry.place));
        }
        plugin.configure(&resolved.settings, &self.log.services().for_instance(instance)).await
    }
}

/// The file of a plugin.
///
/// # Errors
///
/// [`MisconfiguredReason::PLUGIN_REFUSED`], naming every place that was looked at and the command that builds the
/// plugins.
pub fn find_plugin(folders: &Folders, path: &Path) -> Result<PathBuf, Fault> {
    let file = folders.find(path);
    if file.exists() {
        return Ok(file);
    }
    let places: Vec<String> = folders.places(path).iter().map(|place| place.display().to_string()).collect();
    Err(refused(format!(
        "there is no plugin file {}: build it with `cargo build --release --workspace`, \
         or install it and correct the path",
        places.join(" or ")
    )))
}

/// Loads a plugin on these conditions.
///
/// # Errors
///
/// [`MisconfiguredReason::PLUGIN_REFUSED`] with what is wrong with the file.
pub async fn open_plugin(folders: &Folders, path: &Path, trust: &Trust) -> Result<Plugin, Fault> {
    let (folders, path) = (folders.clone(), path.to_owned());
    // The places may lie on a slow disk.
    let finding = reading_files(move || find_plugin(&folders, &path));
    let file = finding.await.ok_or_else(|| Fault::internal("looking for the plugin ended early"))??;
    Plugin::open(&file, trust).await.map_err(|error| refused(error.to_string()))
}

fn refused(message: String) -> Fault {
    Fault::misconfigured(MisconfiguredReason::PLUGIN_REFUSED, message)
}
