//! What the answer to a bind as a user comes to. A password is never sent again, whatever the answer.

use std::time::SystemTime;

use directory_data::active_directory::{LogonFailure, logon_failure};
use directory_data::ppolicy::PolicyError;
use provider_api::{Fault, Notice, RejectReason, Rejection, UserCode};
use wire_guard::BindResponse;
use wire_guard::message::OperationResult;

use crate::account_state::{Barred, StateRules};
use crate::entry::Entry;
use crate::fault;
use crate::password_policy::{Garbled, Said};
use crate::result_code::{
    self, CONFIDENTIALITY_REQUIRED, CONSTRAINT_VIOLATION, INAPPROPRIATE_AUTHENTICATION, INSUFFICIENT_ACCESS_RIGHTS,
    INVALID_CREDENTIALS, INVALID_DN_SYNTAX, NO_SUCH_ATTRIBUTE, NO_SUCH_OBJECT, STRONGER_AUTH_REQUIRED, SUCCESS,
    UNWILLING_TO_PERFORM, said,
};

/// What the answer to a bind as the entry comes to: what the person should hear of, or why they may not log in.
///
/// The person hears more than that name or password are wrong only where the server answers so after it has found the
/// password right.
pub(crate) fn verdict(
    response: &BindResponse,
    entry: &Entry,
    rules: &StateRules,
    now: SystemTime,
) -> Result<Result<Vec<Notice>, Rejection>, Fault> {
    let said = match password_verdict(response, rules)? {
        Ok(said) => said,
        Err(rejection) => return Ok(Err(rejection_explained(rejection, response, entry, rules, now))),
    };
    Ok(match rules.check(entry, now) {
        Ok(()) => Ok(rules.notices(entry, said.expires_in, now)),
        Err(barred) => Err(barred.after_the_right_password()),
    })
}

