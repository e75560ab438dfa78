use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Who a person is, as the directory tells it: never as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Identity {
    /// The directory's immutable id of the person (entryUUID, objectGUID, ...): never the DN, the login or the mail
    /// address, which change and are reused. A host keys its account by this and the provider's instance. Not empty.
    pub subject: String,
    /// The attribute that `subject` was read from. A host stores it with the link, so that a change of it is noticed
    /// instead of re-keying accounts.
    pub subject_attribute: String,
    /// The entry's own login name. Not empty.
    pub login: String,
    /// The name to show.
    pub display_name: Option<String>,
    /// The mail address. It identifies nobody.
    pub email: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// The groups that the person belongs to, as far as the provider knows them.
    pub groups: Vec<Group>,
    /// Further attributes by name.
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl Identity {
    /// The identity of a subject, read from `subject_attribute`, with its login name.
    pub fn new(subject: impl Into<String>, subject_attribute: impl Into<String>, login: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            subject_attribute: subject_attribute.into(),
            login: login.into(),
            ..Self::default()
        }
    }
}

/// A group of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Group {
    /// The DN, where the directory has such a thing.
    pub dn: Option<String>,
    /// The name.
    pub name: String,
    /// The immutable id, if it is known.
    pub id: Option<String>,
}

impl Group {
    /// A group of that name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}
