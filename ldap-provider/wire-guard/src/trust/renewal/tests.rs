//! With real files and real handshakes. Time is an argument, or every connection looks.

use std::fs::{self, OpenOptions, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use log::{Level, LevelFilter, Log, Metadata, Record};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Pace, Renewal};
use crate::trust::client_config::system_roots;
use crate::trust::{Accepts, Trust};
use crate::{BindName, BindPassword, BindRequest, Connection, Host, Limits, SecureError, Security};

#[allow(dead_code, reason = "shared with the tests of the whole guard, which use all of it")]
#[path = "../../../tests/guard/authority.rs"]
mod authority;

use authority::{Authority, Identity, Period, self_signed};

const PATIENT: Duration = Duration::from_secs(20);

/// Every connection looks, or waits for its turn.
const EACH_LOOKS: Pace = Pace { every: Duration::ZERO, stale: Duration::ZERO, patience: PATIENT };

/// Every connection looks unless another does.
const ONE_LOOKS: Pace = Pace { every: Duration::ZERO, stale: Duration::MAX, patience: PATIENT };

const LOOKS_LATER: Duration = Duration::from_secs(11);

/// What a CA file holds, and a server that is trusted because of it.
struct Trusted {
    pem: String,
    server: SocketAddr,
}

impl Trusted {
    async fn because_of_ca(name: &str) -> Self {
        let ca = Authority::named(name);
        let server = ca.issue(&["ldap.test"], &Period::Now).serve().await;
        Self { pem: fs::read_to_string(ca.file()).unwrap(), server }
    }

    async fn as_it_is(identity: Identity) -> Self {
        Self { server: identity.serve().await, pem: identity.pem }
    }
}

/// Whether the server's certificate is accepted. A bind follows, which reads the tickets for later sessions too.
async fn accepts(trust: &Trust, server: SocketAddr) -> bool {
    let deadline = Instant::now() + PATIENT;
    let tcp = crate::tcp::connect(&[server], deadline).await.unwrap();
    let server_name = Host::parse("ldap.test").unwrap().server_name();
    let security = Security::Ldaps { trust: trust.clone(), server_name };
    match Connection::secure(tcp, &security, Limits::LOGIN, deadline).await {
        Ok(mut connection) => {
            let request = BindRequest::simple(BindName::new("cn=x").unwrap(), BindPassword::new("right").unwrap());
            connection.bind(request, deadline).await.unwrap().is_success()
        }
        Err(SecureError::Certificate(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn assert_only(trust: &Trust, accepted: &Trusted, refused: &[&Trusted]) {
    for refused in refused {
        assert!(!accepts(trust, refused.server).await);
    }
    assert!(accepts(trust, accepted.server).await);
}

fn trust(file: &Path, pace: Pace) -> Trust {
    with_roots(file, pace, system_roots)
}

fn with_roots(file: &Path, pace: Pace, system_roots: fn() -> RootCertStore) -> Trust {
    Trust(Accepts::Verified(Arc::new(Renewal::new(Some(file), pace, system_roots).unwrap())))
}

fn seconds(every: u64, stale: u64, patience: u64) -> (Duration, Duration, Duration) {
    (Duration::from_secs(every), Duration::from_secs(stale), Duration::from_secs(patience))
}

fn renewal(trust: &Trust) -> &Arc<Renewal> {
    let Accepts::Verified(renewal) = &trust.0 else { panic!("it verifies") };
    renewal
}

async fn at(trust: &Trust, now: Instant) -> Arc<ClientConfig> {
    trust.client_config_at(now).await.unwrap()
}

/// As careful people replace a file.
fn rename_into_place(file: &Path, content: &str) {
    let new = file.with_extension("new");
    fs::write(&new, content).unwrap();
    if file.is_dir() {
        fs::remove_dir(file).unwrap();
    }
    fs::rename(new, file).unwrap();
}

#[tokio::test]
async fn a_file_renamed_into_place_is_what_counts_from_then_on_and_no_session_of_before_is_resumed() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let trust = trust(&file, EACH_LOOKS);
    assert_only(&trust, &old, &[&new]).await;
    assert_only(&trust, &old, &[&new]).await;

    rename_into_place(&file, &new.pem);
    assert_only(&trust, &new, &[&old]).await;
    rename_into_place(&file, &old.pem);
    assert_only(&trust, &old, &[&new]).await;
}

#[tokio::test]
async fn a_file_written_over_counts_even_if_its_size_and_time_stay_as_they_were() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    let padded = |pem: &str| format!("{pem:\n<2000}");
    fs::write(&file, padded(&old.pem)).unwrap();
    let trust = trust(&file, EACH_LOOKS);
    assert_only(&trust, &old, &[&new]).await;

    let before = fs::metadata(&file).unwrap();
    fs::write(&file, padded(&new.pem)).unwrap();
    OpenOptions::new().write(true).open(&file).unwrap().set_modified(before.modified().unwrap()).unwrap();
    let after = fs::metadata(&file).unwrap();
    assert_eq!((before.len(), before.modified().unwrap()), (after.len(), after.modified().unwrap()));
    assert_only(&trust, &new, &[&old]).await;
}

#[tokio::test]
async fn a_link_that_is_switched_as_kubernetes_does_counts() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (version, trusted) in [("..1", &old), ("..2", &new)] {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join("ca.pem"), &trusted.pem).unwrap();
    }
    symlink("..1", path("..data")).unwrap();
    symlink("..data/ca.pem", path("ca.pem")).unwrap();
    let trust = trust(&path("ca.pem"), EACH_LOOKS);
    assert_only(&trust, &old, &[&new]).await;

    symlink("..2", path("..data_tmp")).unwrap();
    fs::rename(path("..data_tmp"), path("..data")).unwrap();
    fs::remove_dir_all(path("..1")).unwrap();
    assert_only(&trust, &new, &[&old]).await;
}

