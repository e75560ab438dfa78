//! What a host makes of a plugin that panics, hangs or lets go badly. The plugin is a real file,
//! `tests/plugins/faulty`, steered by its settings.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails loudly"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use provider_api::host::{HostServices, LogSink};
use provider_api::{
    Credentials, Deadline, Decision, FaultKind, ListRequest, LogLevel, LogRecord, Metric, RequestContext, Secret,
};
use serde_json::json;
use tests::faulty::{MARGIN, SHORT, call, in_time, list, login, plugin, provider, provider_with, within};
use tests::log_capture::LogCapture;
use tests::process;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_spoilt_works() {
    what_works().await;
}

async fn what_works() {
    let provider = provider(json!({})).await;
    assert!(matches!(login(&provider, &in_time()).await, Ok(Decision::Accepted(_))));
    assert_eq!(list(&provider, &in_time()).await, Ok(3));
    let metrics = provider.metrics(&in_time()).await.expect("metrics");
    assert_eq!(metrics, [Metric::new("answers_total", 42.0)]);
    assert!(provider.validate(&in_time()).await.expect("a report").is_valid());
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_cannot_be_right_never_reach_a_provider() {
    let folder = tempfile::tempdir().expect("a folder");
    let witness = folder.path().join("witness");
    let provider = provider_with(json!({ "witness": witness }), &HostServices::silent()).await;
    let long = "p".repeat(1_025);
    for (name, password, reason) in [
        ("alice", "", "empty_password"),
        ("alice", "right\0junk", "input_refused"),
        ("alice", long.as_str(), "input_refused"),
        ("ali\0ce", "right", "input_refused"),
        ("", "right", "input_refused"),
    ] {
        let typed = Credentials::new(name, Secret::new(password));
        match provider.authenticate(&in_time(), &typed).await {
            Ok(Decision::Rejected(rejection)) => assert_eq!(rejection.reason.as_str(), reason),
            other => panic!("{other:?}"),
        }
    }
    assert!(!witness.exists(), "the provider saw one of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_any_call_is_a_fault_with_its_message_and_the_next_call_works() {
    for point in ["validate", "authenticate", "list_users", "next_page", "metrics", "drop_call"] {
        let mut at = json!({});
        at[point] = json!("panic");
        let provider = provider(at).await;
        for _ in 0..2 {
            let fault = call(&provider, point, &in_time()).await.expect_err(point);
            assert_eq!(fault.kind(), FaultKind::Internal, "{point}: {fault}");
            let named = if point == "drop_call" { "faulty: call" } else { &format!("faulty: {point}") };
            assert!(fault.message().contains(named), "{point}: {fault}");
        }
        assert_eq!(provider.counters().panics, 2, "{point}");
        let other = if matches!(point, "validate" | "drop_call") { "metrics" } else { "validate" };
        call(&provider, other, &in_time()).await.expect("another entry point works");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_threads_of_a_plugin_have_the_stack_that_they_are_promised() {
    // Less of it would end this process, as a stack that overflows does.
    for point in ["validate", "authenticate", "list_users", "next_page"] {
        let mut at = json!({});
        at[point] = json!("deep_stack");
        call(&provider(at).await, point, &in_time()).await.expect(point);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_threads_of_a_plugin_run_before_its_first_call() {
    let _provider = provider_with(json!({}), &HostServices::silent().for_instance("at-once")).await;
    let processors = std::thread::available_parallelism().unwrap().get();
    assert_eq!(process::threads_named("at-once"), processors.clamp(2, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_whose_payload_panics_again_is_still_a_fault() {
    for point in ["validate", "authenticate", "list_users", "next_page", "metrics"] {
        let mut at = json!({});
        at[point] = json!("panic_twice");
        let provider = provider(at).await;
        let fault = call(&provider, point, &in_time()).await.expect_err(point);
        assert_eq!(fault.kind(), FaultKind::Internal, "{point}: {fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_configure_is_a_fault_with_its_message() {
    for (how, message) in [("panic", "faulty: configure"), ("panic_twice", "panicked")] {
        let settings = json!({ "at": { "configure": how } });
        let fault = plugin().await.configure(&settings, &HostServices::silent()).await.expect_err("it panics");
        assert_eq!(fault.kind(), FaultKind::Internal);
        assert!(fault.message().contains(message), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn panics_while_letting_go_harm_nobody() {
    let capture = LogCapture::new();
    let provider =
        provider_with(json!({ "at": { "drop": "panic", "drop_cursor": "panic" } }), &capture.services()).await;
    assert_eq!(list(&provider, &in_time()).await.map_err(|fault| fault.kind()), Ok(3));
    let mut listing = provider.list_users(&in_time(), &ListRequest::everybody());
    listing.next_page().await.expect("a page");
    drop(listing);
    drop(provider);
    eventually("both panics are logged", || {
        let text = capture.text();
        text.contains("faulty: cursor") && text.contains("faulty: provider")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_gives_its_resources_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let witness = folder.path().join("witness");
    let settings = json!({ "at": { "authenticate": "wait" }, "witness": witness });
    let provider = provider_with(settings, &HostServices::silent()).await;
    let call = tokio::spawn({
        let provider = provider.clone();
        async move { login(&provider, &in_time()).await }
    });
    let noted = || std::fs::read_to_string(&witness).unwrap_or_default();
    eventually("the call is under way", || noted() == "started\n").await;
    let start = Instant::now();
    call.abort();
    eventually("the plugin's work is dropped", || noted() == "started\ncall\n").await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_cancelled_breaks_the_listing_and_never_ends_it() {
    let provider = provider(json!({ "next_page": "wait" })).await;
    let mut listing = provider.list_users(&in_time(), &ListRequest::everybody());
    listing.next_page().await.expect("the first page");
    tokio::time::timeout(SHORT, listing.next_page()).await.expect_err("the second page never comes");
    for _ in 0..2 {
        let fault = listing.next_page().await.expect_err("a broken listing");
        assert_eq!(fault.code(), "cancelled", "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_read_and_not_taken_breaks_the_listing_too() {
    let provider = provider(json!({ "next_page": "nap" })).await;
    let mut listing = provider.list_users(&in_time(), &ListRequest::everybody());
    listing.next_page().await.expect("the first page");
    {
        let mut page = Box::pin(listing.next_page());
        assert!(polled_once(&mut page).await.is_none(), "the page is under way");
        // Long enough for the plugin to have read it.
        sleep(Duration::from_millis(600)).await;
    }
    let fault = listing.next_page().await.expect_err("a page is lost, so nothing that follows is the whole");
    assert_eq!(fault.code(), "cancelled", "{fault}");
}

/// Polls a future once.
async fn polled_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_deadline_has_passed_is_not_begun() {
    let folder = tempfile::tempdir().expect("a folder");
    let witness = folder.path().join("witness");
    let provider = provider_with(json!({ "witness": witness }), &HostServices::silent()).await;
    let fault = login(&provider, &within(Duration::ZERO)).await.expect_err("too late");
    assert_eq!(fault.code(), "timeout", "{fault}");
    sleep(Duration::from_millis(200)).await;
    assert!(!witness.exists(), "no login was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_waits_for_calls_refuses_new_ones_and_cuts_off_the_rest() {
    let provider = provider(json!({ "authenticate": "wait" })).await;
    let call = tokio::spawn({
        let provider = provider.clone();
        async move { login(&provider, &in_time()).await }
    });
    sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    let end = tokio::spawn({
        let provider = provider.clone();
        async move { provider.shutdown(Duration::from_millis(500)).await }
    });
    sleep(Duration::from_millis(100)).await;
    let refused = login(&provider, &in_time()).await.expect_err("no new calls");
    assert_eq!(refused.code(), "shutting_down");
    assert_eq!(end.await.expect("no panic"), Ok(1), "one call was cut off");
    assert!(start.elapsed() >= Duration::from_millis(500) && start.elapsed() < MARGIN, "{:?}", start.elapsed());
    assert_eq!(call.await.expect("no panic").expect_err("cut off").code(), "shutting_down");
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_of_an_idle_provider_is_immediate() {
    let provider = provider(json!({})).await;
    let start = Instant::now();
    assert_eq!(provider.shutdown(Duration::from_secs(30)).await, Ok(0));
    assert!(start.elapsed() < MARGIN, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_arrive_with_level_target_message_fields_and_request() {
    let capture = LogCapture::new();
    let provider = provider_with(json!({ "at": { "authenticate": "log" } }), &capture.services()).await;
    login(&provider, &RequestContext::new("request-77", Deadline::after(MARGIN))).await.expect("accepted");
    let own: Vec<LogRecord> =
        capture.records().into_iter().filter(|record| record.target.starts_with("faulty")).collect();
    let levels: Vec<LogLevel> = own.iter().map(|record| record.level).collect();
    assert_eq!(levels, [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace]);
    assert!(own.iter().all(|record| record.request_id.as_deref() == Some("request-77")));
    assert_eq!(own[1].target, "faulty::own_target");
    assert_eq!(own[1].message, "a warning at authenticate");
    assert_eq!(own[1].fields, [("number".to_owned(), "7".to_owned()), ("word".to_owned(), "seven".to_owned())]);
    assert_eq!(own[2].message, "line one\nline two");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_logs_to_its_own_host_services_at_their_level() {
    let (loud, quiet) = (LogCapture::new(), LogCapture::new());
    let settings = json!({ "at": { "authenticate": "log" } });
    let first = provider_with(settings.clone(), &loud.services()).await;
    let second = provider_with(settings, &HostServices::new(LogLevel::Warn, Arc::new(quiet.clone()))).await;
    let heard = || quiet.records().into_iter().filter(|record| record.target.starts_with("faulty")).count();
    login(&first, &in_time()).await.expect("accepted");
    assert_eq!(heard(), 0, "the other provider's records stay away");
    login(&second, &in_time()).await.expect("accepted");
    assert_eq!(heard(), 2, "an error and a warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn panics_reach_the_log_with_their_place() {
    let capture = LogCapture::new();
    let provider = provider_with(json!({ "at": { "authenticate": "panic_elsewhere" } }), &capture.services()).await;
    login(&provider, &in_time()).await.expect("the call itself goes on");
    let panic = capture.records().into_iter().find(|record| record.target == "panic").expect("a record of the panic");
    assert_eq!(panic.level, LogLevel::Error);
    assert!(panic.message.contains("faulty: elsewhere") && panic.message.contains("behaviour.rs"), "{panic:?}");
}

/// How often the sink below was dropped.
static SINKS_DROPPED: AtomicUsize = AtomicUsize::new(0);

struct PanickingSink;

/// What a panic may carry: something that panics again.
struct Explosive;

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("the payload was dropped");
    }
}

impl LogSink for PanickingSink {
    fn log(&self, record: LogRecord) {
        match record.level {
            LogLevel::Error => std::panic::panic_any(Explosive),
            _ => panic!("the host's own sink panics"),
        }
    }
}

impl Drop for PanickingSink {
    fn drop(&mut self) {
        SINKS_DROPPED.fetch_add(1, Ordering::SeqCst);
        std::panic::panic_any(Explosive);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_log_sink_panics_lives_on() {
    let services = HostServices::new(LogLevel::Trace, Arc::new(PanickingSink));
    let provider = provider_with(json!({ "at": { "authenticate": "log" } }), &services).await;
    drop(services);
    assert!(matches!(login(&provider, &in_time()).await, Ok(Decision::Accepted(_))));
    // The plugin has the last reference from here on, and drops it on a thread of its own.
    drop(provider);
    eventually("the sink is dropped", || SINKS_DROPPED.load(Ordering::SeqCst) == 1).await;
    what_works().await;
}

/// Waits until something is so, 10 seconds at most.
async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if so() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 10 seconds: {what}");
}
