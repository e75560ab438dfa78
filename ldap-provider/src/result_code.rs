//! What the result codes of LDAP (RFC 4511 appendix A) come to: a bind as the service account, and a search. The bind
//! as a user is a module of its own.

use directory_data::active_directory::{LogonFailure, logon_failure};
use provider_api::{Fault, MisconfiguredReason, UnavailableReason, one_line};

pub(crate) const SUCCESS: u32 = 0;
pub(crate) const OPERATIONS_ERROR: u32 = 1;
pub(crate) const PROTOCOL_ERROR: u32 = 2;
pub(crate) const TIME_LIMIT_EXCEEDED: u32 = 3;
pub(crate) const SIZE_LIMIT_EXCEEDED: u32 = 4;
pub(crate) const AUTH_METHOD_NOT_SUPPORTED: u32 = 7;
pub(crate) const STRONGER_AUTH_REQUIRED: u32 = 8;
pub(crate) const REFERRAL: u32 = 10;
pub(crate) const ADMIN_LIMIT_EXCEEDED: u32 = 11;
pub(crate) const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;
pub(crate) const CONFIDENTIALITY_REQUIRED: u32 = 13;
pub(crate) const NO_SUCH_ATTRIBUTE: u32 = 16;
pub(crate) const CONSTRAINT_VIOLATION: u32 = 19;
pub(crate) const NO_SUCH_OBJECT: u32 = 32;
pub(crate) const INVALID_DN_SYNTAX: u32 = 34;
pub(crate) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
pub(crate) const INVALID_CREDENTIALS: u32 = 49;
pub(crate) const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
pub(crate) const BUSY: u32 = 51;
pub(crate) const UNAVAILABLE: u32 = 52;
pub(crate) const UNWILLING_TO_PERFORM: u32 = 53;

/// A code and the server's own words, on one line.
pub(crate) fn said(code: u32, diagnostic: &str) -> String {
    let code = format!("result code {code} ({})", name(code));
    if diagnostic.trim().is_empty() {
        code
    } else {
        format!("{code}, the server says: {}", one_line(diagnostic.trim()))
    }
}

/// `ERROR_NO_LOGON_SERVERS` (MS-ERREF section 2.2).
const NO_LOGON_SERVERS: u32 = 0x51f;

/// Whether a domain controller refuses a bind since it can reach nobody who knows the password: no fault of whoever it is.
pub(crate) fn has_no_logon_server(diagnostic: &str) -> bool {
    logon_failure(diagnostic) == Some(LogonFailure::Other(NO_LOGON_SERVERS))
}

/// Why the service account could not be bound.
pub(crate) fn service_bind_fault(code: u32, diagnostic: &str) -> Fault {
    let said = said(code, diagnostic);
    match code {
        INVALID_CREDENTIALS if has_no_logon_server(diagnostic) => {
            unavailable(code, "the bind as the service account", &said)
        }
        INVALID_CREDENTIALS
        | AUTH_METHOD_NOT_SUPPORTED
        | INSUFFICIENT_ACCESS_RIGHTS
        | CONSTRAINT_VIOLATION
        | UNWILLING_TO_PERFORM
        | INAPPROPRIATE_AUTHENTICATION
        | INVALID_DN_SYNTAX
        | NO_SUCH_OBJECT => Fault::misconfigured(
            MisconfiguredReason::SERVICE_CREDENTIALS_REFUSED,
            format!(
                "the service account is refused; check bind_dn and bind_password, and whether the account is \
                    locked or has expired: {said}"
            ),
        ),
        STRONGER_AUTH_REQUIRED | CONFIDENTIALITY_REQUIRED => tls_required(&said),
        _ => unavailable(code, "the bind as the service account", &said),
    }
}

/// Why a search failed.
pub(crate) fn search_fault(code: u32, diagnostic: &str, anonymous: bool) -> Fault {
    let said = said(code, diagnostic);
    match code {
        NO_SUCH_OBJECT => Fault::misconfigured(
            MisconfiguredReason::BASE_DN_NOT_FOUND,
            format!("the base DN does not exist, or the service account may not see it; check base_dn: {said}"),
        ),
        REFERRAL => Fault::misconfigured(
            MisconfiguredReason::BASE_DN_NOT_FOUND,
            format!(
                "the base DN belongs to another server, and referrals are not followed; name that server as the \
                    host: {said}"
            ),
        ),
        INVALID_DN_SYNTAX => Fault::setting("base_dn", format!("is refused by the server: {said}")),
        INSUFFICIENT_ACCESS_RIGHTS => no_permission(anonymous, &said),
        // Samba and Active Directory say 1, 389-DS 48 and OpenLDAP 53 to who has to bind first.
        OPERATIONS_ERROR | INAPPROPRIATE_AUTHENTICATION | UNWILLING_TO_PERFORM | STRONGER_AUTH_REQUIRED
            if anonymous =>
        {
            no_permission(anonymous, &said)
        }
        STRONGER_AUTH_REQUIRED | CONFIDENTIALITY_REQUIRED => tls_required(&said),
        PROTOCOL_ERROR => Fault::misconfigured(
            MisconfiguredReason::SETTING_INVALID,
            format!("the server does not understand the search; check filter and username_attribute: {said}"),
        ),
        _ => unavailable(code, "the search", &said),
    }
}

