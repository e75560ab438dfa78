//! What the answer to a bind as a user comes to. A password is never sent again, whatever the answer.

use directory_data::active_directory::{LogonFailure, logon_failure};
use provider_api::{Fault, RejectReason, Rejection, UserCode};
use wire_guard::message::OperationResult;

use crate::result_code::{
    self, CONFIDENTIALITY_REQUIRED, CONSTRAINT_VIOLATION, INAPPROPRIATE_AUTHENTICATION, INSUFFICIENT_ACCESS_RIGHTS,
    INVALID_CREDENTIALS, INVALID_DN_SYNTAX, NO_SUCH_ATTRIBUTE, NO_SUCH_OBJECT, STRONGER_AUTH_REQUIRED, SUCCESS,
    UNWILLING_TO_PERFORM, said,
};

/// Whether the password is right, as far as the answer tells.
///
/// The person hears more than that name or password are wrong only where the server answers so after it has found the
/// password right.
pub(crate) fn verdict(result: &OperationResult) -> Result<Result<(), Rejection>, Fault> {
    let (code, diagnostic) = (result.code, result.diagnostic.as_str());
    let said = said(code, diagnostic);
    let rejected = |reason, what: &str| Ok(Err(Rejection::new(reason, format!("{what}: {said}"))));
    match code {
        SUCCESS => Ok(Ok(())),
        INVALID_CREDENTIALS => Ok(Err(match logon_failure(diagnostic) {
            Some(failure) => active_directory_rejection(failure, &said),
            None => {
                Rejection::new(RejectReason::INVALID_CREDENTIALS, format!("the server refuses the password: {said}"))
            }
        })),
        // 389-DS: the limit of wrong passwords is reached. It answers so to the right password too.
        CONSTRAINT_VIOLATION => rejected(RejectReason::ACCOUNT_LOCKED, "the account is locked"),
        // 389-DS: the account is inactivated, whatever the password.
        UNWILLING_TO_PERFORM if diagnostic.to_ascii_lowercase().contains("inactivated") => {
            rejected(RejectReason::ACCOUNT_DISABLED, "the account is disabled")
        }
        UNWILLING_TO_PERFORM => rejected(RejectReason::OTHER_REFUSAL, "the server does not let this entry bind"),
        INAPPROPRIATE_AUTHENTICATION | NO_SUCH_ATTRIBUTE => {
            rejected(RejectReason::INVALID_CREDENTIALS, "the entry has no password to compare with")
        }
        INSUFFICIENT_ACCESS_RIGHTS => rejected(RejectReason::OTHER_REFUSAL, "the entry may not bind"),
        INVALID_DN_SYNTAX | NO_SUCH_OBJECT => {
            rejected(RejectReason::INVALID_CREDENTIALS, "the entry cannot be bound as")
        }
        STRONGER_AUTH_REQUIRED | CONFIDENTIALITY_REQUIRED => Err(result_code::tls_required(&said)),
        // Everything else tells nothing about the password: least of all that it is right.
        _ => Err(result_code::unavailable(code, "the bind as the user", &said)),
    }
}

/// The Windows error behind a refused bind. But for the wrong name, the wrong password and the lock, Windows gives
/// them after it has found the password right.
fn active_directory_rejection(failure: LogonFailure, said: &str) -> Rejection {
    let (reason, user_code, what) = match failure {
        LogonFailure::NoSuchUser => {
            (RejectReason::INVALID_CREDENTIALS, None, "Active Directory does not know the entry")
        }
        LogonFailure::WrongPassword => (RejectReason::INVALID_CREDENTIALS, None, "the password is wrong"),
        LogonFailure::AccountRestriction => (
            RejectReason::LOGON_NOT_ALLOWED_HERE,
            Some(UserCode::LOGON_NOT_ALLOWED),
            "a restriction of the account forbids this logon",
        ),
        LogonFailure::InvalidLogonHours => (
            RejectReason::LOGON_NOT_ALLOWED_NOW,
            Some(UserCode::LOGON_NOT_ALLOWED),
            "the account may not log on at this hour",
        ),
        LogonFailure::InvalidWorkstation => (
            RejectReason::LOGON_NOT_ALLOWED_HERE,
            Some(UserCode::LOGON_NOT_ALLOWED),
            "the account may not log on from here",
        ),
        LogonFailure::PasswordExpired => {
            (RejectReason::PASSWORD_EXPIRED, Some(UserCode::PASSWORD_EXPIRED), "the password has expired")
        }
        LogonFailure::AccountDisabled => {
            (RejectReason::ACCOUNT_DISABLED, Some(UserCode::ACCOUNT_DISABLED), "the account is disabled")
        }
        LogonFailure::TooManyContextIds => (
            RejectReason::OTHER_REFUSAL,
            Some(UserCode::ASK_ADMINISTRATOR),
            "the account is a member of too many groups",
        ),
        LogonFailure::AccountExpired => {
            (RejectReason::ACCOUNT_EXPIRED, Some(UserCode::ACCOUNT_EXPIRED), "the account has expired")
        }
        LogonFailure::PasswordMustChange => (
            RejectReason::PASSWORD_MUST_CHANGE,
            Some(UserCode::PASSWORD_MUST_CHANGE),
            "the password must be changed first",
        ),
        LogonFailure::AccountLockedOut => (RejectReason::ACCOUNT_LOCKED, None, "the account is locked"),
        LogonFailure::Other(_) => {
            (RejectReason::INVALID_CREDENTIALS, None, "Active Directory refuses the bind for a reason of its own")
        }
    };
    let rejection = Rejection::new(reason, format!("{what}: {said}"));
    match user_code {
        Some(user_code) => rejection.telling_the_user(user_code),
        None => rejection,
    }
}

