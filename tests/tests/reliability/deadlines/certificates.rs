//! A server whose certificate is renewed by the same CA while people log in: nobody notices.

use std::sync::Arc;
use std::time::Duration;

use tests::fault_proxy::{Fate, FaultProxy, Mode, Wire};
use tests::tls_server::{Authority, Behaviour, Rotation, TlsServer, Way, leaf};

use crate::load::Load;
use crate::replicas;
use crate::world::{Expected, World, provider};

const NAME: &str = "ldap.example.com";

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_renewed_costs_nobody_a_login() {
    let mut world = World::new("the certificate is renewed by the same CA", &[Mode::Pass]).await;
    let ca = Authority::new("CA of the rotation");
    let rotation = Rotation::starting_with(&ca.issue(&leaf(&[NAME])));
    // No session is resumed: each new connection is shown the newest certificate.
    let behaviour = Behaviour::resolving(Arc::clone(&rotation) as _, false);
    let server = TlsServer::start(Way::Ldaps, behaviour, &world.replicas[0].directory).await;
    // What is said is not seen here, but connections can be ended.
    let inside_tls = Wire::new();
    let proxy = FaultProxy::start(([127, 0, 0, 1], server.port()).into(), &inside_tls);
    let mut settings = replicas::settings(&[format!("ldaps://{}", proxy.address())], "4s");
    settings["tls_server_name"] = NAME.into();
    settings["ca_file"] = ca.file().to_str().unwrap().into();
    world.load = Load { provider: provider(&settings).await, deadline: Duration::from_secs(4) };

    let (rounds, per_second) = world.bars.form.pick((3, 20), (30, 200));
    for round in 1..=rounds {
        let people = Arc::clone(&world.people);
        let logins = world.load.at_rate(per_second, Duration::from_secs(1), || people.mixed(10)).await;
        world.judge(&format!("certificate {round}"), &logins, Expected::Answered);
        rotation.rotate_to(&ca.issue(&leaf(&[NAME])));
        // Nobody is under way: what ends here are idle connections.
        proxy.doom(Fate::Closed);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let connections = inside_tls.connections();
    world.bars.holds("each certificate was shown to somebody", connections >= rounds, connections);
    let clear = inside_tls.binds();
    world.bars.holds("no password in the clear", clear.is_empty(), format_args!("{clear:?}"));
    world.load.provider = provider(&replicas::settings(&[world.replicas[0].url()], "4s")).await;
    world.conclude().await;
}
