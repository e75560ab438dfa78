//! The codes of the contract: short words that programs compare and people look up.
//!
//! Each family is open. A newer provider may send a word that this version does not know; it is kept and shown as it
//! is, and never changes what kind of answer it belongs to. Words are added, never renamed.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a text has the shape of a code: 1 to 64 characters out of `a-z`, `0-9` and `_`.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

macro_rules! codes {
    ($(#[$about:meta])* $family:ident, malformed = $malformed:literal, { $($(#[$doc:meta])* $name:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub struct $family(Cow<'static, str>);

        impl $family {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($word));)+

            /// Every code of the family that this version knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),+];

            /// The code of this word, known or not. A text that is no code (other than 1 to 64 of `a-z`, `0-9`, `_`)
            #[doc = concat!("becomes `", $malformed, "`.")]
            pub fn new(word: &str) -> Self {
                match Self::KNOWN.iter().find(|known| known.0 == word) {
                    Some(known) => known.clone(),
                    None if is_code(word) => Self(Cow::Owned(word.to_owned())),
                    None => Self(Cow::Borrowed($malformed)),
                }
            }

            /// The word itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $family {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<String> for $family {
            fn from(word: String) -> Self {
                Self::new(&word)
            }
        }

        impl From<$family> for String {
            fn from(code: $family) -> Self {
                code.0.into_owned()
            }
        }
    };
}

codes! {
    /// Why a login was rejected. For the administrator; what the person may be told is a [`UserCode`].
    RejectReason, malformed = "other_refusal", {
        /// The password is wrong, or the directory does not say more than that.
        INVALID_CREDENTIALS = "invalid_credentials",
        /// Nobody of that name. The only reason after which a host may ask its next provider.
        UNKNOWN_USER = "unknown_user",
        /// More than one entry matches the name.
        AMBIGUOUS_USER = "ambiguous_user",
        /// The password is empty. Nothing was sent.
        EMPTY_PASSWORD = "empty_password",
        /// The name or the password has a form that is not let through: too long, or with NUL or control characters.
        /// Nothing was sent.
        INPUT_REFUSED = "input_refused",
        /// The entry that was found does not carry the name that was typed.
        NAME_MISMATCH = "name_mismatch",
        /// The account is disabled.
        ACCOUNT_DISABLED = "account_disabled",
        /// The account is locked, usually after failed attempts.
        ACCOUNT_LOCKED = "account_locked",
        /// The account has expired, or is not valid yet.
        ACCOUNT_EXPIRED = "account_expired",
        /// The password has expired.
        PASSWORD_EXPIRED = "password_expired",
        /// The password must be changed first.
        PASSWORD_MUST_CHANGE = "password_must_change",
        /// Not at this hour.
        LOGON_NOT_ALLOWED_NOW = "logon_not_allowed_now",
        /// Not from this place.
        LOGON_NOT_ALLOWED_HERE = "logon_not_allowed_here",
        /// Not a member of a group that is required.
        NOT_IN_REQUIRED_GROUP = "not_in_required_group",
        /// A member of a group that is denied.
        IN_DENIED_GROUP = "in_denied_group",
        /// The entry has no immutable id that could be the account's key.
        NO_STABLE_ID = "no_stable_id",
        /// A local account of the host has this name or mail address. Nothing is ever linked by either.
        LOCAL_ACCOUNT_EXISTS = "local_account_exists",
        /// Another directory account of the host has this name: one of another provider, or one that may still have it.
        NAME_TAKEN = "name_taken",
        /// Refused for a reason that has no code.
        OTHER_REFUSAL = "other_refusal",
    }
}

codes! {
    /// Why the question cannot be answered at present. Trying again later may help.
    UnavailableReason, malformed = "server_error", {
        /// The server's name has no address.
        RESOLVE_FAILED = "resolve_failed",
        /// No connection to the server.
        CONNECT_FAILED = "connect_failed",
        /// TLS was refused, or the server's certificate was.
        TLS_FAILED = "tls_failed",
        /// No answer in time.
        TIMEOUT = "timeout",
        /// The connection ended in the middle.
        CONNECTION_LOST = "connection_lost",
        /// The server says that it is busy.
        SERVER_BUSY = "server_busy",
        /// The server answered with an error of its own.
        SERVER_ERROR = "server_error",
        /// The server broke the protocol.
        PROTOCOL_VIOLATION = "protocol_violation",
        /// Too many calls are in flight.
        OVERLOADED = "overloaded",
        /// The provider is shutting down.
        SHUTTING_DOWN = "shutting_down",
        /// The call was cancelled.
        CANCELLED = "cancelled",
        /// The server's size limit ended the listing.
        SIZE_LIMIT = "size_limit",
        /// The server refuses to page.
        PAGING_REFUSED = "paging_refused",
        /// The server gave the same page cookie twice.
        COOKIE_REPEATED = "cookie_repeated",
    }
}

codes! {
    /// Why the question cannot be answered until an administrator has acted.
    MisconfiguredReason, malformed = "setting_invalid", {
        /// The service account's name or password is refused.
        SERVICE_CREDENTIALS_REFUSED = "service_credentials_refused",
        /// The base DN does not exist, or the service account cannot see it.
        BASE_DN_NOT_FOUND = "base_dn_not_found",
        /// The service account may not do what is needed.
        NO_PERMISSION = "no_permission",
        /// The server wants TLS first.
        TLS_REQUIRED_BY_SERVER = "tls_required_by_server",
        /// A setting cannot be used.
        SETTING_INVALID = "setting_invalid",
        /// The plugin cannot be loaded.
        PLUGIN_REFUSED = "plugin_refused",
    }
}

codes! {
    /// What the person who logs in may be told. Whatever would tell a stranger that an account exists stays
    /// `invalid_credentials`.
    UserCode, malformed = "invalid_credentials", {
        /// The name or the password is wrong.
        INVALID_CREDENTIALS = "invalid_credentials",
        /// The account is disabled. Only after the right password.
        ACCOUNT_DISABLED = "account_disabled",
        /// The account has expired. Only after the right password.
        ACCOUNT_EXPIRED = "account_expired",
        /// The password has expired. Only after the right password.
        PASSWORD_EXPIRED = "password_expired",
        /// The password must be changed. Only after the right password.
        PASSWORD_MUST_CHANGE = "password_must_change",
        /// The person may not log in here or now. Only after the right password.
        LOGON_NOT_ALLOWED = "logon_not_allowed",
        /// Something is out of order for the moment.
        TRY_AGAIN_LATER = "try_again_later",
        /// Something is out of order until an administrator acts.
        ASK_ADMINISTRATOR = "ask_administrator",
    }
}

codes! {
    /// What an accepted login should hear of.
    NoticeCode, malformed = "notice", {
        /// The password expires soon.
        PASSWORD_EXPIRES = "password_expires",
    }
}

#[cfg(test)]
mod tests {
    use super::RejectReason;

    #[test]
    fn an_unknown_code_is_kept_and_a_malformed_one_is_not() {
        assert_eq!(RejectReason::new("moon_phase").as_str(), "moon_phase");
        for malformed in ["", "Two Words", "line\nbreak", &"x".repeat(65)] {
            assert_eq!(RejectReason::new(malformed), RejectReason::OTHER_REFUSAL);
        }
    }

    #[test]
    fn a_code_travels_as_its_word() {
        let json = serde_json::to_string(&RejectReason::UNKNOWN_USER).expect("a word is JSON");
        assert_eq!(json, "\"unknown_user\"");
        assert_eq!(serde_json::from_str::<RejectReason>(&json).expect("the same word"), RejectReason::UNKNOWN_USER);
    }
}