#[cfg(test)]
mod tests {
    use wire_guard::message::OperationResult;

    use super::{LogonFailure, active_directory_rejection, verdict};

    fn code_of(code: u32, diagnostic: &str) -> String {
        let result = OperationResult { code, matched_dn: String::new(), diagnostic: diagnostic.to_owned() };
        match verdict(&result) {
            Ok(Ok(())) => "right".to_owned(),
            Ok(Err(rejection)) => {
                assert_eq!(rejection.user_code.as_str(), "invalid_credentials");
                rejection.reason.to_string()
            }
            Err(fault) => fault.code().to_owned(),
        }
    }

    #[test]
    fn nothing_but_code_0_says_that_the_password_is_right() {
        assert_eq!(code_of(0, ""), "right");
        for code in 1..=255 {
            assert_ne!(code_of(code, "success"), "right", "{code}");
        }
    }

    #[test]
    fn each_result_code_has_its_answer() {
        for (code, diagnostic, expected) in [
            (49, "", "invalid_credentials"),
            (19, "Exceed password retry limit. Please try later.", "account_locked"),
            (53, "Account inactivated. Contact system administrator.", "account_disabled"),
            (53, "unauthenticated bind (DN with no password) disallowed", "other_refusal"),
            (48, "", "invalid_credentials"),
            (50, "", "other_refusal"),
            (34, "invalid DN", "invalid_credentials"),
            (16, "", "invalid_credentials"),
            (32, "", "invalid_credentials"),
            (8, "", "tls_required_by_server"),
            (13, "confidentiality required", "tls_required_by_server"),
            (51, "", "server_busy"),
            (52, "", "server_error"),
            (3, "", "timeout"),
            (80, "", "server_error"),
            (1, "", "server_error"),
            (10, "", "server_error"),
            (14, "", "server_error"),
            (118, "", "server_error"),
        ] {
            assert_eq!(code_of(code, diagnostic), expected, "{code} {diagnostic}");
        }
    }

    #[test]
    fn the_person_hears_of_it_only_where_the_password_was_proven_right() {
        for (failure, reason, user_code) in [
            (LogonFailure::NoSuchUser, "invalid_credentials", "invalid_credentials"),
            (LogonFailure::WrongPassword, "invalid_credentials", "invalid_credentials"),
            (LogonFailure::InvalidLogonHours, "logon_not_allowed_now", "logon_not_allowed"),
            (LogonFailure::InvalidWorkstation, "logon_not_allowed_here", "logon_not_allowed"),
            (LogonFailure::PasswordExpired, "password_expired", "password_expired"),
            (LogonFailure::AccountDisabled, "account_disabled", "account_disabled"),
            (LogonFailure::TooManyContextIds, "other_refusal", "ask_administrator"),
            (LogonFailure::AccountExpired, "account_expired", "account_expired"),
            (LogonFailure::PasswordMustChange, "password_must_change", "password_must_change"),
            (LogonFailure::AccountLockedOut, "account_locked", "invalid_credentials"),
            (LogonFailure::Other(0x999), "invalid_credentials", "invalid_credentials"),
        ] {
            let rejection = active_directory_rejection(failure, "");
            assert_eq!((rejection.reason.as_str(), rejection.user_code.as_str()), (reason, user_code), "{failure:?}");
        }
    }
}
