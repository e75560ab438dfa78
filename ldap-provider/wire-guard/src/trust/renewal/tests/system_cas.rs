//! The system's CAs, which are read beside the file, and not always completely.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use log::Level;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use super::heard::Heard;
use super::sessions::handshake;
use super::{EACH_LOOKS, LOOKS_LATER, PATIENT, Pace, SystemCas, Trust, Trusted, at, rename_into_place, with_system};
use crate::trust::TrustError;

/// A connection looks after ten seconds, however long that takes here.
const USUAL: Pace = Pace { patience: PATIENT, ..Pace::USUAL };

const SOON: Duration = Duration::from_secs(9);

/// A store of the system, of one test.
struct Store {
    all: OnceLock<Arc<RootCertStore>>,
    /// What can be read while something is lacking.
    part: OnceLock<Arc<RootCertStore>>,
    /// What is told then. Each test has its own, by which its lines in the log are known.
    lack: &'static str,
    lacks: AtomicBool,
    read: AtomicUsize,
}

impl Store {
    const fn lacking(lack: &'static str) -> Self {
        Self {
            all: OnceLock::new(),
            part: OnceLock::new(),
            lack,
            lacks: AtomicBool::new(true),
            read: AtomicUsize::new(0),
        }
    }

    fn holds(&self, all: &[&Trusted], part: &[&Trusted]) {
        self.all.set(roots(all)).unwrap();
        self.part.set(roots(part)).unwrap();
    }

    fn lacks(&self, lacks: bool) {
        self.lacks.store(lacks, Ordering::Relaxed);
    }

    fn read(&self) -> SystemCas {
        self.read.fetch_add(1, Ordering::Relaxed);
        let lacks = self.lacks.load(Ordering::Relaxed);
        let roots = if lacks { &self.part } else { &self.all };
        SystemCas { roots: Arc::clone(roots.get().unwrap()), lack: lacks.then(|| self.lack.to_owned()) }
    }

    fn readings(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }
}

fn roots(trusted: &[&Trusted]) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for trusted in trusted {
        roots.add(CertificateDer::from_pem_slice(trusted.pem.as_bytes()).unwrap()).unwrap();
    }
    Arc::new(roots)
}

async fn accepts(trust: &Trust, trusted: &Trusted, now: Instant) -> bool {
    handshake(trust, trusted.server, now).await.is_ok()
}

#[tokio::test]
async fn they_are_read_again_with_a_new_file_and_only_then() {
    static STORE: Store = Store::lacking("");
    STORE.holds(&[], &[]);
    STORE.lacks(false);
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let trust = with_system(Some(&file), EACH_LOOKS, || STORE.read());
    assert_eq!(STORE.readings(), 0, "not before a connection needs them");
    let first = at(&trust, Instant::now()).await;
    rename_into_place(&file, &old.pem);
    let same = at(&trust, Instant::now()).await;
    assert!(Arc::ptr_eq(&first, &same), "another file with the same content: sessions can still be resumed");
    assert_eq!(STORE.readings(), 1);

    rename_into_place(&file, &new.pem);
    at(&trust, Instant::now()).await;
    at(&trust, Instant::now()).await;
    assert_eq!(STORE.readings(), 2);
}

#[tokio::test]
async fn what_could_not_be_read_for_lack_of_files_counts_after_the_next_look() {
    static STORE: Store = Store::lacking("no files for the first connection");
    let (public, other) = (Trusted::because_of_ca("Public CA").await, Trusted::because_of_ca("Another").await);
    let own = Trusted::because_of_ca("Own CA").await;
    STORE.holds(&[&public, &other], &[&other]);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &own.pem).unwrap();
    let heard = Heard::about(Path::new(STORE.lack));
    for (reading, file) in [(0, Some(file.as_path())), (2, None)] {
        STORE.lacks(true);
        let trust = with_system(file, USUAL, || STORE.read());
        let configured = Instant::now();
        assert_eq!(accepts(&trust, &own, configured).await, file.is_some());
        assert!(accepts(&trust, &other, configured).await, "what could be read counts");
        assert!(!accepts(&trust, &public, configured).await);
        assert_eq!(heard.lines(Level::Warn).len(), 1 + reading / 2);

        STORE.lacks(false);
        assert!(!accepts(&trust, &public, configured + SOON).await, "not each connection reads them");
        assert_eq!(STORE.readings(), reading + 1);
        assert!(accepts(&trust, &public, configured + LOOKS_LATER).await, "{file:?}");
        assert!(accepts(&trust, &public, configured + 2 * LOOKS_LATER).await);
        assert_eq!(accepts(&trust, &own, configured + 3 * LOOKS_LATER).await, file.is_some());
        assert_eq!(STORE.readings(), reading + 2, "all of them were read");
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_while_files_are_lacking_counts_and_takes_no_ca_of_the_system_away() {
    static STORE: Store = Store::lacking("no files for the new one");
    let public = Trusted::because_of_ca("Public CA").await;
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    STORE.holds(&[&public], &[]);
    STORE.lacks(false);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let trust = with_system(Some(&file), USUAL, || STORE.read());
    let configured = Instant::now();
    assert!(accepts(&trust, &public, configured).await);

    STORE.lacks(true);
    rename_into_place(&file, &new.pem);
    let looked = configured + LOOKS_LATER;
    assert!(accepts(&trust, &new, looked).await);
    assert!(!accepts(&trust, &old, looked).await);
    assert!(accepts(&trust, &public, looked).await);
    assert_eq!(STORE.readings(), 2);

    let present = at(&trust, looked).await;
    let still_lacking = at(&trust, looked + LOOKS_LATER).await;
    assert!(Arc::ptr_eq(&present, &still_lacking), "nothing is known that was not: sessions can still be resumed");
    STORE.lacks(false);
    assert!(accepts(&trust, &public, looked + 2 * LOOKS_LATER).await);
    assert!(accepts(&trust, &public, looked + 3 * LOOKS_LATER).await);
    assert_eq!(STORE.readings(), 4);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_no_reason_to_do_without_the_systems_cas() {
    static STORE: Store = Store::lacking("no files, and then no file");
    let (public, own) = (Trusted::because_of_ca("Public CA").await, Trusted::because_of_ca("Own CA").await);
    STORE.holds(&[&public], &[]);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &own.pem).unwrap();
    let trust = with_system(Some(&file), USUAL, || STORE.read());
    let configured = Instant::now();
    assert!(!accepts(&trust, &public, configured).await);

    STORE.lacks(false);
    fs::remove_file(&file).unwrap();
    assert!(accepts(&trust, &public, configured + LOOKS_LATER).await);
    assert!(accepts(&trust, &own, configured + LOOKS_LATER).await);
}

#[tokio::test]
async fn whoever_has_no_file_and_can_read_nothing_is_told_that_it_passes_and_the_next_tries_again() {
    static STORE: Store = Store::lacking("no files at all");
    let public = Trusted::because_of_ca("Public CA").await;
    STORE.holds(&[&public], &[]);
    let trust = with_system(None, USUAL, || STORE.read());
    let now = Instant::now();
    let error = trust.client_config_at(now).await.unwrap_err();
    assert!(error.is_lack_of_means() && error.to_string().contains(STORE.lack), "{error}");

    STORE.lacks(false);
    assert!(accepts(&trust, &public, now).await);
    assert!(!TrustError::NoRoots.is_lack_of_means());
}
