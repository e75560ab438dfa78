//! The system's CAs, which are read beside the file.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rustls::RootCertStore;
use tempfile::TempDir;

use super::{EACH_LOOKS, Trusted, at, rename_into_place, with_roots};

#[tokio::test]
async fn the_systems_cas_are_read_again_with_a_new_file_and_only_then() {
    static READ: AtomicUsize = AtomicUsize::new(0);
    fn counted() -> Arc<RootCertStore> {
        READ.fetch_add(1, Ordering::Relaxed);
        Arc::new(RootCertStore::empty())
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