#[tokio::test]
async fn a_servers_own_certificate_is_replaced_in_the_same_way() {
    let old = Trusted::as_it_is(self_signed(&["ldap.test"], &Period::Now)).await;
    let new = Trusted::as_it_is(Authority::new().issue(&["ldap.test"], &Period::Now)).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let trust = trust(&file, EACH_LOOKS);
    assert_only(&trust, &old, &[&new]).await;

    rename_into_place(&file, &new.pem);
    assert_only(&trust, &new, &[&old]).await;

    fs::write(&file, "").unwrap();
    assert_only(&trust, &new, &[&old]).await;
}

type Damage = (&'static str, fn(&Path));

/// Ways to make a good file one that cannot be used.
const DAMAGES: [Damage; 10] = [
    ("removed", |file| fs::remove_file(file).unwrap()),
    ("empty", |file| fs::write(file, "").unwrap()),
    ("no PEM", |file| fs::write(file, "garbage").unwrap()),
    ("half a certificate", |file| {
        let pem = fs::read_to_string(file).unwrap();
        fs::write(file, &pem[..pem.len() / 2]).unwrap();
    }),
    ("one good and one broken", |file| {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        fs::write(file, fs::read_to_string(file).unwrap() + broken).unwrap();
    }),
    ("too large", |file| OpenOptions::new().write(true).open(file).unwrap().set_len((4 << 20) + 1).unwrap()),
    ("a folder", |file| {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
    }),
    ("a pipe", |file| {
        fs::remove_file(file).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, file, 0o600.into()).unwrap();
    }),
    ("a link that leads nowhere", |file| {
        fs::remove_file(file).unwrap();
        symlink("nowhere", file).unwrap();
    }),
    ("not permitted", |file| {
        // What root reads nevertheless.
        fs::write(file, "garbage").unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o0)).unwrap();
    }),
];

#[tokio::test]
async fn a_file_that_cannot_be_used_leaves_the_old_one_in_force_until_it_is_good_again() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let stranger = Trusted::because_of_ca("Strange CA").await;
    let itself = Trusted::as_it_is(self_signed(&["ldap.test"], &Period::Now)).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let trust = trust(&file, EACH_LOOKS);
    for (what, damage) in DAMAGES {
        println!("{what}");
        // What is damaged is the new file: nothing of it may count, not even its good part.
        assert_only(&trust, &old, &[&new]).await;
        let damaged = folder.path().join("damaged.pem");
        fs::write(&damaged, &new.pem).unwrap();
        damage(&damaged);
        replace_by(&damaged, &file);
        assert_only(&trust, &old, &[&new, &stranger, &itself]).await;

        rename_into_place(&file, &new.pem);
        assert_only(&trust, &new, &[&old, &stranger, &itself]).await;
        rename_into_place(&file, &old.pem);
    }
}

/// Makes `file` what `new` is, also nothing or a folder.
fn replace_by(new: &Path, file: &Path) {
    fs::remove_file(file).unwrap();
    if new.symlink_metadata().is_ok() {
        fs::rename(new, file).unwrap();
    }
}

