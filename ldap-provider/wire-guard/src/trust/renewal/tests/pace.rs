//! How often is looked, and whom that keeps waiting.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;
use tempfile::TempDir;
use tokio::time::timeout;

use super::heard::Heard;
use super::{
    EACH_LOOKS, LOOKS_LATER, PATIENT, Pace, Trust, Trusted, accepts, at, no_system, rename_into_place, renewal, trust,
    with_system,
};

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
async fn while_one_looks_others_go_on_at_once_and_after_an_idle_time_they_wait_no_longer_than_they_must() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let heard = Heard::about(&file);
    let trust = with_system(Some(&file), Pace::USUAL, no_system);
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
    let in_force = renewal(&trust).in_force(Instant::now()).unwrap();
    assert!(!Arc::ptr_eq(&first, &in_force));
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
        assert!(Arc::ptr_eq(&first, &at(&trust, now + Duration::from_mins(9)).await));
    }
    assert!(accepts(&Trust::anything(), Trusted::because_of_ca("Any CA").await.server).await);
}

fn seconds(every: u64, stale: u64, patience: u64) -> (Duration, Duration, Duration) {
    (Duration::from_secs(every), Duration::from_secs(stale), Duration::from_secs(patience))
}
