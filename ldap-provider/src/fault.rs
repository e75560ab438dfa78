//! What failed on the wire, as faults.

use provider_api::{Fault, UnavailableReason, one_line};
use wire_guard::tcp::ConnectError;
use wire_guard::{Endpoint, ExchangeError, PipeEnd, ResolveError, SecureError, UserBindError, Violation};

pub(crate) fn resolve(error: &ResolveError) -> Fault {
    if error.is_lack_of_means() {
        return no_pipe(error);
    }
    Fault::unavailable(UnavailableReason::RESOLVE_FAILED, format!("{error}; check host"))
}

pub(crate) fn connect(error: &ConnectError) -> Fault {
    if error.is_lack_of_means {
        return no_pipe(error);
    }
    Fault::unavailable(UnavailableReason::CONNECT_FAILED, format!("{error}; check host, port and firewalls"))
}

/// A server that ends each connection as soon as it is made.
pub(crate) fn closed_at_once(endpoint: &Endpoint) -> Fault {
    Fault::unavailable(
        UnavailableReason::CONNECTION_LOST,
        one_line(&format!("{endpoint} ends each connection at once; look into its log, and for limits on connections")),
    )
}

pub(crate) fn secure(endpoint: &Endpoint, error: &SecureError) -> Fault {
    let reason = match error {
        SecureError::Trust(error) if error.is_lack_of_means() => UnavailableReason::OVERLOADED,
        SecureError::Trust(error) => return Fault::setting("ca_file", error.to_string()),
        SecureError::Timeout => UnavailableReason::TIMEOUT,
        SecureError::StartTls(error) => exchange_reason(error),
        _ => UnavailableReason::TLS_FAILED,
    };
    Fault::unavailable(reason, one_line(&format!("{endpoint}: {error}")))
}

pub(crate) fn exchange(what: &str, error: &ExchangeError) -> Fault {
    Fault::unavailable(exchange_reason(error), one_line(&format!("{what}: {error}")))
}

/// Says whether the password may have been sent.
pub(crate) fn user_bind(error: &UserBindError) -> Fault {
    let reason = match error {
        UserBindError::NotSent(error, _) | UserBindError::Unanswered(error) => exchange_reason(error),
        _ => UnavailableReason::CONNECTION_LOST,
    };
    Fault::unavailable(reason, one_line(&format!("the bind as the user: {error}")))
}

/// No socket, in general because too many files are open: a matter of load, and over when others are closed.
pub(crate) fn no_pipe(error: &impl std::fmt::Display) -> Fault {
    Fault::unavailable(
        UnavailableReason::OVERLOADED,
        format!("this process can open no further connection: {error}; raise its limit of open files (nofile)"),
    )
}

pub(crate) fn timeout(what: &str) -> Fault {
    Fault::unavailable(UnavailableReason::TIMEOUT, format!("{what}: the server did not answer in time"))
}

pub(crate) fn protocol_violation(message: impl std::fmt::Display) -> Fault {
    Fault::unavailable(UnavailableReason::PROTOCOL_VIOLATION, one_line(&message.to_string()))
}

/// Why a search broke off: the pipe knows, the library only says that its channel is closed.
pub(crate) fn broken_search(what: &str, end: Option<&PipeEnd>, error: &ldap3::LdapError) -> Fault {
    match end {
        Some(end @ (PipeEnd::Lost(_) | PipeEnd::Disconnected { .. })) => {
            Fault::unavailable(UnavailableReason::CONNECTION_LOST, one_line(&format!("{what}: {end}")))
        }
        Some(end @ PipeEnd::Violation(_)) => protocol_violation(format_args!("{what}: {end}")),
        // The library gave up, perhaps closing its end, on an answer that the guard let pass.
        _ => protocol_violation(format_args!("{what}: {error}")),
    }
}

/// Why a search broke off, of which the guard itself tells.
pub(crate) fn ended(what: &str, end: &PipeEnd) -> Fault {
    match end {
        PipeEnd::Violation(_) => protocol_violation(format_args!("{what}: {end}")),
        _ => Fault::unavailable(UnavailableReason::CONNECTION_LOST, one_line(&format!("{what}: {end}"))),
    }
}

/// More than is taken of what every server with the same entries would send.
pub(crate) fn too_large(what: &str, violation: &Violation) -> Fault {
    protocol_violation(format_args!(
        "{what}: the answer is too large: {violation}; look for an entry that has too many or too long values in an \
            attribute that is asked for"
    ))
}

fn exchange_reason(error: &ExchangeError) -> UnavailableReason {
    match error {
        ExchangeError::Timeout => UnavailableReason::TIMEOUT,
        ExchangeError::Violation(_) => UnavailableReason::PROTOCOL_VIOLATION,
        _ => UnavailableReason::CONNECTION_LOST,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use wire_guard::trust::TrustError;
    use wire_guard::{
        BindName, BindPassword, BindPermit, BindRequest, ExchangeError, PipeEnd, SecureError, UserBind, UserBindError,
    };

    use super::{broken_search, no_pipe, secure, user_bind};
    use crate::scripted_directory::ScriptedDirectory;

    #[test]
    fn a_process_that_has_no_more_files_is_overloaded_and_not_broken() {
        assert_eq!(no_pipe(&io::Error::from_raw_os_error(24)).code(), "overloaded");
    }

    #[test]
    fn a_bind_says_whether_the_password_may_have_been_sent() {
        let request = BindRequest::simple(BindName::new("cn=x").unwrap(), BindPassword::new("right").unwrap());
        let unspent = UserBind::new(request, BindPermit::for_one_login());
        let before = user_bind(&UserBindError::NotSent(ExchangeError::Timeout, unspent));
        assert!(before.message().contains("nothing was sent"), "{before}");
        let after = user_bind(&UserBindError::Unanswered(ExchangeError::Timeout));
        assert!(after.message().contains("may have been sent"), "{after}");
        assert_eq!((before.code(), after.code()), ("timeout", "timeout"));
    }

    #[test]
    fn a_library_that_closes_its_end_does_so_for_what_it_was_sent() {
        let gave_up = ldap3::LdapError::EndOfStream;
        assert_eq!(broken_search("", Some(&PipeEnd::ClosedByClient), &gave_up).code(), "protocol_violation");
        assert_eq!(broken_search("", None, &gave_up).code(), "protocol_violation");
        assert_eq!(broken_search("", Some(&PipeEnd::Lost(String::new())), &gave_up).code(), "connection_lost");
    }

    #[tokio::test]
    async fn a_system_without_cas_is_told_at_the_first_connection() {
        let directory = ScriptedDirectory::start(|_, _| crate::scripted_directory::Reply::Silence).await.configured();
        let fault = secure(&directory.config.endpoints[0], &SecureError::Trust(TrustError::NoRoots));
        assert_eq!(fault.code(), "setting_invalid");
        assert!(fault.message().contains("ca-certificates"), "{fault}");

        let no_files = TrustError::SystemUnread("Too many open files".to_owned());
        let fault = secure(&directory.config.endpoints[0], &SecureError::Trust(no_files));
        assert_eq!(fault.code(), "overloaded", "which is no reason to leave the server alone, nor to change a setting");
        assert!(fault.message().contains("nofile"), "{fault}");
    }
}