#[tokio::test]
async fn what_is_wrong_is_logged_once_for_each_problem_and_says_what_to_do() {
    let old = Trusted::because_of_ca("Old CA").await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let heard = Heard::about(&file);
    let trust = trust(&file, EACH_LOOKS);
    let some_connections = async || {
        for _ in 0..5 {
            assert!(accepts(&trust, old.server).await);
        }
    };
    some_connections().await;
    assert_eq!(heard.lines(Level::Warn), Vec::<String>::new());

    fs::remove_file(&file).unwrap();
    some_connections().await;
    fs::write(&file, "garbage").unwrap();
    some_connections().await;
    rename_into_place(&file, &old.pem);
    some_connections().await;
    fs::remove_file(&file).unwrap();
    some_connections().await;

    let warnings = heard.lines(Level::Warn);
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
    for (warning, reason) in warnings.iter().zip(["No such file", "no certificate in PEM", "No such file"]) {
        for part in [reason, "stays in force", "without a restart"] {
            assert!(warning.contains(part) && !warning.contains('\n'), "{part}: {warning}");
        }
    }
    assert_eq!(heard.lines(Level::Info).len(), 1, "it was good again once");
}

#[tokio::test]
async fn it_is_looked_at_every_ten_seconds_and_not_more_often() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let usual = renewal(&Trust::verified(Some(&file)).unwrap()).pace;
    assert_eq!((usual.every, usual.stale, usual.patience), seconds(10, 30, 1), "as the documentation says");
    let trust = trust(&file, Pace { patience: PATIENT, ..usual });
    let configured = Instant::now();
    let first = at(&trust, configured).await;

    rename_into_place(&file, &new.pem);
    let soon = at(&trust, configured + Duration::from_secs(9)).await;
    assert!(Arc::ptr_eq(&first, &soon));
    let (a_look, later) = (configured + LOOKS_LATER, configured + 2 * LOOKS_LATER);
    let second = at(&trust, a_look).await;
    assert!(!Arc::ptr_eq(&first, &second));

    rename_into_place(&file, &old.pem);
    assert!(Arc::ptr_eq(&second, &at(&trust, a_look + Duration::from_secs(9)).await));
    assert!(!Arc::ptr_eq(&second, &at(&trust, later).await));
}

#[tokio::test]
async fn a_connection_that_comes_long_after_the_configuration_is_the_first_and_looks() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let trust = trust(&file, EACH_LOOKS);
    rename_into_place(&file, &new.pem);
    assert_only(&trust, &new, &[&old]).await;
}

#[tokio::test]
async fn the_systems_cas_are_read_again_with_a_new_file_and_only_then() {
    static READ: AtomicUsize = AtomicUsize::new(0);
    fn counted() -> RootCertStore {
        READ.fetch_add(1, Ordering::Relaxed);
        RootCertStore::empty()
    }

    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let trust = with_roots(&file, EACH_LOOKS, counted);
    assert_eq!(READ.load(Ordering::Relaxed), 0, "not before a connection needs them");
    let first = at(&trust, Instant::now()).await;
    rename_into_place(&file, &old.pem);
    let same = at(&trust, Instant::now()).await;
    assert!(Arc::ptr_eq(&first, &same), "another file with the same content: sessions can still be resumed");
    assert_eq!(READ.load(Ordering::Relaxed), 1);

    rename_into_place(&file, &new.pem);
    at(&trust, Instant::now()).await;
    at(&trust, Instant::now()).await;
    assert_eq!(READ.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn while_one_looks_others_go_on_at_once_and_after_an_idle_time_they_wait_no_longer_than_they_must() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let heard = Heard::about(&file);
    let trust = with_roots(&file, Pace::USUAL, RootCertStore::empty);
    let configured = Instant::now();
    let first = at(&trust, configured).await;
    rename_into_place(&file, &new.pem);

    let never_ending = Arc::clone(&renewal(&trust).file).lock_owned().await;
    let began = Instant::now();
    assert!(Arc::ptr_eq(&first, &at(&trust, configured + LOOKS_LATER).await));
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());

    let (began, idle) = (Instant::now(), configured + Duration::from_secs(40));
    assert!(Arc::ptr_eq(&first, &at(&trust, idle).await), "a look that hangs costs no login");
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    let warnings = heard.lines(Level::Warn);
    assert!(matches!(warnings.as_slice(), [one] if one.contains("no answer within 1 s")), "{warnings:#?}");

    let began = Instant::now();
    assert!(Arc::ptr_eq(&first, &at(&trust, idle + Duration::from_secs(9)).await));
    assert!(Arc::ptr_eq(&first, &at(&trust, idle + LOOKS_LATER).await));
    assert!(began.elapsed() < Duration::from_millis(900), "not each connection waits for it");

    let later_still = configured + Duration::from_mins(2);
    let cut_off = timeout(Duration::from_millis(50), trust.client_config_at(later_still)).await;
    assert!(cut_off.is_err(), "a deadline of its own may end the wait");
    let began = Instant::now();
    assert!(Arc::ptr_eq(&first, &at(&trust, later_still + Duration::from_secs(9)).await));
    assert!(began.elapsed() < Duration::from_millis(900), "nor does the next wait for it then");

    drop(never_ending);
    assert!(!Arc::ptr_eq(&first, &at(&trust, later_still + LOOKS_LATER).await));
}

