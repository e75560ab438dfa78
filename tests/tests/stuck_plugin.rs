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

use provider_api::host::HostServices;
use provider_api::{Fault, FaultKind, ListRequest, UnavailableReason};
use serde_json::json;
use tests::faulty::{MARGIN, SHORT, call, in_time, login, plugin, provider, within};
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
    let provider = provider(json!({ "authenticate": "block" })).await;
    // One call for each of the plugin's threads.
    for _ in 0..2 {
        assert_eq!(login(&provider, &within(SHORT)).await.expect_err("it blocks").code(), "timeout");
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
