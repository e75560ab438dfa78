//! What failed on the wire, as faults.

use provider_api::{Fault, UnavailableReason, one_line};
use wire_guard::tcp::ConnectError;
use wire_guard::{Endpoint, ExchangeError, PipeEnd, ResolveError, SecureError};

pub(crate) fn resolve(error: &ResolveError) -> Fault {
    Fault::unavailable(UnavailableReason::RESOLVE_FAILED, format!("{error}; check host"))
}

pub(crate) fn connect(error: &ConnectError) -> Fault {
    Fault::unavailable(UnavailableReason::CONNECT_FAILED, format!("{error}; check host, port and firewalls"))
}

pub(crate) fn secure(endpoint: &Endpoint, error: &SecureError) -> Fault {
    let reason = match error {
        SecureError::Timeout => UnavailableReason::TIMEOUT,
        SecureError::StartTls(error) => exchange_reason(error),
        _ => UnavailableReason::TLS_FAILED,
    };
    Fault::unavailable(reason, one_line(&format!("{endpoint}: {error}")))
}

pub(crate) fn exchange(what: &str, error: &ExchangeError) -> Fault {
    Fault::unavailable(exchange_reason(error), one_line(&format!("{what}: {error}")))
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
        Some(end @ (PipeEnd::Lost(_) | PipeEnd::Disconnected { .. } | PipeEnd::ClosedByClient)) => {
            Fault::unavailable(UnavailableReason::CONNECTION_LOST, one_line(&format!("{what}: {end}")))
        }
        Some(end) => protocol_violation(format_args!("{what}: {end}")),
        None => match error {
            ldap3::LdapError::Timeout { .. } => timeout(what),
            // The library gave up on an answer that the guard let pass.
            error => protocol_violation(format_args!("{what}: {error}")),
        },
    }
}

fn exchange_reason(error: &ExchangeError) -> UnavailableReason {
    match error {
        ExchangeError::Timeout => UnavailableReason::TIMEOUT,
        ExchangeError::Violation(_) => UnavailableReason::PROTOCOL_VIOLATION,
        _ => UnavailableReason::CONNECTION_LOST,
    }
}
