use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use abi_stable::std_types::RResult;
use serde_json::Value;
use zeroize::Zeroizing;

use super::error::{PluginError, Refusal};
use super::limited::{Threads, limited};
use super::services::HostServices;
use super::trust::{self, Sha256Digest, Trust};
use super::{Provider, image, preflight, search_path};
use crate::abi::{AbiPair, ProviderModuleRef};
use crate::{Description, Fault, wire};

/// Room for the text of the settings, in bytes.
const SETTINGS_BUFFER: usize = 64 * 1024;

/// A plugin that has been loaded and has said what it is. Clones share it.
#[derive(Clone)]
pub struct Plugin {
    path: Arc<Path>,
    loaded: Arc<Loaded>,
    threads: Arc<Threads>,
}

struct Loaded {
    description: Description,
    digest: Sha256Digest,
    warnings: Vec<String>,
    module: ProviderModuleRef,
}

impl Plugin {
    /// Loads a plugin's file, named by its whole path, on the conditions of `trust`.
    ///
    /// The file is opened once and read once; its bytes in memory are checked, compared with what is loaded already,
    /// and loaded from a copy of the host's own. Changing or deleting the file later has no effect on a plugin that is
    /// open; opening a changed file gives a new plugin beside the old one.
    ///
    /// # Errors
    ///
    /// Everything that keeps the file from being a plugin for this host, in one line that names the file and says
    /// what to do.
    pub async fn open(path: impl AsRef<Path>, trust: &Trust) -> Result<Self, PluginError> {
        let path = path.as_ref().to_owned();
        let threads = threads_of(&path);
        let opened = {
            let (path, trust) = (path.clone(), trust.clone());
            limited(&threads, move || load(&path, &trust)).await
        };
        match opened {
            Ok(Ok(loaded)) => Ok(Self { path: path.into(), loaded: Arc::new(loaded), threads }),
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
        &self.loaded.description
    }

    /// The SHA-256 of its file, for a pin.
    pub fn sha256(&self) -> Sha256Digest {
        self.loaded.digest
    }

    /// What the profile [`Developer`](super::TrustProfile::Developer) let pass, a line each, for the administrator.
    pub fn warnings(&self) -> &[String] {
        &self.loaded.warnings
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
        let (module, services) = (self.loaded.module, services.clone());
        let limits = services.limits();
        let configured = limited(&self.threads, move || {
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
            Ok(answer) => Ok(Provider::new(answer?, limits)),
            Err(problem) => Err(Fault::internal(format!("the plugin could not be configured: {problem}"))),
        }
    }
}

/// The threads of a file: each attempt to load it may cost another.
fn threads_of(path: &Path) -> Arc<Threads> {
    static THREADS: LazyLock<Mutex<HashMap<PathBuf, Arc<Threads>>>> = LazyLock::new(Mutex::default);
    let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(threads.entry(path.to_owned()).or_default())
}

fn load(path: &Path, trust: &Trust) -> Result<Loaded, Refusal> {
    let mut warnings = Vec::new();
    let bytes = trust::read(path, trust, &mut warnings)?;
    let digest = Sha256Digest::of(&bytes);
    // First the pin: what is not wanted is not even looked into.
    trust.admit(digest)?;
    preflight::check(&bytes)?;
    for problem in search_path::problems(&bytes, trust.copies())? {
        trust.judge(problem, &mut warnings)?;
    }
    let module = image::load(&bytes, digest, trust)?;
    let description = wire::read(&module.describe()()).map_err(Refusal::NotDescribed)?;
    Ok(Loaded { description, digest, warnings, module })
}

impl fmt::Debug for Plugin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Plugin")
            .field("path", &self.path)
            .field("id", &self.loaded.description.id)
            .finish_non_exhaustive()
    }
}
