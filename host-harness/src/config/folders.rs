use std::path::{Path, PathBuf};

use super::ConfigError;

/// Where relative paths lead: to the configuration file's folder, else to that of the harness's own program, beside
/// which a build puts the plugins.
#[derive(Clone, Debug)]
pub struct Folders {
    configuration: PathBuf,
    program: Option<PathBuf>,
}

impl Folders {
    /// The folders for a configuration file.
    pub(super) fn of(file: &Path) -> Result<Self, ConfigError> {
        let absolute = std::path::absolute(file).map_err(|error| ConfigError::unreadable(file, &error))?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        // Whoever names the file may do so through links and `..`. Plugins are then named by where it really lies.
        Ok(Self::new(&folder.canonicalize().unwrap_or_else(|_| folder.to_owned())))
    }

    /// The folders for paths relative to `first`.
    pub fn new(first: &Path) -> Self {
        let program = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        Self { configuration: first.to_owned(), program }
    }

    /// The configuration file's folder.
    pub fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// The file that a path means. If there is none in either place, the path in the configuration file's folder:
    /// whoever opens it says that it is missing.
    pub fn find(&self, path: &Path) -> PathBuf {
        let first = self.configuration.join(path);
        if path.is_absolute() || first.exists() {
            return first;
        }
        match self.program.as_ref().map(|program| program.join(path)) {
            Some(second) if second.exists() => second,
            _ => first,
        }
    }

    /// The places where [`find`](Self::find) looks for a path, for a message.
    pub fn places(&self, path: &Path) -> Vec<PathBuf> {
        let mut places = vec![self.configuration.join(path)];
        if let Some(program) = self.program.as_ref().filter(|_| path.is_relative()) {
            let second = program.join(path);
            if !places.contains(&second) {
                places.push(second);
            }
        }
        places
    }
}
