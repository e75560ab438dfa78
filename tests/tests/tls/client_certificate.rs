//! A server that takes only clients with a certificate. The provider has none to show: it cannot log in there, and
//! says that it cannot tell.

use provider_api::Fault;
use tests::directory::password_of;
use tests::tls_server::{Authority, Behaviour, Seen, TlsServer, Way, leaf};

use crate::matrix::{NAME, World, nothing_said};

async fn fault(version: &'static rustls::SupportedProtocolVersion, way: Way) -> (Fault, Vec<Seen>) {
    let world = World::new().await;
    let (identity, clients) = (world.ca.issue(&leaf(&[NAME])), Authority::new("CA of the clients"));
    let behaviour = Behaviour::demanding_a_certificate_of(&clients, version, &identity);
    let server = TlsServer::start(way, behaviour, &world.directory).await;
    let host = world.host(&world.settings(&server, Some(NAME))).await;
    let fault = host.cannot_tell("alice", &password_of("alice")).await;
    assert!(matches!(fault, Fault::Unavailable { .. }), "{way:?}: {fault}");
    drop(host);
    let seen = server.finish().await;
    assert_eq!(world.directory.requests().connections, 0, "somebody got through without a certificate");
    (fault, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn by_tls_1_2_the_handshake_fails() {
    for way in Way::BOTH {
        let (fault, seen) = fault(&rustls::version::TLS12, way).await;
        assert_eq!(fault.code(), "tls_failed", "{way:?}: {fault}");
        assert_eq!(nothing_said(&seen), Ok(()), "{way:?}");
    }
}

/// The server looks at what the client shows only after the client has all it needs to begin (RFC 8446 section
/// 4.4.2.4), so the refusal comes as the answer to the first request.
#[tokio::test(flavor = "multi_thread")]
async fn by_tls_1_3_the_connection_is_lost_before_the_first_answer() {
    for way in Way::BOTH {
        let (fault, seen) = fault(&rustls::version::TLS13, way).await;
        assert_eq!(fault.code(), "connection_lost", "{way:?}: {fault}");
        assert!(fault.message().to_lowercase().contains("certificate"), "{way:?}: what is missing? {fault}");
        assert_eq!(nothing_said(&seen), Ok(()), "{way:?}: the server took what it was sent");
        for connection in &seen {
            assert_eq!(connection.all_in_tls(way), Ok(()));
        }
    }
}
