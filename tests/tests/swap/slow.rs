//! Old providers that do not end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_api::host::{ProviderSlot, SwapError, SwapLimits};
use provider_api::{Credentials, Decision, Fault, ListRequest, Secret};
use serde_json::json;
use tests::faulty::{MARGIN, in_time, provider};
use tokio::task::JoinHandle;

const DRAIN: Duration = Duration::from_millis(300);

fn limits() -> SwapLimits {
    SwapLimits { drain: DRAIN, ..SwapLimits::default() }
}

/// A login that is under way when this returns.
async fn login(slot: &Arc<ProviderSlot>) -> JoinHandle<Result<Decision, Fault>> {
    let calling = Arc::clone(slot);
    let task = tokio::spawn(async move {
        calling.authenticate(&in_time(), &Credentials::new("alice", Secret::new("right"))).await
    });
    while slot.counters().in_flight == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Let through is not begun yet.
    tokio::time::sleep(Duration::from_millis(100)).await;
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_outlives_the_drain_is_cut_off_and_the_new_provider_answers_meanwhile() {
    let slot = Arc::new(ProviderSlot::new(provider(json!({ "authenticate": "wait" })).await));
    let old_call = login(&slot).await;
    let swapping = tokio::spawn({
        let (slot, next) = (Arc::clone(&slot), provider(json!({})).await);
        async move { slot.replace(next, limits()).await }
    });
    let answered_by_the_new_one = async {
        loop {
            let short = tests::faulty::within(Duration::from_millis(50));
            if slot.authenticate(&short, &Credentials::new("alice", Secret::new("right"))).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(MARGIN, answered_by_the_new_one).await.expect("the drain holds nobody up");
    let drained = swapping.await.expect("no panic").expect("swapped").drained;
    assert!(drained.shut_down && drained.cut_off >= 1, "{drained:?}");
    assert!(drained.took >= DRAIN && drained.took < DRAIN + MARGIN, "{drained:?}");
    assert_eq!(old_call.await.expect("no panic").expect_err("cut off").code(), "shutting_down");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_provider_that_blocks_is_given_up_and_told_of() {
    let slot = Arc::new(ProviderSlot::new(provider(json!({ "authenticate": "block" })).await));
    // One call for each of the plugin's threads.
    let mut blocking = Vec::new();
    for _ in 0..4 {
        blocking.push(login(&slot).await);
    }
    let begun = Instant::now();
    let drained = slot.replace(provider(json!({})).await, limits()).await.expect("swapped").drained;
    assert!(!drained.shut_down, "{drained:?}");
    assert!(begun.elapsed() < DRAIN + Duration::from_secs(1) + MARGIN, "{:?}", begun.elapsed());
    slot.validate(&in_time()).await.expect("the new one answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_blocks_past_the_drain_and_then_accepts_is_not_listened_to() {
    // It blocks for six seconds and would accept then, in time.
    let old = provider(json!({ "authenticate": "block" })).await;
    let slot = Arc::new(ProviderSlot::new(old.clone()));
    let old_call = login(&slot).await;
    let drained = slot.replace(provider(json!({})).await, limits()).await.expect("swapped").drained;
    assert_eq!(old.counters().in_flight, 0, "once the swap has returned nobody waits for the old one");
    assert!(drained.cut_off >= 1 && drained.took < DRAIN + Duration::from_secs(1) + MARGIN, "{drained:?}");
    assert_eq!(old_call.await.expect("no panic").expect_err("given up").code(), "shutting_down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_shut_down_takes_no_other_provider() {
    let slot = Arc::new(ProviderSlot::new(provider(json!({ "authenticate": "nap" })).await));
    let next = provider(json!({ "validate": "wait" })).await;
    let swapping = tokio::spawn({
        let (slot, next) = (Arc::clone(&slot), next.clone());
        async move { slot.replace(next, limits()).await }
    });
    while next.counters().in_flight == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let call = login(&slot).await;
    let drained = slot.shut_down(Duration::from_secs(5)).await;
    assert!(drained.shut_down && drained.cut_off == 0 && drained.took < MARGIN, "{drained:?}");
    call.await.expect("no panic").expect("what was in flight got its grace");
    let error = swapping.await.expect("no panic").expect_err("no provider takes over");
    assert!(matches!(error, SwapError::ShutDown), "{error}");
    let error = slot.replace(provider(json!({})).await, limits()).await.expect_err("nor later");
    assert!(matches!(error, SwapError::ShutDown), "{error}");
    assert_eq!(slot.validate(&in_time()).await.expect_err("it has ended").code(), "shutting_down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_read_to_its_end_from_the_provider_with_which_it_began() {
    let slot = Arc::new(ProviderSlot::new(provider(json!({})).await));
    let mut listing = slot.list_users(&in_time(), &ListRequest::everybody());
    let mut count = listing.next_page().await.expect("a page").expect("users").len();
    let swapping = tokio::spawn({
        let (slot, next) = (Arc::clone(&slot), provider(json!({})).await);
        async move { slot.replace(next, SwapLimits::default()).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!swapping.is_finished(), "the swap waits for the listing");
    while let Some(users) = listing.next_page().await.expect("a complete listing") {
        count += users.len();
    }
    assert_eq!(count, 3);
    // Whoever keeps it keeps nobody waiting.
    let drained = tokio::time::timeout(MARGIN, swapping).await.expect("it has ended");
    let drained = drained.expect("no panic").expect("swapped").drained;
    assert!(drained.shut_down && drained.cut_off == 0, "{drained:?}");
    assert_eq!(listing.next_page().await, Ok(None), "and says so as often as it is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_shut_down_in_the_middle_of_a_swap_cuts_off_the_calls_of_both() {
    let slot = Arc::new(ProviderSlot::new(provider(json!({ "authenticate": "wait" })).await));
    let old_call = login(&slot).await;
    let swapping = tokio::spawn({
        let (slot, next) = (Arc::clone(&slot), provider(json!({ "authenticate": "wait" })).await);
        async move { slot.replace(next, SwapLimits { drain: Duration::from_mins(1), ..limits() }).await }
    });
    // The old one has a call in flight, the new one has none.
    let seated = async {
        while slot.counters().in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(MARGIN, seated).await.expect("the new one takes over");
    let new_call = login(&slot).await;
    let drained = slot.shut_down(DRAIN).await;
    assert!(drained.cut_off >= 2 && !drained.shut_down, "{drained:?}");
    for call in [old_call, new_call] {
        let answer = tokio::time::timeout(MARGIN, call).await.expect("answered").expect("no panic");
        assert_eq!(answer.expect_err("cut off").code(), "shutting_down");
    }
    tokio::time::timeout(MARGIN, swapping).await.expect("the swap ends too").expect("no panic").expect("swapped");
}
