//! Verification is off for the one provider that says so, and for no other in the same process.

use std::sync::Arc;

use provider_api::Fault;
use serde_json::json;
use tests::directory::password_of;
use tests::tls_server::{Behaviour, Identity, TlsServer, Way, leaf};
use tokio::task::JoinSet;

use crate::matrix::{NAME, World, nothing_said};

/// Logins of each provider.
const LOGINS: usize = 25;

/// Two servers that show the same bad certificate, so that each provider's connections can be told from the other's.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_verification_does_not_loosen_another_in_the_same_process() {
    for way in Way::BOTH {
        let world = World::new().await;
        let behaviour = Behaviour::showing(&Identity::self_signed(&leaf(&["elsewhere.test"])));
        let open = TlsServer::start(way, behaviour.clone(), &world.directory).await;
        let closed = TlsServer::start(way, behaviour, &world.directory).await;
        let mut unverified = open.settings(&world.directory, &world.ca);
        unverified.as_object_mut().unwrap().remove("ca_file");
        unverified["no_tls_verify"] = json!(true);
        let careless = Arc::new(world.host(&unverified).await);
        let careful = Arc::new(world.host(&world.settings(&closed, Some(NAME))).await);

        let mut logins = JoinSet::new();
        for _ in 0..LOGINS {
            let (careless, careful) = (Arc::clone(&careless), Arc::clone(&careful));
            logins.spawn(async move {
                careless.accepts("alice", &password_of("alice")).await;
            });
            logins.spawn(async move {
                let fault = careful.cannot_tell("alice", &password_of("alice")).await;
                assert!(matches!(fault, Fault::Unavailable { .. }), "{fault}");
                assert_eq!(fault.code(), "tls_failed", "{fault}");
            });
        }
        logins.join_all().await;
        drop((careless, careful));

        let refused = closed.finish().await;
        assert!(!refused.is_empty(), "nobody connected, so nothing was tried");
        assert_eq!(nothing_said(&refused), Ok(()), "{way:?}");
        let accepted = open.finish().await;
        assert!(accepted.iter().all(|connection| !connection.inside.is_empty()), "{accepted:?}");
    }
}

/// No verification of the certificate and its name is not no TLS, nor a TLS that anybody could have made.
#[tokio::test(flavor = "multi_thread")]
async fn without_verification_the_server_still_has_to_own_the_key_that_it_shows() {
    let world = World::new().await;
    let identity = world.ca.issue(&leaf(&[NAME]));
    let foreign = identity.showing(world.ca.issue(&leaf(&[NAME])).chain);
    for versions in [[&rustls::version::TLS13], [&rustls::version::TLS12]] {
        for way in Way::BOTH {
            let server = TlsServer::start(way, Behaviour::speaking(&versions, &foreign), &world.directory).await;
            let mut settings = server.settings(&world.directory, &world.ca);
            settings.as_object_mut().unwrap().remove("ca_file");
            settings["no_tls_verify"] = json!(true);
            let host = world.host(&settings).await;
            let fault = host.cannot_tell("alice", &password_of("alice")).await;
            assert_eq!(fault.code(), "tls_failed", "{fault}");
            drop(host);
            assert_eq!(nothing_said(&server.finish().await), Ok(()), "{way:?}");
        }
    }
}
