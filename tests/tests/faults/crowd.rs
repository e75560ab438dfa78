//! A thousand logins at a directory that does not answer: nobody is told that a password is wrong, nobody is let in,
//! and whoever has a local account does not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use host_harness::login::{Host, LoginAnswer, Outcome};
use host_harness::providers::ProviderHandle;
use provider_api::{Credentials, Secret};
use tests::host::context;
use tests::{local_account, open_files};
use tokio::task::JoinSet;

use super::black_hole::{FullQueue, silent_server};
use super::directory::{PASSWORD, provider, settings};

/// How many log in at once, half of them at each of two directories.
const CROWD: usize = 1_000;

/// A login may take a second. So much more time there is on a machine that has other things to do.
const LONGEST: Duration = Duration::from_secs(30);
/// How long a local login may take meanwhile. It takes some hundredths of a second; the machine may be slow, and it may
/// not be the directory that it waits for.
const LOCAL_LONGEST: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_logins_at_directories_that_do_not_answer_harm_nobody_who_has_a_local_account() {
    open_files::allow(CROWD * 8);
    let folder = tempfile::tempdir().unwrap();
    let store = local_account::store(folder.path()).await;
    let (dropping, mut silent) = (FullQueue::start().await, silent_server().await);
    let host_of = |provider| Host::new(store.clone(), vec![ProviderHandle::ready("corp", provider)]);
    let hosts =
        [host_of(provider(&settings(dropping.address())).await), host_of(provider(&settings(silent.address())).await)];
    let idle = local_login(&hosts[0]).await;

    let pending = Arc::new(AtomicUsize::new(CROWD));
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let (host, pending) = (hosts[number % hosts.len()].clone(), Arc::clone(&pending));
        crowd.spawn(async move {
            let begun = Instant::now();
            let answer = host.login(&context(), credentials(&format!("user{number}"), PASSWORD)).await;
            pending.fetch_sub(1, Ordering::SeqCst);
            (answer, begun.elapsed())
        });
    }
    let mut local = Vec::new();
    while pending.load(Ordering::SeqCst) > 0 {
        local.push(local_login(&hosts[local.len() % hosts.len()]).await);
    }

    let (mut shortest, mut longest) = (Duration::MAX, Duration::ZERO);
    while let Some(login) = crowd.join_next().await {
        let (answer, time) = login.unwrap();
        assert_eq!(answer.outcome, Outcome::Unavailable, "{answer:?}");
        assert!(matches!(answer.reason.as_deref(), Some("timeout" | "connect_failed")), "{answer:?}");
        (shortest, longest) = (shortest.min(time), longest.max(time));
    }
    // Refused connections would come back at once. Those who come after the directory was found not to answer do.
    assert!(longest > Duration::from_millis(300), "nobody waited: {longest:?}");
    assert!(longest < LONGEST, "a login took {longest:?}");
    assert!(!local.is_empty(), "somebody logged in meanwhile");
    let searches = silent.asked().len();
    assert!(silent.connections().await > 0 && searches > 0, "the crowd was there");
    local.sort();
    assert!(local[local.len() - 1] < LOCAL_LONGEST, "a local login waited for the directory: {local:?}");
    println!(
        "{CROWD} logins ended within {shortest:?} to {longest:?}, {searches} searches were heard; meanwhile {} local logins took {:?} \
         at the median and {:?} at most, where one alone takes {idle:?}",
        local.len(),
        local[local.len() / 2],
        local[local.len() - 1],
    );
}

/// Logs the local account in, with the right password and with a wrong one; how long the right one took.
async fn local_login(host: &Host) -> Duration {
    let begun = Instant::now();
    let right = host.login(&context(), local_account::credentials()).await;
    let time = begun.elapsed();
    assert!(is_local(&right, Outcome::Accepted), "{right:?}");
    let wrong = host.login(&context(), credentials(local_account::NAME, "a wrong one")).await;
    assert!(is_local(&wrong, Outcome::Rejected), "{wrong:?}");
    time
}

fn is_local(answer: &LoginAnswer, outcome: Outcome) -> bool {
    answer.outcome == outcome && answer.provider.is_none()
}

fn credentials(name: &str, password: &str) -> Credentials {
    Credentials::new(name, Secret::new(password))
}
