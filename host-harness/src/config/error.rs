use std::io;
use std::path::Path;

use thiserror::Error;

/// The configuration cannot be used. One line: where, and what to do.
#[derive(Debug, Error)]
#[error("{place}: {problem}")]
pub struct ConfigError {
    place: String,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }

    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        let problem = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file; name a configuration file with --config, or write one \
                 (host-harness --help shows how)"
                .to_owned(),
            io::ErrorKind::InvalidData => "the file is not UTF-8 text".to_owned(),
            _ => format!("the file cannot be read: {error}"),
        };
        Self::new(file.display().to_string(), problem)
    }
}
