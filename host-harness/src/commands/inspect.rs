use std::path::Path;

use provider_api::host::Trust;
use serde::Serialize;

use super::CommandError;
use super::session::Session;
use crate::config::{ConfigError, Folders};
use crate::exit::Exit;
use crate::output::{Output, OutputFormat, inspection};
use crate::providers::open_plugin;

/// A plugin's description, where it was read from, and the pin for it.
#[derive(Serialize)]
struct InspectionJson<'a> {
    file: &'a Path,
    sha256: String,
    #[serde(flatten)]
    description: &'a provider_api::Description,
}

pub(super) async fn run(session: &Session, plugin: &Path, output: &mut Output) -> Result<Exit, CommandError> {
    let here = std::env::current_dir().map_err(|error| ConfigError::new("the current folder", error.to_string()))?;
    // Whoever asks names the file as they like: through links, with `..`. What is loaded is where that leads.
    let named = plugin.canonicalize().unwrap_or_else(|_| plugin.to_owned());
    let (folders, trust) = (Folders::new(&here), Trust::developer());
    let plugin = session.unless_interrupted(open_plugin(&folders, &named, &trust)).await?;
    for warning in plugin.warnings() {
        session.log.warn(warning);
    }
    match output.format() {
        OutputFormat::Text => output.text(&inspection(&plugin))?,
        OutputFormat::Json => {
            let (file, sha256) = (plugin.path(), plugin.sha256().to_string());
            output.object(&InspectionJson { file, sha256, description: plugin.description() })?;
        }
    }
    Ok(Exit::Done)
}
