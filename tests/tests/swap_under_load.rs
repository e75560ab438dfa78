//! Swaps between the LDAP provider, the file provider and other settings for it, while 64 people log in over and over.
//! In a program of its own, since it counts threads and memory.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on fails loudly, and the long form prints its figures"
)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use provider_api::host::{HostServices, Plugin, Provider, ProviderSlot, Replacement, SwapLimits, Trust};
use provider_api::{Credentials, Decision, Secret};
use serde_json::Value;
use tests::directory::{Directory, Transport, password_of};
use tests::host::context;
use tests::users_file::UsersFile;
use tests::{plugin, process};
use tokio::task::JoinSet;

const CALLERS: usize = 64;
/// How many swaps there are, unless `SWAPS` says otherwise.
const SWAPS: usize = 12;
/// Room for the logins of a long form: one large piece of memory, which goes back as a whole.
const ROOM: usize = 2_000_000;
/// How long threads of providers that have ended may take to end too.
const SETTLING: Duration = Duration::from_millis(1_500);
/// How much memory may stay, in KiB: what the allocator keeps. glibc's keeps the more the longer it runs, up to some 50 MiB,
/// unless it is told to give back what is freed, as the long form does.
const MEMORY: usize = 16 * 1024;

/// Whose answer it is: the subject's beginning tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ldap,
    FirstFile,
    SecondFile,
}

fn whose(subject: &str) -> Whose {
    match subject {
        "id-1" => Whose::FirstFile,
        "id-2" => Whose::SecondFile,
        _ => Whose::Ldap,
    }
}

/// A provider that sat in the slot: when its swap began and returned.
struct Reign {
    whose: Whose,
    began: Instant,
    returned: Instant,
}

/// A login: when it began and was answered, and whose the answer is.
struct Login {
    began: Instant,
    answered: Instant,
    whose: Whose,
}

fn replacement(path: PathBuf, settings: Value) -> Replacement {
    Replacement { path, trust: Trust::developer(), settings, services: HostServices::silent() }
}

async fn configured(next: &Replacement) -> Provider {
    let plugin = Plugin::open(&next.path, &next.trust).await.expect("the plugin loads");
    plugin.configure(&next.settings, &next.services).await.expect("the settings are right")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_under_64_callers_fail_no_call_and_the_old_provider_has_answered_its_last_one() {
    let swaps = std::env::var("SWAPS").ok().map_or(SWAPS, |text| text.parse().expect("SWAPS is a number"));
    // Whole cycles: what is counted at the end is compared with what the same provider needed before.
    let swaps = swaps.next_multiple_of(6);
    let directory = Directory::start();
    let alice = password_of("alice");
    let first_file = UsersFile::new().user("alice", &alice);
    let second_file = UsersFile::new().user("somebody", "else").user("alice", &alice);
    let mut other_ldap = directory.settings_over(Transport::Plain);
    other_ldap["timeout"] = "9s".into();
    // No two neighbours answer alike. The last one is followed by the first.
    let cycle = [
        (Whose::FirstFile, replacement(plugin::file_provider(), first_file.settings())),
        (Whose::SecondFile, replacement(plugin::file_provider(), second_file.settings())),
        (Whose::Ldap, replacement(plugin::ldap_provider(), other_ldap)),
        (Whose::SecondFile, replacement(plugin::file_provider(), second_file.settings())),
        (Whose::FirstFile, replacement(plugin::file_provider(), first_file.settings())),
        (Whose::Ldap, replacement(plugin::ldap_provider(), directory.settings_over(Transport::Plain))),
    ];
    let (_, ldap) = &cycle[5];
    let mut seated = configured(ldap).await;
    let slot = Arc::new(ProviderSlot::new(seated.clone()));

    let logins = Arc::new(Mutex::new(Vec::with_capacity(ROOM)));
    let failures = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (slot, logins, failures, stop) =
            (Arc::clone(&slot), Arc::clone(&logins), Arc::clone(&failures), Arc::clone(&stop));
        let credentials = Credentials::new("alice", Secret::new(alice.as_str()));
        callers.spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let began = Instant::now();
                let answer = slot.authenticate(&context(), &credentials).await;
                let answered = Instant::now();
                match answer {
                    Ok(Decision::Accepted(accepted)) => {
                        let whose = whose(&accepted.identity.subject);
                        logins.lock().unwrap().push(Login { began, answered, whose });
                    }
                    other => failures.lock().unwrap().push(format!("{other:?}")),
                }
            }
        });
    }

    let mut reigns = vec![Reign { whose: Whose::Ldap, began: Instant::now(), returned: Instant::now() }];
    let (mut drains, mut swap_times) = (Vec::new(), Vec::new());
    let mut settled = None;
    for number in 0..swaps {
        let (whose, next) = &cycle[number % cycle.len()];
        let began = Instant::now();
        // What ProviderSlot::swap does, with an eye on the old one.
        let next = configured(next).await;
        let old = std::mem::replace(&mut seated, next.clone());
        let swapped =
            slot.replace(next, SwapLimits::default()).await.unwrap_or_else(|error| panic!("{number}: {error}"));
        assert_eq!(old.counters().in_flight, 0, "{number}: the old provider has answered its last call");
        drop(old);
        reigns.push(Reign { whose: *whose, began, returned: Instant::now() });
        assert!(swapped.drained.shut_down && swapped.drained.cut_off == 0, "{number}: {:?}", swapped.drained);
        drains.push(swapped.drained.took);
        swap_times.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
        if number + 1 == cycle.len() {
            tokio::time::sleep(SETTLING).await;
            settled = Some((process::threads(), process::resident_kib()));
        }
    }
    stop.store(true, Ordering::SeqCst);
    while let Some(ended) = callers.join_next().await {
        ended.expect("no caller panics");
    }

    let failures = std::mem::take(&mut *failures.lock().unwrap());
    assert!(failures.is_empty(), "{} calls failed: {}", failures.len(), failures[0]);
    let logins = std::mem::take(&mut *logins.lock().unwrap());
    let late = logins.iter().filter(|login| !could_answer(login, &reigns)).count();
    assert_eq!(late, 0, "calls that a provider answered which did not sit there while they were under way");
    let count = logins.len();
    // They are this test's memory and nobody else's.
    drop(logins);
    tokio::time::sleep(SETTLING).await;
    let (threads, memory) = settled.expect("more swaps than a cycle has");
    let (threads_now, memory_now) = (process::threads(), process::resident_kib());
    println!(
        "{swaps} swaps, {count} logins by {CALLERS} callers, 0 failed, 0 late; worst drain {:?}, worst swap {:?}; \
         threads {threads} after a cycle and {threads_now} at the end; memory {memory} KiB and {memory_now} KiB",
        drains.iter().max().unwrap(),
        swap_times.iter().max().unwrap(),
    );
    assert!(threads_now <= threads + 2, "{threads_now} threads, {threads} after a cycle");
    assert!(memory_now < memory + MEMORY, "{memory_now} KiB, {memory} KiB after a cycle");
}

/// Whether one of those who could have answered this login did: whoever sat there from its beginning on, or came while
/// it was under way.
fn could_answer(login: &Login, reigns: &[Reign]) -> bool {
    reigns.iter().enumerate().any(|(number, reign)| {
        let next = reigns.get(number + 1).map(|next| next.returned);
        reign.whose == login.whose
            && reign.began <= login.answered
            && next.is_none_or(|returned| login.began <= returned)
    })
}
