use std::fmt;

use serde::Serialize;

use crate::fold::Folded;

/// The number of a user; never used again after the user is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// An account of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// The number.
    pub id: UserId,
    /// The name: for a directory account its entry's login.
    pub name: String,
    /// The name to show.
    pub display_name: Option<String>,
    /// The mail address. It identifies nobody.
    pub email: Option<String>,
    /// The telephone number.
    #[serde(skip)]
    pub phone: Option<String>,
    /// Whether the account may be used.
    pub status: Status,
    /// Who answers for the password.
    pub origin: Origin,
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It may.
    Active,
    /// The host's administrator has switched it off.
    Disabled,
}

/// Who answers for the password of an account. It never changes: a directory account has no local password, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The host itself.
    Local,
    /// A directory.
    Directory,
}

/// What a directory, or an administrator, says of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name of the account.
    pub name: String,
    /// The name to show.
    pub display_name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
}

impl Profile {
    /// The name in the form that must be unique.
    pub fn folded_name(&self) -> Folded {
        Folded::new(&self.name)
    }

    /// The mail address in the form in which it is compared; `None` without one.
    pub fn folded_email(&self) -> Option<Folded> {
        self.email.as_deref().map(Folded::new).filter(|folded| !folded.is_empty())
    }

    /// Whether `user` shows just this already.
    pub fn is_of(&self, user: &User) -> bool {
        self.name == user.name
            && self.display_name == user.display_name
            && self.email == user.email
            && self.phone == user.phone
    }
}

/// A user to be created.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// What is known of the person.
    pub profile: Profile,
    /// Who answers for the password.
    pub origin: Origin,
}

/// The link between a directory's person and an account: the only way from the one to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The provider instance. Together with `subject` the key.
    pub instance: String,
    /// The directory's immutable id.
    pub subject: String,
    /// The attribute that the subject was read from.
    pub subject_attribute: String,
    /// The account.
    pub user: UserId,
    /// The entry's login when it was last seen.
    pub login: String,
}

/// A line of the audit trail: who did what to which account.
#[derive(Clone, Debug, Default)]
pub struct AuditEntry {
    /// What happened, a short word such as `user_created`.
    pub action: &'static str,
    /// The account, if there is one.
    pub user: Option<UserId>,
    /// The provider instance, if one was involved.
    pub instance: Option<String>,
    /// The directory's id of the person, if one was involved.
    pub subject: Option<String>,
    /// More in words, in one printable line. No secrets.
    pub detail: String,
}
