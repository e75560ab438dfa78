use std::path::PathBuf;

use serde_json::Value;

/// A provider to be checked: its plugin file, settings for it, and people that it knows.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(super) plugin: PathBuf,
    pub(super) settings: Value,
    pub(super) users: Vec<Known>,
    pub(super) disabled: Vec<Known>,
    pub(super) unreachable: Option<Value>,
}

/// Somebody whom the provider knows.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) password: String,
}

/// Without the password.
impl std::fmt::Debug for Known {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Subject {
    /// A plugin with settings that work.
    pub fn new(plugin: impl Into<PathBuf>, settings: Value) -> Self {
        Self { plugin: plugin.into(), settings, users: Vec::new(), disabled: Vec::new(), unreachable: None }
    }

    /// Somebody who may log in. There must be one; with two or more, more is checked. Passwords should occur nowhere
    /// else: they are looked for in the logs.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push(Known { name: name.to_owned(), password: password.to_owned() });
        self
    }

    /// Somebody who may not log in although the password is right.
    #[must_use]
    pub fn disabled(mut self, name: &str, password: &str) -> Self {
        self.disabled.push(Known { name: name.to_owned(), password: password.to_owned() });
        self
    }

    /// Settings that configure, and with which nobody can tell who somebody is: a server that is not there.
    #[must_use]
    pub fn unreachable(mut self, settings: Value) -> Self {
        self.unreachable = Some(settings);
        self
    }
}

/// The plugin file of the package that the running test belongs to; `library` is the name of its library, with `_` for
/// `-`.
///
/// # Panics
///
/// If there is none: the test was not started by `cargo test`.
pub fn plugin_of_this_package(library: &str) -> PathBuf {
    let name = format!("lib{library}.so");
    let program = std::env::current_exe().unwrap_or_default();
    // Cargo puts a test into `deps`, and the library that it builds for it into the same place.
    let folders = program.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(&name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("there is no {name} beside {}: run `cargo test`", program.display()))
}
