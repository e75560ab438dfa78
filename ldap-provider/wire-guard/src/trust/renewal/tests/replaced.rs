//! A file that is replaced, by the ways in which that is done.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::authority::{Authority, Period, self_signed};
use super::{EACH_LOOKS, ONE_LOOKS, Trusted, accepts, assert_only, rename_into_place, trust};

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
