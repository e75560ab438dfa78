use std::path::{Path, PathBuf};

use provider_api::host::{HostServices, Plugin, PluginError, Trust};

use super::DemoError;
use crate::log::Log;

/// The plugin files that the demo loads, and where they log to.
#[derive(Debug)]
pub(super) struct PluginFiles {
    pub(super) ldap: PathBuf,
    pub(super) file: PathBuf,
    log: Log,
}

impl PluginFiles {
    /// Finds both, before anything is played: whoever has not built them should not have to watch half a demo.
    pub(super) fn find(folder: Option<PathBuf>, log: Log) -> Result<Self, DemoError> {
        let folder = if let Some(folder) = folder {
            folder
        } else {
            let mut program = std::env::current_exe()?;
            program.pop();
            program
        };
        let find = |file: &'static str| {
            let path = folder.join(file);
            if path.is_file() { Ok(path) } else { Err(DemoError::PluginNotBuilt { file, folder: folder.clone() }) }
        };
        Ok(Self { ldap: find("libldap_provider.so")?, file: find("libfile_provider.so")?, log })
    }

    /// Loads one of them, as whoever has built it wants it loaded.
    pub(super) async fn open(&self, file: &Path) -> Result<Plugin, PluginError> {
        let plugin = Plugin::open(file, &Trust::developer()).await?;
        for warning in plugin.warnings() {
            self.log.warn(warning);
        }
        Ok(plugin)
    }

    /// What the provider of an instance gets to log with.
    pub(super) fn services(&self, instance: &str) -> HostServices {
        self.log.services().for_instance(instance)
    }
}
