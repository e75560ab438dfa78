use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a plugin says of itself, without any settings and without I/O.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// The provider's id, a short word such as `ldap`.
    pub id: String,
    /// The provider's own version.
    pub version: String,
    /// The version of this contract that the plugin was built with.
    pub interface_version: String,
    /// What it can do beyond logging people in.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// The JSON Schema (draft 2020-12) of the settings. A property with `"writeOnly": true` is a secret.
    pub settings_schema: Value,
}

impl Description {
    /// The keys of the settings that are secrets. Secrets are settings of their own: one that is nested inside of
    /// another setting is not found.
    pub fn secret_settings(&self) -> impl Iterator<Item = &str> {
        self.settings_schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(_, property)| property.get("writeOnly") == Some(&Value::Bool(true)))
            .map(|(key, _)| key.as_str())
    }
}

/// Something that a provider may be able to do: an open word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capability(std::borrow::Cow<'static, str>);

impl Capability {
    /// Lists its users.
    pub const LIST_USERS: Self = Self(std::borrow::Cow::Borrowed("list_users"));
    /// Knows the groups of its users.
    pub const GROUPS: Self = Self(std::borrow::Cow::Borrowed("groups"));

    /// The capability of this word.
    pub fn new(word: impl Into<String>) -> Self {
        Self(std::borrow::Cow::Owned(word.into()))
    }

    /// The word itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
