//! The demo: a first login, from an entry in a directory to an account of the host, with nothing installed and no
//! network.
//!
//! What it loads, asks and stores is real: the plugin files, the host's login, a SQLite store. Only the directory
//! is its own, and lives in this process. Every step checks what came back, so the demo is also the quickest test of
//! a build.

mod directory;
mod expectation;
mod narrator;
mod people;
mod play;
mod plugins;
mod swap;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::exit::Exit;
use crate::log::Log;
use crate::output::{Output, OutputFormat};
use narrator::Narrator;
use plugins::PluginFiles;

/// How to play the demo.
#[derive(Clone, Debug, Default)]
pub struct DemoOptions {
    /// Where the plugin files are. Without it: beside the running program, where a build puts them.
    pub plugin_folder: Option<PathBuf>,
    /// For whom it is told.
    pub format: OutputFormat,
    /// Where its plugins log to.
    pub log: Log,
}

/// The demo did not come to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DemoError {
    /// A plugin's file is not there.
    #[error("there is no {file} in {}: run \
        `cargo build --release --workspace && target/release/host-harness demo`", folder.display())]
    PluginNotBuilt {
        /// The file's name.
        file: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A step did not end as it should.
    #[error("step {number} failed ({title}): expected {expected}; found {found}")]
    StepFailed {
        /// The number of the step, from 1.
        number: usize,
        /// What the step was about.
        title: &'static str,
        /// What should have come back.
        expected: String,
        /// What came back, in one printable line.
        found: String,
    },
    /// The program's own folder or a temporary one is not to be had, or standard output is not.
    #[error("the demo cannot go on ({0})")]
    System(#[from] io::Error),
}

impl DemoError {
    /// The exit code of the command `demo`.
    pub fn exit(&self) -> Exit {
        match self {
            Self::PluginNotBuilt { .. } => Exit::Misconfigured,
            Self::StepFailed { .. } | Self::System(_) => Exit::Internal,
        }
    }
}

/// Plays the demo and tells of it on standard output.
///
/// # Errors
///
/// The first thing that went wrong. However it ends, also by being dropped, nothing is left behind: no file, no
/// process, no port.
pub async fn run(options: DemoOptions) -> Result<(), DemoError> {
    let output = Output::standard(options.format);
    play_to(output, options.plugin_folder, options.log).await
}

/// The same with another listener.
async fn play_to(output: Output, plugin_folder: Option<PathBuf>, log: Log) -> Result<(), DemoError> {
    let plugins = PluginFiles::find(plugin_folder, log)?;
    let mut narrator = Narrator::new(output);
    narrator.open()?;
    play::play(&mut narrator, &plugins).await?;
    narrator.close()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{DemoError, play_to};
    use crate::exit::Exit;
    use crate::log::Log;
    use crate::output::{Output, OutputFormat};

    async fn failure(folder: &Path) -> DemoError {
        let nowhere = Output::to(OutputFormat::Text, Box::new(std::io::sink()));
        play_to(nowhere, Some(folder.to_owned()), Log::silent()).await.expect_err("these plugins cannot be played with")
    }

    #[tokio::test]
    async fn a_plugin_that_is_not_built_is_one_line_with_the_command_that_builds_it() {
        let empty = tempfile::TempDir::new().unwrap();
        let error = failure(empty.path()).await;
        let line = error.to_string();
        assert!(matches!(error, DemoError::PluginNotBuilt { file: "libldap_provider.so", .. }), "{line}");
        assert!(line.contains("cargo build --release --workspace") && !line.contains('\n'), "{line}");
        assert_eq!(error.exit(), Exit::Misconfigured);
    }

    #[tokio::test]
    async fn a_failed_step_is_named_with_what_was_expected_and_what_was_found() {
        let folder = tempfile::TempDir::new().unwrap();
        for file in ["libldap_provider.so", "libfile_provider.so"] {
            std::fs::write(folder.path().join(file), "no library").unwrap();
        }
        let error = failure(folder.path()).await;
        let line = error.to_string();
        assert!(matches!(error, DemoError::StepFailed { number: 2, .. }), "{line}");
        assert!(line.starts_with("step 2 failed (") && line.contains("libldap_provider.so"), "{line}");
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(error.exit(), Exit::Internal);
    }
}
