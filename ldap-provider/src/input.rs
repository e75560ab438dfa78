//! What is let through of what was typed. Nothing that is refused here causes any I/O.

use provider_api::{Credentials, RejectReason, Rejection};
use wire_guard::{BindPassword, BindPermit};

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
        // The adapter has done so already. It is done again where the password becomes one that can be sent.
        credentials.check()?;
        let Credentials { username: name, password, .. } = credentials;
        let password = BindPassword::new(password.expose())
            .map_err(|error| Rejection::new(RejectReason::INPUT_REFUSED, error.to_string()))?;
        Ok(Self { name, password, permit: BindPermit::for_one_login() })
    }
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
