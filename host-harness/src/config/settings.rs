use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use provider_api::host::{TrustProfile, examine};
use provider_api::{Description, Fault, Secret};
use serde_json::{Map, Value};

use super::{Folders, ProviderEntry};
use crate::password_source::{self, PasswordError};

/// Makes the settings that a plugin gets of those that an administrator wrote.
///
/// Any secret setting `NAME` may be given as `NAME_file` (a regular file that holds it) or `NAME_env` (an environment
/// variable that does) instead. In other settings whose name ends in `_file`, such as `ca_file`, a relative path
/// leads to where those of the configuration file lead.
///
/// All of these files have to be as trustworthy as the plugin, since who writes them decides who may log in: in the
/// profile `strict` one that others could have changed is refused, in `developer` it is warned about.
pub struct SettingsResolver<'a> {
    folders: &'a Folders,
    description: &'a Description,
    trust: TrustProfile,
}

/// Settings for a plugin, and what an administrator should hear of them.
pub(crate) struct ResolvedSettings {
    /// May hold secrets: it has no `Debug`.
    pub(crate) settings: Value,
    pub(crate) warnings: Vec<String>,
}

impl<'a> SettingsResolver<'a> {
    /// A resolver for the settings of a plugin.
    pub fn new(folders: &'a Folders, description: &'a Description, trust: TrustProfile) -> Self {
        Self { folders, description, trust }
    }

    /// Resolves. Blocks: it reads files.
    ///
    /// # Errors
    ///
    /// [`Fault::setting`] naming the key: a secret that is given twice, a file or variable that is not there or is
    /// not UTF-8. Secrets are not quoted.
    pub(crate) fn resolve(&self, entry: &ProviderEntry) -> Result<ResolvedSettings, Fault> {
        let written = &entry.settings;
        let mut settings = Map::new();
        let mut warnings = Vec::new();
        if let Some(secret) = self.description.secret_settings().find(|secret| written.contains_key(*secret))
            && is_open_to_others(&entry.file)
        {
            warnings.push(format!(
                "setting {secret}: {} can be read by every user of this system: chmod 600 it, or write {secret}_file",
                entry.file.display()
            ));
        }
        for (key, value) in written {
            match self.secret_of(key) {
                Some((secret, source)) => {
                    if settings.contains_key(secret) || written.contains_key(secret) {
                        let message = format!(
                            "{secret} is given more than once: keep one of {secret}, {secret}_file, {secret}_env"
                        );
                        return Err(Fault::setting(key, message));
                    }
                    let text = self.read(key, value, source, &mut warnings)?;
                    settings.insert(secret.to_owned(), Value::String(text));
                }
                None if key.ends_with("_file") => {
                    let placed = self.placed(value);
                    if let Value::String(file) = &placed
                        && let Ok(examined) = examine(Path::new(file))
                    {
                        self.judge(key, examined.problems, &mut warnings)?;
                    }
                    // One that is not there, or cannot be read, is the plugin's to tell of.
                    settings.insert(key.clone(), placed);
                }
                None => {
                    settings.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(ResolvedSettings { settings: Value::Object(settings), warnings })
    }

    /// The secret setting that `key` gives in another way. A key that the plugin knows itself means what the plugin
    /// says.
    fn secret_of(&self, key: &str) -> Option<(&'a str, Source)> {
        if self.description.settings_schema.get("properties").is_some_and(|known| known.get(key).is_some()) {
            return None;
        }
        self.description.secret_settings().find_map(|secret| match key.strip_prefix(secret)? {
            "_file" => Some((secret, Source::File)),
            "_env" => Some((secret, Source::Environment)),
            _ => None,
        })
    }

    fn read(&self, key: &str, value: &Value, source: Source, warnings: &mut Vec<String>) -> Result<String, Fault> {
        let Value::String(name) = value else {
            return Err(Fault::setting(key, "must be a string in quotes"));
        };
        let secret = match source {
            Source::File => {
                let file = self.folders.find(Path::new(name));
                if is_open_to_others(&file) {
                    warnings.push(format!(
                        "setting {key}: {} can be read by every user of this system: chmod 600 it",
                        file.display()
                    ));
                }
                return self.read_file(key, &file, warnings).map(|secret| secret.expose().to_owned());
            }
            Source::Environment => password_source::read_variable(name),
        };
        secret.map(|secret| secret.expose().to_owned()).map_err(|problem| Fault::setting(key, problem.to_string()))
    }

    fn read_file(&self, key: &str, file: &Path, warnings: &mut Vec<String>) -> Result<Secret, Fault> {
        let unreadable = |problem: PasswordError| Fault::setting(key, problem.to_string());
        let (secret, problems) = match examine(file) {
            Ok(examined) => (password_source::read_opened(file, examined.file), examined.problems),
            Err(problem) => (password_source::read_regular_file(file), vec![format!("{}: {problem}", file.display())]),
        };
        let secret = secret.map_err(unreadable)?;
        self.judge(key, problems, warnings)?;
        Ok(secret)
    }

    /// What is wrong with who could have changed a file is a refusal or a warning.
    fn judge(&self, key: &str, problems: Vec<String>, warnings: &mut Vec<String>) -> Result<(), Fault> {
        for problem in problems {
            match self.trust {
                TrustProfile::Strict => {
                    let message =
                        format!("{problem}; others could put in what they like (the trust profile is strict)");
                    return Err(Fault::setting(key, message));
                }
                TrustProfile::Developer => warnings.push(format!("setting {key}: {problem}")),
            }
        }
        Ok(())
    }

    fn placed(&self, value: &Value) -> Value {
        match value {
            Value::String(path) if !path.is_empty() => {
                self.folders.find(Path::new(path)).to_str().map_or_else(|| value.clone(), Value::from)
            }
            other => other.clone(),
        }
    }
}

/// Where a secret is.
#[derive(Clone, Copy)]
enum Source {
    File,
    Environment,
}

/// Whether everybody on this system may read a file.
fn is_open_to_others(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o004 != 0)
}