/// Why a search for something else than users failed.
pub(crate) fn search_fault_of(what: &str, code: u32, diagnostic: &str, anonymous: bool) -> Fault {
    match code {
        NO_SUCH_OBJECT | REFERRAL => Fault::misconfigured(
            MisconfiguredReason::BASE_DN_NOT_FOUND,
            format!(
                "{what} has no place to begin, or the service account may not see it; check group_base_dn: {}",
                said(code, diagnostic)
            ),
        ),
        INVALID_DN_SYNTAX => {
            Fault::setting("group_base_dn", format!("is refused by the server: {}", said(code, diagnostic)))
        }
        _ => search_fault(code, diagnostic, anonymous),
    }
}

fn no_permission(anonymous: bool, said: &str) -> Fault {
    let advice = if anonymous {
        "the server does not let just anybody search; set bind_dn and bind_password"
    } else {
        "the service account may not search; give it the right to read the users"
    };
    Fault::misconfigured(MisconfiguredReason::NO_PERMISSION, format!("{advice}: {said}"))
}

pub(crate) fn tls_required(said: &str) -> Fault {
    Fault::misconfigured(
        MisconfiguredReason::TLS_REQUIRED_BY_SERVER,
        format!("the server wants a protected connection; use ldaps:// or set start_tls: {said}"),
    )
}

/// A code that says nothing about credentials: the server could not, or would not, answer.
pub(crate) fn unavailable(code: u32, what: &str, said: &str) -> Fault {
    let reason = match code {
        BUSY => UnavailableReason::SERVER_BUSY,
        TIME_LIMIT_EXCEEDED => UnavailableReason::TIMEOUT,
        SIZE_LIMIT_EXCEEDED => UnavailableReason::SIZE_LIMIT,
        _ => UnavailableReason::SERVER_ERROR,
    };
    Fault::unavailable(reason, format!("{what} failed: {said}"))
}

fn name(code: u32) -> &'static str {
    match code {
        SUCCESS => "success",
        OPERATIONS_ERROR => "operationsError",
        PROTOCOL_ERROR => "protocolError",
        TIME_LIMIT_EXCEEDED => "timeLimitExceeded",
        SIZE_LIMIT_EXCEEDED => "sizeLimitExceeded",
        AUTH_METHOD_NOT_SUPPORTED => "authMethodNotSupported",
        STRONGER_AUTH_REQUIRED => "strongerAuthRequired",
        REFERRAL => "referral",
        ADMIN_LIMIT_EXCEEDED => "adminLimitExceeded",
        UNAVAILABLE_CRITICAL_EXTENSION => "unavailableCriticalExtension",
        CONFIDENTIALITY_REQUIRED => "confidentialityRequired",
        14 => "saslBindInProgress",
        NO_SUCH_ATTRIBUTE => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        CONSTRAINT_VIOLATION => "constraintViolation",
        21 => "invalidAttributeSyntax",
        NO_SUCH_OBJECT => "noSuchObject",
        33 => "aliasProblem",
        INVALID_DN_SYNTAX => "invalidDNSyntax",
        36 => "aliasDereferencingProblem",
        INAPPROPRIATE_AUTHENTICATION => "inappropriateAuthentication",
        INVALID_CREDENTIALS => "invalidCredentials",
        INSUFFICIENT_ACCESS_RIGHTS => "insufficientAccessRights",
        BUSY => "busy",
        UNAVAILABLE => "unavailable",
        UNWILLING_TO_PERFORM => "unwillingToPerform",
        54 => "loopDetect",
        80 => "other",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::{search_fault, service_bind_fault};

    #[test]
    fn what_a_service_bind_is_answered_with_tells_who_has_to_act() {
        for (code, expected) in [
            (49, "service_credentials_refused"),
            (19, "service_credentials_refused"),
            (53, "service_credentials_refused"),
            (48, "service_credentials_refused"),
            (7, "service_credentials_refused"),
            (50, "service_credentials_refused"),
            (8, "tls_required_by_server"),
            (13, "tls_required_by_server"),
            (51, "server_busy"),
            (52, "server_error"),
            (3, "timeout"),
            (10, "server_error"),
            (14, "server_error"),
            (118, "server_error"),
        ] {
            assert_eq!(service_bind_fault(code, "").code(), expected, "{code}");
        }
    }

    #[test]
    fn what_a_search_is_answered_with_tells_who_has_to_act() {
        for (code, anonymous, expected) in [
            (32, false, "base_dn_not_found"),
            (10, false, "base_dn_not_found"),
            (50, false, "no_permission"),
            (2, false, "setting_invalid"),
            (13, false, "tls_required_by_server"),
            (1, true, "no_permission"),
            (48, true, "no_permission"),
            (53, true, "no_permission"),
            (1, false, "server_error"),
            (53, false, "server_error"),
            (51, false, "server_busy"),
            (3, false, "timeout"),
            (127, false, "server_error"),
        ] {
            assert_eq!(search_fault(code, "", anonymous).code(), expected, "{code} {anonymous}");
        }
    }

    #[test]
    fn the_servers_words_stay_on_one_line() {
        let no_logon_server = "80090311: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 51f, v4563";
        assert_eq!(service_bind_fault(49, no_logon_server).code(), "server_error");
        let fault = service_bind_fault(49, "line\nbreak\0");
        assert!(fault.message().ends_with(r"line\u{a}break\u{0}"), "{}", fault.message());
    }
}
