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

use provider_api::host::{HostServices, Plugin, Provider};
use provider_api::{
    Credentials, Deadline, Decision, Fault, FaultKind, ListRequest, RequestContext, Secret, UnavailableReason,
};
use serde_json::{Value, json};
use tests::plugin::built;
use tokio::time::sleep;

/// The deadline of calls that hang; waiting for it is the point, so it is short.
const SHORT: Duration = Duration::from_millis(300);
/// How late an answer may be and still count as in time on a busy machine.
const MARGIN: Duration = Duration::from_secs(2);

async fn plugin() -> Plugin {
    Plugin::open(built("libfaulty.so")).await.expect("the faulty plugin loads")
}

async fn provider(at: Value) -> Provider {
    provider_with(json!({ "at": at }), &HostServices::silent()).await
}

async fn provider_with(settings: Value, services: &HostServices) -> Provider {
    plugin().await.configure(&settings, services).await.expect("these settings configure")
}

fn within(limit: Duration) -> RequestContext {
    RequestContext::new("request-1", Deadline::after(limit))
}

fn in_time() -> RequestContext {
    within(Duration::from_secs(20))
}

async fn login(provider: &Provider, context: &RequestContext) -> Result<Decision, Fault> {
    provider.authenticate(context, &Credentials::new("alice", Secret::new("right"))).await
}

async fn list(provider: &Provider, context: &RequestContext) -> Result<usize, Fault> {
    let mut listing = provider.list_users(context, &ListRequest::everybody());
    let mut count = 0;
    while let Some(users) = listing.next_page().await? {
        count += users.len();
    }
    Ok(count)
}

/// Calls the entry point of this name.
async fn call(provider: &Provider, point: &str, context: &RequestContext) -> Result<(), Fault> {
    match point {
        "validate" => provider.validate(context).await.map(drop),
        "authenticate" | "drop_call" => login(provider, context).await.map(drop),
        "list_users" | "next_page" => list(provider, context).await.map(drop),
        "metrics" => provider.metrics(context).await.map(drop),
        other => panic!("no such entry point: {other}"),
    }
}

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
