use super::{AuditEntry, Link, NewUser, Profile, Status, StoreError, User, UserId};
use crate::fold::Folded;

/// The records of the store, as a piece of work inside a transaction sees them.
pub trait Records {
    /// The user of a number.
    fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user of a name, whoever answers for the password.
    fn user_named(&self, name: &Folded) -> Result<Option<User>, StoreError>;

    /// Local users that have this name or this mail address.
    fn local_user_known_as(&self, name_or_email: &Folded) -> Result<Option<User>, StoreError>;

    /// Any user but `own` that has this name or this mail address.
    fn user_known_as(&self, name_or_email: &Folded, own: Option<UserId>) -> Result<Option<User>, StoreError>;

    /// The link of a directory's person.
    fn link(&self, instance: &str, subject: &str) -> Result<Option<Link>, StoreError>;

    /// The links of a user, ordered by instance and subject.
    fn links_of(&self, user: UserId) -> Result<Vec<Link>, StoreError>;

    /// The attributes that the subjects of an instance's links were read from, each once.
    fn subject_attributes(&self, instance: &str) -> Result<Vec<String>, StoreError>;

    /// The PHC string of a local user's password.
    fn local_password(&self, user: UserId) -> Result<Option<String>, StoreError>;

    /// Visits every user with its links, ordered by number, until `visit` returns `false`.
    fn each_user(&self, visit: &mut dyn FnMut(User, Vec<Link>) -> bool) -> Result<(), StoreError>;

    /// Creates a user. The folded name must be free: [`StoreError::NameTaken`] otherwise.
    fn insert_user(&mut self, user: &NewUser) -> Result<User, StoreError>;

    /// Replaces what is known of a person.
    fn update_profile(&mut self, user: UserId, profile: &Profile) -> Result<(), StoreError>;

    /// Calls a user otherwise. The folded name must be free: [`StoreError::NameTaken`] otherwise.
    fn rename_user(&mut self, user: UserId, name: &str) -> Result<(), StoreError>;

    /// Says whether a user may log in.
    fn set_status(&mut self, user: UserId, status: Status) -> Result<(), StoreError>;

    /// Links a directory's person to a user.
    fn insert_link(&mut self, link: &Link) -> Result<(), StoreError>;

    /// Notes the login under which the entry was seen last.
    fn update_link_login(&mut self, instance: &str, subject: &str, login: &str) -> Result<(), StoreError>;

    /// Sets the PHC string of a local user's password.
    fn set_local_password(&mut self, user: UserId, phc: &str) -> Result<(), StoreError>;

    /// Adds a line to the audit trail.
    fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError>;
}