/// Whether the password is right, and what the server says with that, as far as the answer alone tells.
pub(crate) fn password_verdict(response: &BindResponse, rules: &StateRules) -> Result<Result<Said, Rejection>, Fault> {
    let OperationResult { code, diagnostic, .. } = &response.result;
    let policy = Said::read(&response.controls);
    if *code == SUCCESS {
        return after_success(policy);
    }
    let said = said(*code, diagnostic);
    let rejected = |reason, what: &str| Ok(Err(Rejection::new(reason, format!("{what}: {said}"))));
    match *code {
        INVALID_CREDENTIALS => Ok(Err(match logon_failure(diagnostic) {
            Some(_) if result_code::has_no_logon_server(diagnostic) => {
                return Err(result_code::unavailable(*code, "the bind as the user", &said));
            }
            Some(failure) => active_directory_rejection(failure, &said),
            None => refused(policy, &said, rules),
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
        _ => Err(result_code::unavailable(*code, "the bind as the user", &said)),
    }
}

/// The server has found the password right, and may have said more. What it has said and nobody can understand may have
/// been a refusal, so nobody is let in.
fn after_success(policy: Result<Said, Garbled>) -> Result<Result<Said, Rejection>, Fault> {
    let garbled = |what: &dyn std::fmt::Display| {
        Err(fault::protocol_violation(format_args!("the password was accepted, with {what}")))
    };
    let said = match policy {
        Ok(said) => said,
        Err(error) => return garbled(&error),
    };
    let told = |reason, code, message: &str| Ok(Err(Rejection::new(reason, message).telling_the_user(code)));
    let expired = |message: &str| told(RejectReason::PASSWORD_EXPIRED, UserCode::PASSWORD_EXPIRED, message);
    match said.error {
        Some(PolicyError::ChangeAfterReset) => {
            let message = "the password must be changed first, says the password policy";
            told(RejectReason::PASSWORD_MUST_CHANGE, UserCode::PASSWORD_MUST_CHANGE, message)
        }
        Some(PolicyError::PasswordExpired) => expired("the password has expired, says the password policy"),
        // There is no code for the person that would not say that the account is locked.
        Some(PolicyError::AccountLocked) => {
            Ok(Err(Rejection::new(RejectReason::ACCOUNT_LOCKED, "the account is locked, says the password policy")))
        }
        Some(_) => garbled(&"a password policy's error that belongs to the change of a password"),
        None => match said.grace_logins {
            // Each of them would be used up by a login, so that nobody could change the password any more.
            Some(logins) => expired(&format!("the password has expired; grace logins left to change it: {logins}")),
            None if said.has_expired => {
                expired("the password has expired or must be changed, says the server's control")
            }
            None => Ok(Ok(said)),
        },
    }
}

/// The server refuses the bind, and does not tell Windows' reasons.
fn refused(policy: Result<Said, Garbled>, said: &str, rules: &StateRules) -> Rejection {
    match policy {
        Ok(Said { error: Some(PolicyError::AccountLocked), .. }) => Rejection::new(
            RejectReason::ACCOUNT_LOCKED,
            format!("the account is locked, or is not valid at this time, says the password policy: {said}"),
        ),
        Ok(Said { error: Some(PolicyError::PasswordExpired), .. }) => {
            let rejection = Rejection::new(RejectReason::PASSWORD_EXPIRED, format!("the password has expired: {said}"));
            if rules.judges_age_last() { rejection.telling_the_user(UserCode::PASSWORD_EXPIRED) } else { rejection }
        }
        Ok(_) => Rejection::new(RejectReason::INVALID_CREDENTIALS, format!("the server refuses the password: {said}")),
        Err(garbled) => Rejection::new(
            RejectReason::INVALID_CREDENTIALS,
            format!("the server refuses the password, with {garbled}: {said}"),
        ),
    }
}

/// The same rejection, with what the entry says where the server says nothing: to the administrator alone.
fn rejection_explained(
    rejection: Rejection,
    response: &BindResponse,
    entry: &Entry,
    rules: &StateRules,
    now: SystemTime,
) -> Rejection {
    let says_nothing =
        rejection.reason == RejectReason::INVALID_CREDENTIALS || rejection.reason == RejectReason::ACCOUNT_LOCKED;
    let explained: Option<Barred> = rules.explains_a_refusal(entry, now).filter(|_| says_nothing);
    match explained {
        Some(barred) if rejection.user_code == UserCode::INVALID_CREDENTIALS => {
            barred.of_anybody(&said(response.result.code, &response.result.diagnostic))
        }
        _ => rejection,
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
    use std::time::{Duration, SystemTime};

    use directory_data::{netscape, ppolicy};
    use provider_api::UserCode;
    use wire_guard::BindResponse;
    use wire_guard::message::{Control, OperationResult};

    use super::{LogonFailure, active_directory_rejection, verdict};
    use crate::account_state::StateRules;
    use crate::entry::Entry;
    use crate::kind::Kind;

    fn response(code: u32, diagnostic: &str, controls: Vec<Control>) -> BindResponse {
        let result = OperationResult { code, matched_dn: String::new(), diagnostic: diagnostic.to_owned() };
        BindResponse::new(result, controls)
    }

    /// What the answer comes to, and what the person hears.
    fn answer(code: u32, diagnostic: &str, controls: Vec<Control>, entry: &[(&str, &[&[u8]])]) -> (String, UserCode) {
        let rules = StateRules::new(Kind::OpenLdap.facts(), Duration::from_hours(24 * 14));
        let entry = Entry::of("cn=x", entry);
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 19_723);
        match verdict(&response(code, diagnostic, controls), &entry, &rules, now) {
            Ok(Ok(notices)) if notices.is_empty() => ("right".to_owned(), UserCode::INVALID_CREDENTIALS),
            Ok(Ok(_)) => ("right, and told".to_owned(), UserCode::INVALID_CREDENTIALS),
            Ok(Err(rejection)) => (rejection.reason.to_string(), rejection.user_code),
            Err(fault) => (fault.code().to_owned(), UserCode::INVALID_CREDENTIALS),
        }
    }

    fn code_of(code: u32, diagnostic: &str) -> String {
        let (reason, user_code) = answer(code, diagnostic, Vec::new(), &[]);
        assert_eq!(user_code, UserCode::INVALID_CREDENTIALS);
        reason
    }

    fn policy(value: &[u8]) -> Vec<Control> {
        vec![Control { oid: ppolicy::OID.to_owned(), value: Some(value.to_vec()) }]
    }

    #[test]
    fn what_the_password_policy_says_counts_beside_the_result() {
        const NEUTRAL: &str = "invalid_credentials";
        for (code, value, reason, user_code) in [
            (0, &[0x30, 0][..], "right", NEUTRAL),
            (0, &[0x30, 3, 0x81, 1, 0], "password_expired", "password_expired"),
            (0, &[0x30, 3, 0x81, 1, 1], "account_locked", NEUTRAL),
            (0, &[0x30, 3, 0x81, 1, 2], "password_must_change", "password_must_change"),
            (0, &[0x30, 5, 0xa0, 3, 0x81, 1, 2], "password_expired", "password_expired"),
            (0, &[0x30, 5, 0xa0, 3, 0x81, 1, 0], "password_expired", "password_expired"),
            (0, &[0x30, 6, 0xa0, 4, 0x80, 2, 2, 0x58], "right, and told", NEUTRAL),
            (0, &[0x30, 9, 0xa0, 4, 0x80, 2, 2, 0x58, 0x81, 1, 2], "password_must_change", "password_must_change"),
            (0, &[0x30, 3, 0x81, 1, 6], "protocol_violation", NEUTRAL),
            (0, &[0x30, 3, 0x81, 1, 99], "protocol_violation", NEUTRAL),
            (0, &[0x30, 5, 0xa0, 3, 0x80, 1, 0xff], "protocol_violation", NEUTRAL),
            (0, &[0x30, 5, 0x81, 1], "protocol_violation", NEUTRAL),
            (0, &[], "protocol_violation", NEUTRAL),
            (49, &[0x30, 0], NEUTRAL, NEUTRAL),
            (49, &[0x30, 3, 0x81, 1, 0], "password_expired", "password_expired"),
            (49, &[0x30, 3, 0x81, 1, 1], "account_locked", NEUTRAL),
            (49, &[0x30, 3, 0x81, 1, 99], NEUTRAL, NEUTRAL),
        ] {
            let (said, heard) = answer(code, "", policy(value), &[]);
            assert_eq!((said.as_str(), heard.as_str()), (reason, user_code), "{code} {value:02x?}");
        }
    }

    #[test]
    fn the_older_controls_refuse_what_has_expired() {
        let control = |oid: &str, value: &[u8]| vec![Control { oid: oid.to_owned(), value: Some(value.to_vec()) }];
        assert_eq!(answer(0, "", control(netscape::EXPIRED_OID, b"0"), &[]).0, "password_expired");
        assert_eq!(answer(0, "", control(netscape::EXPIRING_OID, b"600"), &[]).0, "right, and told");
        assert_eq!(answer(0, "", control(netscape::EXPIRING_OID, b"soon"), &[]).0, "protocol_violation");
    }

    #[test]
    fn a_right_password_does_not_open_an_account_that_is_over() {
        let over: (&str, &[&[u8]]) = ("pwdEndTime", &[b"20231231000000Z"]);
        let (reason, user_code) = answer(0, "", Vec::new(), &[over]);
        assert_eq!((reason.as_str(), user_code), ("account_expired", UserCode::ACCOUNT_EXPIRED));
        let (reason, user_code) = answer(49, "", Vec::new(), &[over]);
        assert_eq!((reason.as_str(), user_code), ("account_expired", UserCode::INVALID_CREDENTIALS));
        let locked: (&str, &[&[u8]]) = ("pwdAccountLockedTime", &[b"000001010000Z"]);
        let (reason, user_code) = answer(49, "", Vec::new(), &[locked]);
        assert_eq!((reason.as_str(), user_code), ("account_locked", UserCode::INVALID_CREDENTIALS));
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
            // Windows' error codes among others: no domain controller can be reached that knows the password.
            (
                49,
                "80090311: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 51f, v4563",
                "server_error",
            ),
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
