use crate::directory::password_of;

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account's name, as the server holds it.
    pub login: String,
    /// The entry's DN.
    pub dn: String,
    /// The password.
    pub password: String,
}

impl Person {
    /// Somebody with the password that belongs to this login.
    pub(super) fn new(login: &str, dn: String) -> Self {
        Self { login: login.to_owned(), dn, password: password_of(login) }
    }

    /// The full name, of which every entry has one.
    pub fn full_name(login: &str) -> String {
        format!("Full name of {login}")
    }
}
