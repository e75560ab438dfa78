//! What a login may look like before anybody is asked about it.

use provider_api::{RejectReason, Rejection, Secret};

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 256;

/// The longest password, in bytes. Servers answer far longer ones by closing the connection, which looks like an
/// outage.
pub const LONGEST_PASSWORD: usize = 1_024;

/// Checks a login's form, so that nothing is sent anywhere for one that cannot be right.
///
/// A password is refused when it is empty (RFC 4513 section 5.1.2: a server may answer such a bind with success), too
/// long, or holds NUL or another control character: measured, 389 Directory Server and Samba cut a password at the
/// first NUL.
pub fn check(name: &str, password: &Secret) -> Result<(), Rejection> {
    check_name(name)?;
    let password = password.expose();
    if password.is_empty() {
        return Err(Rejection::new(RejectReason::EMPTY_PASSWORD, "the password is empty"));
    }
    if password.len() > LONGEST_PASSWORD {
        return Err(refused(format!("the password is longer than {LONGEST_PASSWORD} bytes")));
    }
    if password.chars().any(char::is_control) {
        return Err(refused("the password holds NUL or another control character"));
    }
    Ok(())
}

/// Checks a name's form.
pub fn check_name(name: &str) -> Result<(), Rejection> {
    if name.trim().is_empty() {
        return Err(refused("the name is empty"));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(refused(format!("the name is longer than {LONGEST_NAME} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(refused("the name holds NUL or another control character"));
    }
    Ok(())
}

/// The rejection of a password that is not UTF-8, which RFC 4511 section 4.2 wants a textual password to be.
pub fn not_utf8() -> Rejection {
    refused("the password is not UTF-8")
}

fn refused(message: impl Into<String>) -> Rejection {
    Rejection::new(RejectReason::INPUT_REFUSED, message)
}

#[cfg(test)]
mod tests {
    use provider_api::{RejectReason, Secret};

    use super::check;

    fn reason(name: &str, password: &str) -> Option<RejectReason> {
        check(name, &Secret::new(password)).err().map(|rejection| rejection.reason)
    }

    #[test]
    fn the_limits_are_inclusive() {
        assert_eq!(reason(&"é".repeat(256), &"x".repeat(1_024)), None);
        assert_eq!(reason(&"é".repeat(257), "x"), Some(RejectReason::INPUT_REFUSED));
        assert_eq!(reason("alice", &"x".repeat(1_025)), Some(RejectReason::INPUT_REFUSED));
    }

    #[test]
    fn control_characters_are_refused_and_spaces_are_not() {
        for password in ["right\0junk", "\0", "a\nb", "a\u{85}", "\t", "\u{7f}"] {
            assert_eq!(reason("alice", password), Some(RejectReason::INPUT_REFUSED), "{password:?}");
        }
        assert_eq!(reason("alice\r\nx", "x"), Some(RejectReason::INPUT_REFUSED));
        assert_eq!(reason(" ", "x"), Some(RejectReason::INPUT_REFUSED));
        assert_eq!(reason("alice", " "), None);
        assert_eq!(reason("alice", ""), Some(RejectReason::EMPTY_PASSWORD));
    }
}
