//! A users file for the file provider.

use std::fs;
use std::path::PathBuf;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A users file in a folder of its own, which goes with this value.
pub struct UsersFile {
    folder: TempDir,
    users: Vec<Value>,
}

impl UsersFile {
    /// A file without users.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder for the users file");
        let file = Self { folder, users: Vec::new() };
        file.write();
        file
    }

    /// Adds a user. The password is hashed at the lowest cost there is: tests are not about the cost.
    #[must_use]
    pub fn user(self, name: &str, password: &str) -> Self {
        let id = self.next_id();
        self.add(&id, name, password, false)
    }

    /// Adds a user who is disabled.
    #[must_use]
    pub fn disabled_user(self, name: &str, password: &str) -> Self {
        let id = self.next_id();
        self.add(&id, name, password, true)
    }

    /// Adds a user whose id is told.
    #[must_use]
    pub fn user_with_id(self, id: &str, name: &str, password: &str) -> Self {
        self.add(id, name, password, false)
    }

    /// Writes these users into the place of others, from where they are read when a provider is next configured.
    pub fn replace(&self, others: &Self) {
        fs::copy(self.path(), others.path()).expect("a users file in the place of another");
    }

    fn next_id(&self) -> String {
        format!("id-{}", self.users.len() + 1)
    }

    /// The settings of the file provider for this file.
    pub fn settings(&self) -> Value {
        json!({"users_file": self.path()})
    }

    fn add(mut self, id: &str, name: &str, password: &str, disabled: bool) -> Self {
        let params = Params::new(Params::MIN_M_COST, 1, 1, None).expect("the lowest cost");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password(password.as_bytes()).expect("a hash").to_string();
        self.users.push(json!({
            "id": id,
            "name": name,
            "password_hash": hash,
            "display_name": format!("{name} of the file"),
            "email": format!("{name}@file.example.com"),
            "groups": ["everybody"],
            "disabled": disabled,
        }));
        self.write();
        self
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("users.toml")
    }

    fn write(&self) {
        let text = toml::to_string(&json!({"users": self.users})).expect("users that TOML can say");
        fs::write(self.path(), text).expect("a users file");
    }
}

impl Default for UsersFile {
    fn default() -> Self {
        Self::new()
    }
}
