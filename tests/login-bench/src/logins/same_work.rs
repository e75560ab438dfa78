//! Whether the clients ask for the same of a user, whatever their connections cost.

use crate::failure::Outcome;
use crate::octets;
use crate::peer::Kind;
use crate::target::Transport;

/// The octets of an answer without content: to a bind, or to StartTLS.
const ANSWER: f64 = 14.0;

/// By so many octets the answers to a login may differ.
const ALIKE: f64 = 10.0;

/// Compares how many octets the server sends each client for a login. saslauthd asks for no attributes, and counts for
/// nobody.
pub fn check(transport: Transport, sent: &[(Kind, f64)]) -> Outcome<()> {
    let of_users = sent.iter().filter(|(kind, _)| *kind != Kind::Saslauthd);
    let without_dialling =
        of_users.map(|(kind, octets)| (kind.name(), octets - ANSWER * answers_to_dialling(*kind, transport)));
    octets::compare("for the search and the bind of a login", ALIKE, &without_dialling.collect::<Vec<_>>())
}

/// How many more answers a login brings with it for who dials each time: to the service account's bind, and to StartTLS on
/// each connection.
fn answers_to_dialling(kind: Kind, transport: Transport) -> f64 {
    let start_tls = if transport == Transport::StartTls { 1.0 } else { 0.0 };
    match kind {
        Kind::GoA => 1.0 + start_tls,
        Kind::Go2 => 1.0 + 2.0 * start_tls,
        Kind::Plugin | Kind::Libldap | Kind::Saslauthd => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::peer::Kind::{Go2, GoA, Libldap, Plugin, Saslauthd};
    use crate::target::Transport::{Plain, StartTls};

    #[test]
    fn connections_may_cost_something_and_attributes_not() {
        let usual = [(Plugin, 223.2), (Libldap, 223.0), (GoA, 234.0), (Go2, 234.0), (Saslauthd, 96.0)];
        assert!(check(Plain, &usual).is_ok());
        assert!(check(StartTls, &[(Plugin, 223.1), (GoA, 248.0), (Go2, 262.0)]).is_ok());
        for less in [(Libldap, 209.0), (GoA, 220.0), (Go2, 214.0)] {
            assert!(check(Plain, &[(Plugin, 223.0), less]).is_err(), "{less:?}");
        }
    }
}
