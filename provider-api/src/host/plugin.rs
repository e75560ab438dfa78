use std::fmt;
use std::path::Path;
use std::sync::Arc;

use abi_stable::std_types::RResult;
use serde_json::Value;
use zeroize::Zeroizing;

use super::error::{PluginError, Refusal};
use super::limited::limited;
use super::services::HostServices;
use super::{Provider, image, preflight};
use crate::abi::{AbiPair, ProviderModuleRef};
use crate::{Description, Fault, wire};

/// Room for the text of the settings, in bytes.
const SETTINGS_BUFFER: usize = 64 * 1024;

/// A plugin that has been loaded and has said what it is. Clones share it.
#[derive(Clone)]
pub struct Plugin {
    path: Arc<Path>,
    description: Arc<Description>,
    module: ProviderModuleRef,
}

impl Plugin {
    /// Loads a plugin's file.
    ///
    /// The file is read once; its copy in memory is checked, compared with what is loaded already, and loaded.
    /// Changing or deleting the file later has no effect on a plugin that is open; opening a changed file gives a new
    /// plugin beside the old one.
    ///
    /// # Errors
    ///
    /// Everything that keeps the file from being a plugin for this host, in one line that names the file and says
    /// what to do.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, PluginError> {
        let path = path.as_ref().to_owned();
        let opened = {
            let path = path.clone();
            limited(move || load(&path)).await
        };
        match opened {
            Ok(Ok((module, description))) => Ok(Self { path: path.into(), description: Arc::new(description), module }),
            Ok(Err(refusal)) => Err(PluginError::new(&path, refusal)),
            Err(problem) => Err(PluginError::new(&path, Refusal::NotStarted(problem))),
        }
    }

    /// The file that it was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the plugin says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Makes a provider of its settings, a JSON object that fits [`Description::settings_schema`]. No network is
    /// touched: whether the settings work is told by [`Provider::validate`].
    ///
    /// # Errors
    ///
    /// [`Fault::Misconfigured`] for settings that cannot work, naming the key; [`Fault::Internal`] for a plugin that
    /// panics or does not answer.
    pub async fn configure(&self, settings: &Value, services: &HostServices) -> Result<Provider, Fault> {
        // They may hold secrets: the text is wiped, all of it if the buffer does not have to grow.
        let mut text = Zeroizing::new(Vec::with_capacity(SETTINGS_BUFFER));
        serde_json::to_writer(&mut *text, settings)
            .map_err(|error| Fault::internal(format!("the settings cannot be written as JSON: {error}")))?;
        let (module, services) = (self.module, services.clone());
        let configured = limited(move || {
            let settings = str::from_utf8(&text).map_err(|error| Fault::internal(error.to_string()))?;
            let instance =
                services.instance().map(|instance| AbiPair { name: "instance".into(), value: instance.into() });
            let more: Vec<AbiPair<'_>> = instance.into_iter().collect();
            match module.configure()(services.to_abi(), settings.into(), more.as_slice().into()) {
                RResult::ROk(provider) => Ok(provider),
                RResult::RErr(reply) => Err(wire::read_refusal(&reply)),
            }
        })
        .await;
        match configured {
            Ok(answer) => Ok(Provider::new(answer?)),
            Err(problem) => Err(Fault::internal(format!("the plugin could not be configured: {problem}"))),
        }
    }
}

fn load(path: &Path) -> Result<(ProviderModuleRef, Description), Refusal> {
    let module = image::load(&preflight::read(path)?)?;
    let description = wire::read(&module.describe()()).map_err(Refusal::NotDescribed)?;
    Ok((module, description))
}

impl fmt::Debug for Plugin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Plugin")
            .field("path", &self.path)
            .field("id", &self.description.id)
            .finish_non_exhaustive()
    }
}
