//! What no server of the tests may ever have seen, looked for in the log of each of them when it ends: a bind with an
//! empty password, and a password in the clear where TLS was configured.
//!
//! slapd's level `stats` has a line for each listener that a connection came in by, for each handshake that was
//! completed, and for each bind. It does not write passwords down, but it answers an empty one beside a DN with a
//! text of its own (RFC 4513 section 5.1.2), and an empty DN is an anonymous bind whatever stands beside it.

use std::collections::HashMap;

use super::ADMIN_DN;

/// What may come in where, and in the clear.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClearText {
    /// The port that settings with StartTLS name: nothing but StartTLS itself in the clear, for nobody.
    pub(super) start_tls_port: u16,
    /// Whether settings without TLS were ever handed out. If not, only the fixture's own tools bind in the clear.
    pub(super) expected: bool,
}

#[derive(Default)]
struct Connection {
    /// `None` until slapd has written down that it has accepted it.
    listener: Option<Listener>,
    protected: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Listener {
    Plain,
    StartTls,
    Ldaps,
}

impl ClearText {
    /// The lines of a log that must not be, each with what is wrong about it.
    pub(super) fn violations(self, log: &str, tls_port: u16) -> Vec<String> {
        let mut connections = HashMap::<&str, Connection>::new();
        let mut violations = Vec::new();
        for line in log.lines() {
            let Some((number, event)) = line.split_once(" conn=").and_then(|(_, rest)| rest.split_once(' ')) else {
                continue;
            };
            let connection = connections.entry(number).or_default();
            if let Some((_, listener)) = event.split_once(" ACCEPT from ") {
                // `IP=127.0.0.1:36074 (IP=127.0.0.1:389)`: the peer, and the listener in parentheses.
                let is_at = |port: u16| listener.ends_with(&format!(":{port})"));
                // A server that was started again counts its connections from the beginning. That a number is new is no
                // reason: slapd hands a connection to another thread before it writes down that it has accepted it, so
                // that a whole handshake can stand before this line.
                let listener = match () {
                    () if is_at(self.start_tls_port) => Listener::StartTls,
                    () if is_at(tls_port) => Listener::Ldaps,
                    () => Listener::Plain,
                };
                if connection.listener.replace(listener).is_some() {
                    connection.protected = false;
                }
            } else if event.contains(" TLS established ") {
                connection.protected = true;
            } else if event.contains("text=unauthenticated bind") {
                violations.push(format!("a bind with a DN and an empty password: {line}"));
            } else if let Some(dn) = bound(event) {
                if dn.is_empty() {
                    violations.push(format!("an anonymous bind: {line}"));
                }
                if !connection.protected && !self.allows(connection, dn) {
                    violations.push(format!("a bind in the clear, where TLS is configured: {line}"));
                }
            }
        }
        violations
    }

    fn allows(self, connection: &Connection, dn: &str) -> bool {
        connection.listener.is_none_or(|listener| listener == Listener::Plain)
            && (self.expected || dn.eq_ignore_ascii_case(ADMIN_DN))
    }
}

/// The DN of a bind request. One whose DN slapd cannot parse counts too: it has carried a password.
fn bound(event: &str) -> Option<&str> {
    if let Some((_, bind)) = event.split_once(" BIND dn=\"") {
        // A bind that succeeds is written a second time, with `mech=` in place of `method=`.
        return bind.split_once("\" method=").map(|(dn, _)| dn);
    }
    event.split_once(" do_bind: invalid dn (").map(|(_, dn)| dn.trim_end_matches(')'))
}

#[cfg(test)]
mod tests {
    use super::ClearText;

    fn violations(expected: bool, lines: &[&str]) -> Vec<String> {
        let log: Vec<String> = lines.iter().map(|line| format!("6b03f4aa.15 0x7f24 {line}\n")).collect();
        ClearText { start_tls_port: 1389, expected }.violations(&log.concat(), 636)
    }

    const PLAIN: &str = "conn=7 fd=12 ACCEPT from IP=127.0.0.1:1389 (IP=127.0.0.1:389)";
    const START_TLS: &str = "conn=7 fd=12 ACCEPT from IP=127.0.0.1:36074 (IP=127.0.0.1:1389)";
    const LDAPS: &str = "conn=7 fd=12 ACCEPT from IP=127.0.0.1:36074 (IP=127.0.0.1:636)";
    const ESTABLISHED: &str = "conn=7 fd=12 TLS established tls_ssf=256 ssf=256 tls_proto=TLS1.3";
    const BIND: &str = "conn=7 op=0 BIND dn=\"uid=x,dc=example,dc=com\" method=128";

    #[test]
    fn an_empty_password_is_a_violation_wherever_it_comes() {
        let refused = "conn=7 op=0 RESULT tag=97 err=53 qtime=0.000019 etime=0.000089 \
            text=unauthenticated bind (DN with no password) disallowed";
        assert_eq!(violations(true, &[PLAIN, BIND, refused]).len(), 1);
        assert_eq!(violations(true, &[PLAIN, "conn=7 op=0 BIND dn=\"\" method=128"]).len(), 1);
    }

    #[test]
    fn a_bind_in_the_clear_is_a_violation_unless_plain_ldap_is_configured() {
        assert_eq!(violations(true, &[PLAIN, BIND]), [""; 0]);
        assert_eq!(violations(false, &[PLAIN, BIND]).len(), 1);
        assert_eq!(violations(false, &[PLAIN, "conn=7 op=0 do_bind: invalid dn (nonsense)"]).len(), 1);
        let own_tools = "conn=7 op=0 BIND dn=\"cn=admin,dc=example,dc=com\" method=128";
        assert_eq!(violations(false, &[PLAIN, own_tools]), [""; 0]);
    }

    #[test]
    fn a_bind_before_start_tls_is_a_violation_even_if_plain_ldap_is_configured_elsewhere() {
        assert_eq!(violations(true, &[START_TLS, BIND]).len(), 1);
        assert_eq!(violations(true, &[START_TLS, "conn=7 op=0 STARTTLS", BIND]).len(), 1);
        assert_eq!(violations(true, &[START_TLS, "conn=7 op=0 STARTTLS", ESTABLISHED, BIND]), [""; 0]);
    }

    #[test]
    fn a_handshake_does_not_protect_a_connection_of_the_same_number_after_a_restart() {
        assert_eq!(violations(true, &[START_TLS, ESTABLISHED, START_TLS, BIND]).len(), 1);
    }

    #[test]
    fn a_handshake_counts_that_is_written_down_before_the_connection_is() {
        assert_eq!(violations(false, &[ESTABLISHED, LDAPS, BIND]), [""; 0]);
        assert_eq!(violations(false, &[ESTABLISHED, BIND, LDAPS]), [""; 0]);
        assert_eq!(violations(false, &[ESTABLISHED, LDAPS, LDAPS, BIND]).len(), 1);
    }

    #[test]
    fn a_handshake_protects_its_own_connection_alone() {
        let other = BIND.replace("conn=7", "conn=8");
        let accepted = START_TLS.replace("conn=7", "conn=8");
        assert_eq!(violations(true, &[START_TLS, ESTABLISHED, &accepted, &other]).len(), 1);
    }
}
