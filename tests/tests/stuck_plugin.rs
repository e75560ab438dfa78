//! What a host makes of a plugin that does not answer. In a program of its own, since threads that are stuck take a
//! core each for a while.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails loudly"
)]

use std::time::{Duration, Instant};

use provider_api::host::{CallLimits, HostServices};
use provider_api::{Fault, FaultKind, ListRequest, UnavailableReason};
use serde_json::json;
use tests::faulty::{MARGIN, SHORT, call, in_time, login, plugin, provider, provider_with, within};
use tests::misbehaviour::{EntryPoint, Misbehaviour, Offender, Wrong};
use tokio::task::JoinSet;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_blocks_or_spins_is_answered_at_the_deadline() {
    for how in ["wait", "block", "spin"] {
        for point in ["validate", "authenticate", "list_users", "next_page", "metrics"] {
            if (how, point) == ("wait", "metrics") {
                continue; // metrics is no async function: it cannot wait
            }
            let mut at = json!({});
            at[point] = json!(how);
            let provider = provider(at).await;
            let start = Instant::now();
            let fault = call(&provider, point, &within(SHORT)).await.expect_err(point);
            assert!(
                start.elapsed() >= SHORT && start.elapsed() < SHORT + MARGIN,
                "{how} {point}: {:?}",
                start.elapsed()
            );
            assert!(
                matches!(&fault, Fault::Unavailable { reason, .. } if *reason == UnavailableReason::TIMEOUT),
                "{how} {point}: {fault}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configure_that_blocks_is_given_up_without_harm() {
    let settings = json!({ "at": { "configure": "block" } });
    let plugin = plugin().await;
    let start = Instant::now();
    let fault = plugin.configure(&settings, &HostServices::silent()).await.expect_err("it blocks");
    assert_eq!(fault.kind(), FaultKind::Internal);
    assert!(fault.message().contains("did not answer"), "{fault}");
    assert!(start.elapsed() < Duration::from_secs(5) + MARGIN, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "current_thread")]
async fn a_provider_that_is_slow_to_let_go_does_not_hold_up_a_host_with_one_thread() {
    for how in ["block", "spin"] {
        let provider = provider(json!({ "drop": how, "drop_cursor": how })).await;
        let mut listing = provider.list_users(&in_time(), &ListRequest::everybody());
        listing.next_page().await.expect("a page");
        let start = Instant::now();
        drop(listing);
        drop(provider);
        assert!(start.elapsed() < Duration::from_secs(1), "{how}: {:?}", start.elapsed());
    }
}

#[tokio::test(flavor = "current_thread")]
async fn shutdown_of_a_blocking_plugin_is_answered_and_holds_up_nobody() {
    // More than are lost below: what is refused for those would not tell that the shutdown refuses.
    let provider = provider_with(json!({ "at": { "authenticate": "block" } }), &limited(4_096, 8)).await;
    // One call for each of the plugin's threads.
    let mut blocking = JoinSet::new();
    for _ in 0..4 {
        let provider = provider.clone();
        blocking.spawn(async move { login(&provider, &within(SHORT)).await });
    }
    while let Some(ended) = blocking.join_next().await {
        assert_eq!(ended.expect("no panic").expect_err("it blocks").code(), "timeout");
    }
    let start = Instant::now();
    let ticks = tokio::spawn(async {
        for _ in 0..10 {
            sleep(Duration::from_millis(50)).await;
        }
        Instant::now()
    });
    let fault = provider.shutdown(Duration::from_millis(500)).await.expect_err("it cannot answer");
    assert_eq!(fault.code(), "timeout");
    assert!(start.elapsed() < Duration::from_millis(1_500) + MARGIN, "{:?}", start.elapsed());
    let late = login(&provider, &in_time()).await.expect_err("no new calls, not even when its threads come free");
    assert_eq!(late.code(), "shutting_down", "{late}");
    let last_tick = ticks.await.expect("no panic");
    assert!(last_tick - start < MARGIN, "the host's only thread went on meanwhile");
}

/// Services for a provider of which so much is put up with.
fn limited(in_flight: usize, lost_threads: usize) -> HostServices {
    HostServices::silent().with_limits(CallLimits { in_flight, lost_threads })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exceeds_the_calls_in_flight_is_refused_at_once_and_not_queued() {
    let provider = provider_with(json!({ "at": { "authenticate": "wait" } }), &limited(3, 4)).await;
    let mut held = JoinSet::new();
    for _ in 0..3 {
        let provider = provider.clone();
        held.spawn(async move { login(&provider, &within(SHORT)).await });
    }
    while provider.counters().in_flight < 3 {
        sleep(Duration::from_millis(5)).await;
    }
    let start = Instant::now();
    for point in ["authenticate", "validate", "list_users", "metrics"] {
        let fault = call(&provider, point, &in_time()).await.expect_err("three are in flight");
        assert_eq!((fault.kind(), fault.code()), (FaultKind::Unavailable, "overloaded"), "{point}: {fault}");
    }
    assert!(start.elapsed() < SHORT, "{:?}", start.elapsed());
    while let Some(ended) = held.join_next().await {
        assert_eq!(ended.expect("no panic").expect_err("it waits").code(), "timeout");
    }
    call(&provider, "validate", &in_time()).await.expect("there is room again");
    let counters = provider.counters();
    assert_eq!((counters.calls, counters.in_flight, counters.refusals), (4, 0, 4), "{counters:?}");
    assert_eq!(counters.lost_threads_total, 0, "who waits gives its thread back: {counters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_keeps_its_threads_is_refused_until_they_come_back_and_the_others_go_on() {
    for how in ["block", "spin"] {
        let stuck = provider_with(json!({ "at": { "authenticate": how } }), &limited(4_096, 2)).await;
        let other = provider(json!({})).await;
        for _ in 0..2 {
            assert_eq!(login(&stuck, &within(SHORT)).await.expect_err(how).code(), "timeout");
        }
        let lost = async {
            while stuck.counters().lost_threads < 2 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(MARGIN, lost).await.expect("both threads are counted as lost");
        let start = Instant::now();
        for _ in 0..1_000 {
            assert_eq!(login(&stuck, &in_time()).await.expect_err(how).code(), "overloaded");
        }
        login(&other, &in_time()).await.expect("another provider of the same plugin answers");
        assert!(start.elapsed() < MARGIN, "{how}: {:?}", start.elapsed());
        let back = async {
            while stuck.counters().lost_threads > 0 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), back).await.expect("the threads come back");
        call(&stuck, "validate", &in_time()).await.expect("and the provider with them");
        let counters = stuck.counters();
        assert_eq!((counters.refusals, counters.timeouts, counters.lost_threads_total), (1_000, 2, 2), "{counters:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_hangs_at_configuring_gets_no_thread_after_the_fourth() {
    let settings = json!({ "at": { "configure": "block" } });
    // Opened anew each time: what counts is the file. A copy, since the other tests use the file too.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plugin.so");
    std::fs::copy(tests::plugin::built("libfaulty.so"), &path).expect("a copy");
    let plugin = provider_api::host::Plugin::open(&path, &provider_api::host::Trust::developer()).await.expect("loads");
    let mut attempts = JoinSet::new();
    for _ in 0..4 {
        let (plugin, settings) = (plugin.clone(), settings.clone());
        attempts.spawn(async move { plugin.configure(&settings, &HostServices::silent()).await.map(drop) });
    }
    while let Some(ended) = attempts.join_next().await {
        assert!(ended.expect("no panic").expect_err("it blocks").message().contains("did not answer"));
    }
    let start = Instant::now();
    let fault = plugin.configure(&json!({}), &HostServices::silent()).await.expect_err("no fifth thread");
    assert!(fault.message().contains("keeps 4 threads"), "{fault}");
    assert!(start.elapsed() < SHORT, "{:?}", start.elapsed());
    let configured = async {
        while plugin.configure(&json!({}), &HostServices::silent()).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), configured).await.expect("the threads come back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_in_any_entry_point_another_provider_answers_meanwhile() {
    const KEPT: Duration = Duration::from_secs(3);
    let other = provider(json!({})).await;
    for wrong in [Wrong::Panic, Wrong::Hang, Wrong::SlowDrop, Wrong::Spin] {
        // All entry points at once. What a plugin says of itself goes wrong in a process of its own, in `loading`.
        let misbehaving =
            |misbehaviour: &Misbehaviour| misbehaviour.wrong == wrong && misbehaviour.point != EntryPoint::Describe;
        let mut offending = JoinSet::new();
        for misbehaviour in Misbehaviour::all().filter(misbehaving) {
            let offender = Offender::new(misbehaviour, KEPT).await;
            offending.spawn(async move { offender.once().await });
        }
        assert!(offending.len() >= 6, "{wrong:?}: {}", offending.len());
        let begun = Instant::now();
        while !offending.is_empty() || begun.elapsed() < Duration::from_millis(500) {
            let start = Instant::now();
            login(&other, &in_time()).await.unwrap_or_else(|fault| panic!("{wrong:?}: {fault}"));
            assert!(start.elapsed() < KEPT / 2, "{wrong:?}: a login took {:?}", start.elapsed());
            while let Some(ended) = offending.try_join_next() {
                ended.expect("the host does not panic");
            }
            sleep(Duration::from_millis(5)).await;
        }
        assert!(begun.elapsed() < KEPT, "{wrong:?}: the host waited for what goes wrong: {:?}", begun.elapsed());
    }
}
