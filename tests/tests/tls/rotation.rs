//! A server's certificate is renewed, by the same CA, while people log in: nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use provider_api::RejectReason;
use tests::directory::{PEOPLE, password_of};
use tests::tls_server::{Behaviour, Identity, Rotation, TlsServer, Way, leaf};
use tokio::task::JoinSet;

use crate::matrix::{NAME, World};

const LOGINS: usize = 160;
const AT_ONCE: usize = 8;
/// How many logins are answered between two certificates.
const EVERY: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn no_login_fails_while_the_certificate_is_renewed_again_and_again() {
    for way in Way::BOTH {
        let world = World::new().await;
        let new = || world.ca.issue(&leaf(&[NAME]));
        let certificates: Vec<Identity> = (0..=LOGINS / EVERY).map(|_| new()).collect();
        let rotation = Rotation::starting_with(&certificates[0]);
        let server = TlsServer::start(way, Behaviour::resolving(Arc::clone(&rotation) as _), &world.directory).await;
        let host = Arc::new(world.host(&world.settings(&server, Some(NAME))).await);
        let answered = Arc::new(AtomicUsize::new(0));
        let certificates = Arc::new(certificates);

        let mut people = JoinSet::new();
        for number in 0..AT_ONCE {
            let (host, rotation) = (Arc::clone(&host), Arc::clone(&rotation));
            let (answered, certificates) = (Arc::clone(&answered), Arc::clone(&certificates));
            people.spawn(async move {
                for round in 0..LOGINS / AT_ONCE {
                    let login = PEOPLE[number % 3].login;
                    if round % 4 == 3 {
                        let wrong = host.rejects(login, "wrong").await;
                        assert_eq!(wrong, RejectReason::INVALID_CREDENTIALS, "a wrong password, and nothing else");
                    } else {
                        assert_eq!(host.accepts(login, &password_of(login)).await.login, login);
                    }
                    let count = answered.fetch_add(1, Ordering::Relaxed) + 1;
                    if count % EVERY == 0 {
                        rotation.rotate_to(&certificates[count / EVERY]);
                    }
                }
            });
        }
        people.join_all().await;
        assert_eq!(answered.load(Ordering::Relaxed), LOGINS);
        assert!(rotation.shown() > LOGINS / EVERY / 2, "{way:?}: only {} certificates were seen", rotation.shown());
        drop(host);
        server.finish().await;
    }
}
