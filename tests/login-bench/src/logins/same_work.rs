//! Whether the clients ask the server for the same: what it has to send costs time.

use crate::failure::{Failure, Outcome};
use crate::peer::Kind;
use crate::target::Transport;

/// The octets of an answer without content: to a bind, or to StartTLS.
const ANSWER: f64 = 14.0;

/// By so many octets the answers to a login may differ: message ids have one to three. The smallest attribute of a bulk user, `sn`,
/// has 14.
const ALIKE: f64 = 10.0;

/// Compares how many octets the server sends each client for a login. saslauthd asks for no attributes, and counts for nobody.
pub fn check(transport: Transport, octets: &[(Kind, f64)]) -> Outcome<()> {
    let work = |(kind, octets): &(Kind, f64)| octets - ANSWER * answers_to_dialling(*kind, transport);
    let Some(plugin) = octets.iter().find(|(kind, _)| *kind == Kind::Plugin).map(work) else { return Ok(()) };
    for of_client in octets.iter().filter(|(kind, _)| *kind != Kind::Saslauthd) {
        let (name, octets) = (of_client.0.name(), work(of_client));
        if (octets - plugin).abs() > ALIKE {
            return Err(Failure(format!(
                "the server answers the search and the bind of a login with {octets:.0} octets for {name} and with {plugin:.0} for \
                 the plugin: they do not ask for the same; see LISTED_ATTRIBUTES in src/target.rs"
            )));
        }
    }
    Ok(())
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
