use crate::{RejectReason, Rejection, Secret};

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
    /// The longest name, in characters.
    pub const LONGEST_NAME: usize = 256;

    /// The longest password, in bytes. Directory servers answer far longer ones by closing the connection (measured:
    /// slapd, from 263,000 bytes on), which would look like an outage.
    pub const LONGEST_PASSWORD: usize = 1_024;

    /// Credentials of a name and a password.
    pub fn new(username: impl Into<String>, password: Secret) -> Self {
        Self { username: username.into(), password }
    }

    /// Refuses what cannot be right, before anything is sent anywhere or looked up.
    ///
    /// A host does this before it asks anybody; every provider's adapter does it again, so that a provider never sees
    /// anything else. An empty password comes first: it is the one with which a directory server may answer success
    /// for nobody in particular (RFC 4513 section 5.1.2).
    ///
    /// # Errors
    ///
    /// [`RejectReason::EMPTY_PASSWORD`], or [`RejectReason::INPUT_REFUSED`] for a name that
    /// [`Credentials::check_name`] refuses and for a password that is too long or has NUL or other control
    /// characters: measured, 389 Directory Server and Samba cut a password at the first NUL, so that the right one
    /// with anything behind a NUL would do.
    pub fn check(&self) -> Result<(), Rejection> {
        let password = self.password.expose();
        if password.is_empty() {
            return Err(Rejection::new(RejectReason::EMPTY_PASSWORD, "the password is empty; nothing was sent"));
        }
        Self::check_name(&self.username)?;
        if password.len() > Self::LONGEST_PASSWORD {
            return Err(refused("the password has more than 1,024 bytes"));
        }
        if !is_plain(password) && password.chars().any(char::is_control) {
            return Err(refused("the password has control characters"));
        }
        Ok(())
    }

    /// Refuses a name that cannot be right: blank, too long, or with characters that would make it look like another
    /// where it is shown: control characters, U+2028 and U+2029 (line and paragraph separators), U+FEFF (byte order
    /// mark), and those that change the direction of writing (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to
    /// U+2069).
    ///
    /// # Errors
    ///
    /// [`RejectReason::INPUT_REFUSED`].
    pub fn check_name(name: &str) -> Result<(), Rejection> {
        if name.len() <= Self::LONGEST_NAME && is_plain(name) && !name.starts_with(' ') && !name.is_empty() {
            return Ok(());
        }
        if name.trim().is_empty() {
            return Err(refused("the name is empty"));
        }
        if name.chars().nth(Self::LONGEST_NAME).is_some() {
            return Err(refused("the name has more than 256 characters"));
        }
        if name.chars().any(is_refused_in_names) {
            return Err(refused("the name has control characters, or others that are not seen where it is shown"));
        }
        Ok(())
    }
}

fn refused(what: &str) -> Rejection {
    Rejection::new(RejectReason::INPUT_REFUSED, format!("{what}; nothing was sent"))
}

/// Whether all is printable ASCII, as most is; it is told in a few instructions.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn is_refused_in_names(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::Credentials;
    use crate::Secret;

    fn reason(name: &str, password: &str) -> Option<String> {
        let checked = Credentials::new(name, Secret::new(password)).check();
        checked.err().map(|rejection| rejection.reason.as_str().to_owned())
    }

    #[test]
    fn what_can_be_right_passes_unchanged() {
        for name in [
            "alice",
            " alice ",
            "DOMAIN\\alice",
            "alice@example.com",
            "a,b+c\"d",
            "#x",
            "Jürgen",
            "*",
            &"é".repeat(256),
        ] {
            assert_eq!(reason(name, "pässwörd 🔑"), None, "{name}");
        }
        assert_eq!(reason("alice", " "), None, "a blank is a password like any other");
        assert_eq!(reason("alice", &"p".repeat(1_024)), None);
    }

    #[test]
    fn an_empty_password_is_refused_for_its_own_reason_whatever_the_name() {
        for name in ["alice", "", "a\0b"] {
            assert_eq!(reason(name, "").as_deref(), Some("empty_password"));
        }
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        for name in
            ["", "   ", "ali\0ce", "alice\n", "a\tb", "\u{202e}alice", "\u{feff}alice", "a\u{2028}b", &"a".repeat(257)]
        {
            assert_eq!(reason(name, "right").as_deref(), Some("input_refused"), "{name:?}");
        }
        for password in ["\0", "right\0junk", "\0right", "a\nb", "a\u{85}b", &"p".repeat(1_025)] {
            assert_eq!(reason("alice", password).as_deref(), Some("input_refused"));
        }
    }
}