#[tokio::test]
async fn a_look_that_nobody_waits_for_any_more_still_counts() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let trust = trust(&file, Pace { patience: Duration::ZERO, ..EACH_LOOKS });
    let first = at(&trust, Instant::now()).await;
    // The look that the first connection began may have seen the old file.
    drop(Arc::clone(&renewal(&trust).file).lock_owned().await);

    rename_into_place(&file, &new.pem);
    at(&trust, Instant::now()).await;
    drop(Arc::clone(&renewal(&trust).file).lock_owned().await);
    let in_force = renewal(&trust).state().in_force.clone().unwrap();
    assert!(!Arc::ptr_eq(&first, &in_force));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_handshakes_while_the_file_is_replaced_are_judged_by_the_old_or_the_new_one_and_nothing_else() {
    const BEFORE: usize = 0;
    const AFTER: usize = 2;
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let stranger = Trusted::because_of_ca("Strange CA").await;
    for (pace, each_looks) in [(EACH_LOOKS, true), (ONE_LOOKS, false)] {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, &old.pem).unwrap();
        let trust = trust(&file, pace);
        let progress = Arc::new(AtomicUsize::new(BEFORE));
        let mut clients = JoinSet::new();
        for number in 0..24 {
            let (trust, progress) = (trust.clone(), Arc::clone(&progress));
            let (server, is_new) = [(old.server, false), (new.server, true)][number % 2];
            let stranger = stranger.server;
            clients.spawn(async move {
                let mut after = 0;
                while after < 4 {
                    let at_start = progress.load(Ordering::SeqCst);
                    let accepted = accepts(&trust, server).await;
                    let at_end = progress.load(Ordering::SeqCst);
                    if at_end == BEFORE {
                        assert_eq!(accepted, !is_new, "the file was still the old one");
                    } else if at_start == AFTER {
                        after += 1;
                        assert!(!each_looks || accepted == is_new, "the file was the new one, and was looked at");
                    }
                    assert!(!accepts(&trust, stranger).await);
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        progress.fetch_add(1, Ordering::SeqCst);
        rename_into_place(&file, &new.pem);
        progress.fetch_add(1, Ordering::SeqCst);
        clients.join_all().await;
        assert_only(&trust, &new, &[&old, &stranger]).await;
    }
}

#[tokio::test]
async fn where_nothing_is_verified_or_no_file_is_named_nothing_is_looked_at() {
    let now = Instant::now();
    for trust in [Trust::anything(), Trust::verified(None).unwrap()] {
        let verifies = trust.verifies();
        let Ok(first) = trust.client_config_at(now).await else {
            assert!(verifies, "the system has no CAs");
            continue;
        };
        assert!(Arc::ptr_eq(&first, &at(&trust, now + Duration::from_hours(24)).await));
    }
    assert!(accepts(&Trust::anything(), Trusted::because_of_ca("Any CA").await.server).await);
}

/// What is logged about one file.
struct Heard {
    file: String,
}

struct Everything(Mutex<Vec<(Level, String)>>);

static EVERYTHING: Everything = Everything(Mutex::new(Vec::new()));

impl Heard {
    fn about(file: &Path) -> Self {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            log::set_logger(&EVERYTHING).unwrap();
            log::set_max_level(LevelFilter::Info);
        });
        Self { file: file.display().to_string() }
    }

    fn lines(&self, level: Level) -> Vec<String> {
        let everything = EVERYTHING.0.lock().unwrap();
        everything
            .iter()
            .filter(|(at, line)| *at == level && line.contains(&self.file))
            .map(|(_, l)| l.clone())
            .collect()
    }
}

impl Log for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push((record.level(), record.args().to_string()));
    }

    fn flush(&self) {}
}
