//! A server's certificate is renewed, by the same CA, while people log in: nobody notices. The CA is replaced: nobody
//! has to restart anything. It expires: whoever looks is told.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use provider_api::{Decision, Fault, RejectReason};
use rcgen::date_time_ymd;
use rustls::HandshakeKind;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::directory::{PEOPLE, password_of};
use tests::host::Host;
use tests::tls_server::{Authority, Behaviour, Identity, Rotation, TlsServer, Way, leaf};
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
        assert!(handshakes.len() > LOGINS, "one connection or two to search, and one for each bind: {handshakes:?}");
        assert!(!handshakes.contains(&HandshakeKind::Resumed), "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_fails_while_sessions_are_resumed_that_began_with_an_earlier_certificate() {
    for way in Way::BOTH {
        let handshakes = logins_during_rotation(way, true).await;
        assert!(handshakes.contains(&HandshakeKind::Resumed), "{way:?}: nothing was resumed");
    }
}

/// The promise is 30 s, and 10 s for who looks.
const PICKED_UP_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_file_that_is_replaced_counts_within_seconds_and_the_old_ca_no_longer() {
    let world = World::new().await;
    tokio::join!(ca_replaced(&world, Way::Ldaps), ca_replaced(&world, Way::StartTls));
}

async fn ca_replaced(world: &World, way: Way) {
    let successor = Authority::new("The next CA of the tests");
    let (old, new) = (world.ca.issue(&leaf(&[NAME])), successor.issue(&leaf(&[NAME])));
    let rotation = Rotation::starting_with(&old);
    let behaviour = Behaviour::resolving(Arc::clone(&rotation) as _, false);
    let server = TlsServer::start(way, behaviour, &world.directory).await;
    let ca_file = CaFile::of(&world.ca);
    let host = world.host(&ca_file.settings(world, &server)).await;
    assert!(logs_in(&host).await, "{way:?}");

    rotation.rotate_to(&new);
    assert!(!logs_in(&host).await, "{way:?}: the file does not name this CA yet");
    ca_file.replace_by(&successor);
    until_logs_in(&host, true).await;

    rotation.rotate_to(&old);
    assert!(!logs_in(&host).await, "{way:?}: the file does not name this CA any more");
    let told = host.log.records().iter().filter(|record| record.message.contains("was replaced")).count();
    assert_eq!(told, 1, "{way:?}: {}", host.log.text());
    drop(host);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_old_ca_vouched_for_is_not_resumed_after_the_ca_file_is_replaced() {
    let world = World::new().await;
    let rotation = Rotation::starting_with(&world.ca.issue(&leaf(&[NAME])));
    let server = TlsServer::start(Way::Ldaps, Behaviour::resolving(rotation, true), &world.directory).await;
    let ca_file = CaFile::of(&world.ca);
    let host = world.host(&ca_file.settings(&world, &server)).await;
    for _ in 0..3 {
        assert!(logs_in(&host).await);
    }
    ca_file.replace_by(&Authority::new("The next CA of the tests"));
    until_logs_in(&host, false).await;
    assert!(!logs_in(&host).await);
    drop(host);
    let seen = server.finish().await;
    assert!(seen.iter().any(|connection| connection.handshake == Some(HandshakeKind::Resumed)), "nothing was resumed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_is_shown_the_certificate_of_now_also_where_logins_resume_sessions() {
    let world = World::new().await;
    let mut over = leaf(&[NAME]);
    over.not_before = date_time_ymd(2000, 1, 1);
    over.not_after = date_time_ymd(2001, 1, 1);
    for way in Way::BOTH {
        let rotation = Rotation::starting_with(&world.ca.issue(&leaf(&[NAME])));
        let behaviour = Behaviour::resolving(Arc::clone(&rotation) as _, true);
        let server = TlsServer::start(way, behaviour, &world.directory).await;
        let host = world.host(&connecting_anew(world.settings(&server, Some(NAME)))).await;
        assert!(logs_in(&host).await);
        let report = host.validate().await;
        assert!(report.is_valid(), "{way:?}: {report:#?}");

        rotation.rotate_to(&world.ca.issue(&over));
        assert!(logs_in(&host).await, "{way:?}: who resumes is shown nothing");
        let report = host.validate().await;
        let told = format!("{:?}", report.first_failed());
        assert!(told.contains("tls_failed") && told.contains("expired"), "{way:?}: {report:#?}");
        drop(host);
        let seen = server.finish().await;
        assert!(seen.iter().any(|connection| connection.handshake == Some(HandshakeKind::Resumed)), "{way:?}");
    }
}

/// A file whose CA may become another.
struct CaFile {
    folder: TempDir,
}

impl CaFile {
    fn of(ca: &Authority) -> Self {
        let file = Self { folder: TempDir::new().unwrap() };
        file.replace_by(ca);
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn replace_by(&self, ca: &Authority) {
        let new = self.folder.path().join("ca.pem.new");
        fs::copy(ca.file(), &new).unwrap();
        fs::rename(new, self.path()).unwrap();
    }

    fn settings(&self, world: &World, server: &TlsServer) -> Value {
        let mut settings = world.settings(server, Some(NAME));
        settings["ca_file"] = json!(self.path());
        connecting_anew(settings)
    }
}

/// With a new connection for each password: one that is there already has been checked.
fn connecting_anew(mut settings: Value) -> Value {
    settings["user_binds"] = json!("fresh");
    settings
}

/// Tries until a login succeeds, or until it does not.
async fn until_logs_in(host: &Host, expected: bool) {
    let began = Instant::now();
    while logs_in(host).await != expected {
        assert!(began.elapsed() < PICKED_UP_WITHIN, "{}", host.log.text());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Whether the server is believed. Panics if anything else is wrong.
async fn logs_in(host: &Host) -> bool {
    match host.login("alice", &password_of("alice")).await {
        Ok(Decision::Accepted(_)) => true,
        Err(fault @ Fault::Unavailable { .. }) if fault.code() == "tls_failed" => false,
        other => panic!("{other:?}"),
    }
}

/// How the handshakes were done while the certificate changed. Panics if a login is not answered as it must be.
async fn logins_during_rotation(way: Way, resuming: bool) -> Vec<HandshakeKind> {
    let world = World::new().await;
    let certificates: Vec<Identity> = (0..=LOGINS / EVERY).map(|_| world.ca.issue(&leaf(&[NAME]))).collect();
    let rotation = Rotation::starting_with(&certificates[0]);
    let behaviour = Behaviour::resolving(Arc::clone(&rotation) as _, resuming);
    let server = TlsServer::start(way, behaviour, &world.directory).await;
    let host = Arc::new(world.host(&connecting_anew(world.settings(&server, Some(NAME)))).await);
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
