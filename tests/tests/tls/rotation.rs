//! A server's certificate is renewed, by the same CA, while people log in: nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use provider_api::RejectReason;
use rustls::HandshakeKind;
use tests::directory::{PEOPLE, password_of};
use tests::tls_server::{Behaviour, Identity, Rotation, TlsServer, Way, leaf};
use tokio::task::JoinSet;

use crate::matrix::{NAME, World};

const LOGINS: usize = 80;
const AT_ONCE: usize = 8;
/// How many logins are answered between two certificates.
const EVERY: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn no_login_fails_while_each_connection_is_shown_the_newest_certificate() {
    for way in Way::BOTH {
        let handshakes = logins_during_rotation(way, false).await;
        assert_eq!(handshakes.len(), 2 * LOGINS, "one connection to search, one to bind");
        let full = handshakes.iter().filter(|&&handshake| handshake != HandshakeKind::Resumed).count();
        assert_eq!(full, 2 * LOGINS, "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_fails_while_sessions_are_resumed_that_began_with_an_earlier_certificate() {
    for way in Way::BOTH {
        let handshakes = logins_during_rotation(way, true).await;
        assert!(handshakes.contains(&HandshakeKind::Resumed), "{way:?}: nothing was resumed");
    }
}

/// How the handshakes were done while the certificate changed. Panics if a login is not answered as it must be.
async fn logins_during_rotation(way: Way, resuming: bool) -> Vec<HandshakeKind> {
    let world = World::new().await;
    let certificates: Vec<Identity> = (0..=LOGINS / EVERY).map(|_| world.ca.issue(&leaf(&[NAME]))).collect();
    let rotation = Rotation::starting_with(&certificates[0]);
    let behaviour = Behaviour::resolving(Arc::clone(&rotation) as _, resuming);
    let server = TlsServer::start(way, behaviour, &world.directory).await;
    let host = Arc::new(world.host(&world.settings(&server, Some(NAME))).await);
    let renewal = Arc::new(Renewal { rotation, certificates, answered: AtomicUsize::new(0) });

    let mut people = JoinSet::new();
    for number in 0..AT_ONCE {
        let (host, renewal) = (Arc::clone(&host), Arc::clone(&renewal));
        people.spawn(async move {
            let login = PEOPLE[number % 3].login;
            for round in 0..LOGINS / AT_ONCE {
                if round % 4 == 3 {
                    let wrong = host.rejects(login, "wrong").await;
                    assert_eq!(wrong, RejectReason::INVALID_CREDENTIALS, "a wrong password, and nothing else");
                } else {
                    assert_eq!(host.accepts(login, &password_of(login)).await.login, login);
                }
                renewal.one_more_answered();
            }
        });
    }
    people.join_all().await;
    assert_eq!(renewal.answered.load(Ordering::Relaxed), LOGINS);
    drop(host);
    server.finish().await.into_iter().filter_map(|connection| connection.handshake).collect()
}

/// A new certificate whenever enough logins are answered.
struct Renewal {
    rotation: Arc<Rotation>,
    certificates: Vec<Identity>,
    answered: AtomicUsize,
}

impl Renewal {
    fn one_more_answered(&self) {
        let answered = self.answered.fetch_add(1, Ordering::Relaxed) + 1;
        if answered.is_multiple_of(EVERY) {
            self.rotation.rotate_to(&self.certificates[answered / EVERY]);
        }
    }
}
