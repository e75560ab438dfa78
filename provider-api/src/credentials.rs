use crate::Secret;

/// What a person typed: a name, and a password that proves it.
///
/// Both are as they were typed: not trimmed, not folded, not normalised (RFC 4511 section 4.2: a password is octets).
/// A provider takes credentials by value and lets go of them as soon as it can.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// The name as it was typed. It says who the person claims to be; the [`Identity`](crate::Identity) of an answer
    /// never comes from it.
    pub username: String,
    /// The password as it was typed.
    pub password: Secret,
}

impl Credentials {
    /// Credentials of a name and a password.
    pub fn new(username: impl Into<String>, password: Secret) -> Self {
        Self { username: username.into(), password }
    }
}
