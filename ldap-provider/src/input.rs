//! What is let through of what was typed. Nothing that is refused here causes any I/O.

use provider_api::{Credentials, RejectReason, Rejection};
use wire_guard::{BindPassword, BindPermit};

/// The longest name, in characters.
const LONGEST_NAME: usize = 256;

/// The longest password, in octets. slapd closes the connection on one of 262,000, which would look like an outage.
const LONGEST_PASSWORD: usize = 1_024;

/// Credentials that may be tried.
#[derive(Debug)]
pub(crate) struct Typed {
    /// The name as it was typed.
    pub(crate) name: String,
    /// The password as it was typed.
    pub(crate) password: BindPassword,
    /// The one permit to send it once.
    pub(crate) permit: BindPermit,
}

impl Typed {
    /// Checks what was typed.
    pub(crate) fn check(credentials: Credentials) -> Result<Self, Rejection> {
        let refused = |message: &str| Rejection::new(RejectReason::INPUT_REFUSED, message);
        let Credentials { username: name, password, .. } = credentials;
        if password.is_empty() {
            return Err(Rejection::new(RejectReason::EMPTY_PASSWORD, "the password is empty; nothing was sent"));
        }
        if name.trim().is_empty() {
            return Err(refused("the name is empty; nothing was sent"));
        }
        if name.chars().nth(LONGEST_NAME).is_some() {
            return Err(refused("the name has more than 256 characters; nothing was sent"));
        }
        if name.chars().any(is_refused_in_names) {
            return Err(refused("the name has control characters; nothing was sent"));
        }
        if password.expose().len() > LONGEST_PASSWORD {
            return Err(refused("the password has more than 1,024 octets; nothing was sent"));
        }
        // 389-DS and Samba cut a password at the first NUL: `right\0junk` would bind.
        if password.expose().chars().any(char::is_control) {
            return Err(refused("the password has control characters; nothing was sent"));
        }
        let password = BindPassword::new(password.expose()).map_err(|error| refused(&error.to_string()))?;
        Ok(Self { name, password, permit: BindPermit::for_one_login() })
    }
}

/// What has no place in a name, typed or read: control characters, line and paragraph separators, and what changes the direction of writing.
pub(crate) fn is_refused_in_names(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use provider_api::{Credentials, RejectReason, Secret};

    use super::Typed;

    fn reason(name: &str, password: &str) -> Option<RejectReason> {
        Typed::check(Credentials::new(name, Secret::new(password))).err().map(|rejection| rejection.reason)
    }

    #[test]
    fn an_empty_password_has_a_reason_of_its_own() {
        assert_eq!(reason("alice", ""), Some(RejectReason::EMPTY_PASSWORD));
        assert_eq!(reason("alice", " "), None, "a space is a password like any other");
    }

    #[test]
    fn names_are_let_through_up_to_256_characters() {
        assert_eq!(reason(&"ü".repeat(256), "x"), None);
        assert_eq!(reason(&"ü".repeat(257), "x"), Some(RejectReason::INPUT_REFUSED));
    }

    #[test]
    fn passwords_are_let_through_up_to_1024_octets() {
        assert_eq!(reason("alice", &"ü".repeat(512)), None);
        assert_eq!(reason("alice", &"x".repeat(1_025)), Some(RejectReason::INPUT_REFUSED));
    }

    #[test]
    fn nul_and_control_characters_are_refused_in_both() {
        for control in ["\0", "\n", "\r", "\t", "\u{1b}", "\u{7f}", "\u{85}"] {
            for text in [format!("{control}x"), format!("x{control}y"), format!("x{control}")] {
                assert_eq!(reason(&text, "x"), Some(RejectReason::INPUT_REFUSED), "{text:?}");
                assert_eq!(reason("x", &text), Some(RejectReason::INPUT_REFUSED), "{text:?}");
            }
        }
        for name in ["", " ", "  \u{a0}", "\u{202e}alice", "al\u{2028}ice", "\u{feff}alice"] {
            assert_eq!(reason(name, "x"), Some(RejectReason::INPUT_REFUSED), "{name:?}");
        }
    }

    #[test]
    fn hard_but_honest_names_are_let_through() {
        for name in
            ["O'Neil, Pat", "a+b", "\"q\"", r"back\slash", "#hash", "josé", " alice", "*", "x)(uid=*", "ａｌｉｃｅ"]
        {
            assert_eq!(reason(name, "x"), None, "{name:?}");
        }
    }
}
