use std::path::Path;

use serde::Serialize;

use super::CommandError;
use super::session::Session;
use crate::config::{ConfigError, Folders};
use crate::exit::Exit;
use crate::output::{Output, OutputFormat, inspection};
use crate::providers::open_plugin;

/// A plugin's description, and where it was read from.
#[derive(Serialize)]
struct InspectionJson<'a> {
    file: &'a Path,
    #[serde(flatten)]
    description: &'a provider_api::Description,
}

pub(super) async fn run(session: &Session, plugin: &Path, output: &mut Output) -> Result<Exit, CommandError> {
    let here = std::env::current_dir().map_err(|error| ConfigError::new("the current folder", error.to_string()))?;
    let plugin = session.unless_interrupted(open_plugin(&Folders::new(&here), plugin)).await?;
    match output.format() {
        OutputFormat::Text => output.text(&inspection(plugin.path(), plugin.description()))?,
        OutputFormat::Json => {
            output.object(&InspectionJson { file: plugin.path(), description: plugin.description() })?;
        }
    }
    Ok(Exit::Done)
}
