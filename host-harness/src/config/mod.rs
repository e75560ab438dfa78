//! The configuration file, `harness.toml`: which providers there are, with which settings, and where the accounts are
//! kept.

mod error;
mod folders;
mod parse;
mod read;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use provider_api::host::{Sha256Digest, Trust, TrustProfile};
use serde_json::{Map, Value};

pub use error::ConfigError;
pub use folders::Folders;
pub use settings::SettingsResolver;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "harness.toml";

/// Where accounts are kept unless the file says otherwise.
pub const DEFAULT_STORE: &str = "sqlite:users.db";

/// A configuration file, read and checked as far as it goes without loading a plugin.
#[derive(Debug)]
pub struct Configuration {
    /// The file.
    pub file: PathBuf,
    /// Who else than root and the host's user could have changed the file, a line each: whoever can chooses the plugins
    /// and their pins.
    pub exposed: Vec<String>,
    /// Where relative paths lead.
    pub folders: Folders,
    /// The providers, in the order in which they are asked.
    pub providers: Vec<ProviderEntry>,
    /// The URL of the store; a relative file lies beside the configuration file.
    pub store_url: String,
    /// On which conditions plugins are loaded whose entry does not say. A server sets
    /// [`Strict`](TrustProfile::Strict); a file that was just read has [`Developer`](TrustProfile::Developer).
    pub default_trust: TrustProfile,
    /// The folder for the copies from which plugins are loaded; without one they are in memory.
    pub plugin_copies: Option<PathBuf>,
}

/// A provider as the configuration file has it.
#[derive(Clone)]
pub struct ProviderEntry {
    /// The instance, part of every account's key. Without one it is the provider's id, which only its plugin knows.
    pub instance: Option<String>,
    /// The plugin's file as it was written.
    pub path: PathBuf,
    /// The SHA-256 that the plugin's file must have.
    pub sha256: Option<Sha256Digest>,
    /// On which conditions the plugin is loaded; without it, on [`Configuration::default_trust`].
    pub trust: Option<TrustProfile>,
    /// The settings as they were written. May hold secrets, so `Debug` shows their keys alone.
    pub settings: Map<String, Value>,
    /// The configuration file.
    pub file: PathBuf,
    /// The file and line where the entry begins, for messages.
    pub place: String,
}

impl Configuration {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or has something in it that does not belong there, in one line with file, line and
    /// key. Values are not quoted: they may be secrets.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let (text, exposed) = read::text(file).map_err(|error| ConfigError::unreadable(file, &error))?;
        let folders = Folders::of(file)?;
        Ok(Self { exposed, ..parse::parse(file, &text, folders)? })
    }

    /// The same for a server: plugins whose entry does not say otherwise are loaded on the conditions of the profile
    /// [`Strict`](TrustProfile::Strict), and the file that says so, and holds the pins, has to be as trustworthy as a
    /// plugin, whatever it says of itself.
    ///
    /// # Errors
    ///
    /// A file that others could have changed.
    pub fn for_a_server(mut self) -> Result<Self, ConfigError> {
        self.default_trust = TrustProfile::Strict;
        match self.exposed.first() {
            None => Ok(self),
            Some(problem) => Err(ConfigError::new(self.file.display().to_string(), exposed(problem))),
        }
    }

    /// On which conditions the plugin of an entry is loaded.
    pub fn trust(&self, entry: &ProviderEntry) -> Trust {
        let trust = Trust::new(entry.trust.unwrap_or(self.default_trust), entry.sha256);
        match &self.plugin_copies {
            Some(folder) => trust.copied_to(folder),
            None => trust,
        }
    }
}

/// Why a configuration is not gone by in the profile `strict`.
pub(crate) fn exposed(problem: &str) -> String {
    format!("{problem}; whoever can change this file chooses what the host loads (the trust profile is strict)")
}

impl fmt::Debug for ProviderEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProviderEntry")
            .field("instance", &self.instance)
            .field("path", &self.path)
            .field("settings", &self.settings.keys().collect::<Vec<_>>())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
