//! What becomes of the bind as the service account when its answer comes late, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use provider_api::{Credentials, Deadline, Decision, Fault, RequestContext, Secret};
use tokio::time::{sleep, timeout};
use wire_guard::Limits;

use super::ServiceAccount;
use crate::directory::Directory;
use crate::login::authenticate;
use crate::scripted_directory::{Reply, Request, SERVICE_DN, ScriptedDirectory, bound, done, person};
use crate::validate::validate;

const DN: &str = "uid=alice,dc=x";

/// A directory that lets alice in, and treats the bind of the service account so.
async fn with_service_bind(reply: impl Fn(u8) -> Reply + Send + Sync + 'static) -> ScriptedDirectory {
    ScriptedDirectory::start(move |id, request| match request {
        Request::Bind { name, .. } if name == SERVICE_DN => reply(id),
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        Request::Search { .. } | Request::Entry { .. } => Reply::Send([person(id, DN, "alice"), done(id, 0)].concat()),
        Request::RootDse => Reply::Send(done(id, 0)),
        Request::Other => Reply::Silence,
    })
    .await
    .with_service_account()
}

/// A provider for it of whose timeout of 2 s a connection may take 750 ms.
fn hasty(directory: &ScriptedDirectory) -> Directory {
    directory.configured_with(|settings| settings["timeout"] = "2s".into())
}

async fn login(directory: &Directory) -> Result<Decision, Fault> {
    let context = RequestContext::new("test", Deadline::after(Duration::from_secs(2)));
    authenticate(directory, &context, Credentials::new("alice", Secret::new("right"))).await
}

/// Logins for so long, one every 50 ms. The last answer.
async fn steady_logins(directory: &Directory, time: Duration) -> Result<Decision, Fault> {
    let end = Instant::now() + time;
    loop {
        let answer = login(directory).await;
        if Instant::now() >= end {
            return answer;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn count(directory: &Directory, name: &str) -> String {
    let metrics = directory.read_metrics();
    metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value.to_string()).unwrap_or_default()
}

fn code(answer: &Result<Decision, Fault>) -> &str {
    answer.as_ref().map_or_else(Fault::code, |_| "answered")
}

#[tokio::test]
async fn a_refusal_that_comes_when_nobody_waits_any_more_counts_like_any_other() {
    let scripted = with_service_bind(|id| Reply::SendLate(Duration::from_millis(1_500), bound(id, 49))).await;
    let directory = hasty(&scripted);
    let last = steady_logins(&directory, Duration::from_secs(5)).await;
    assert_eq!(code(&last), "service_credentials_refused", "{last:?}");
    assert_eq!(scripted.binds().len(), 1);
    assert_eq!(count(&directory, "service_binds_refused_total"), "1");
    assert_eq!(count(&directory, "connections_open"), "0");
}

#[tokio::test]
async fn a_bind_that_is_not_answered_is_not_sent_again_by_each_attempt_to_connect() {
    let scripted = with_service_bind(|_| Reply::Silence).await;
    let directory = hasty(&scripted);
    let last = steady_logins(&directory, Duration::from_secs(4)).await;
    assert_eq!(code(&last), "timeout", "{last:?}");
    assert_eq!(scripted.binds().len(), 1);
}

#[tokio::test]
async fn a_server_that_has_accepted_late_is_used_again_at_once() {
    let is_first = AtomicBool::new(true);
    let scripted = with_service_bind(move |id| {
        if is_first.swap(false, Ordering::Relaxed) {
            Reply::SendLate(Duration::from_millis(1_500), bound(id, 0))
        } else {
            Reply::Send(bound(id, 0))
        }
    });
    let scripted = scripted.await;
    let directory = hasty(&scripted);
    assert_eq!(code(&login(&directory).await), "timeout");
    let begun = Instant::now();
    while login(&directory).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(4), "before the pause of 5 s is over");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_validation_that_is_given_up_does_not_miss_the_refusal() {
    let scripted = with_service_bind(|id| Reply::SendLate(Duration::from_millis(400), bound(id, 49))).await;
    let directory = hasty(&scripted);
    let context = RequestContext::new("test", Deadline::after(Duration::from_secs(2)));
    timeout(Duration::from_millis(200), validate(&directory, &context)).await.expect_err("it waits for the answer");
    sleep(Duration::from_millis(600)).await;
    assert_eq!(code(&login(&directory).await), "service_credentials_refused");
    assert_eq!(scripted.binds().len(), 1);
}

#[tokio::test]
async fn listings_in_a_hurry_do_not_miss_the_refusal() {
    let scripted = with_service_bind(|id| Reply::SendLate(Duration::from_millis(700), bound(id, 49))).await;
    let directory = hasty(&scripted);
    let mut last = None;
    for _ in 0..10 {
        let begun = Instant::now();
        let listing = directory.for_listing(Deadline::after(Duration::from_millis(150))).await;
        last = listing.err();
        assert!(begun.elapsed() < Duration::from_millis(450), "the caller is answered in time");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(last.as_ref().map(Fault::code), Some("service_credentials_refused"));
    assert_eq!(scripted.binds().len(), 1);
}

#[tokio::test]
async fn a_bind_has_time_for_an_answer_however_long_the_handshake_took() {
    let scripted = with_service_bind(|id| Reply::SendLate(Duration::from_millis(200), bound(id, 49))).await;
    let directory = hasty(&scripted);
    let (server, soon) = (&directory.servers()[0], Deadline::after(Duration::from_secs(20)));
    let tcp = server.connect(&[scripted.address], soon).await.unwrap();
    let opened = server.secure(tcp, Limits::LOGIN, soon).await.unwrap();
    let left = Deadline::after(Duration::from_millis(50));
    let bound =
        Arc::<ServiceAccount>::default().bind(opened, &directory.config.account, &directory.metrics, left).await;
    assert_eq!(bound.unwrap_err().code(), "service_credentials_refused");
}

#[test]
fn a_refused_account_is_left_alone_for_a_minute() {
    let (account, now) = (ServiceAccount::default(), Instant::now());
    assert_eq!(account.hindrance(now), None);
    account.note_refused(now, now, Fault::setting("bind_password", "is wrong"));
    assert!(account.hindrance(now + Duration::from_secs(59)).is_some());
    assert_eq!(account.hindrance(now + Duration::from_mins(1)), None);
    account.note_accepted(now);
    assert_eq!(account.hindrance(now), None);
}

#[test]
fn an_answer_to_an_earlier_bind_does_not_undo_a_refusal() {
    let (account, now) = (ServiceAccount::default(), Instant::now());
    account.note_refused(now, now, Fault::setting("bind_password", "is wrong"));
    account.note_accepted(now.checked_sub(Duration::from_secs(8)).unwrap());
    assert!(account.hindrance(now).is_some());
}

#[test]
fn a_late_refusal_of_an_earlier_bind_does_not_undo_an_acceptance() {
    let (account, now) = (ServiceAccount::default(), Instant::now());
    let refusal = || Fault::setting("bind_password", "is wrong");
    account.note_accepted(now);
    account.note_refused(now, now.checked_sub(Duration::from_secs(8)).unwrap(), refusal());
    assert_eq!(account.hindrance(now), None);
    account.note_refused(now, now + Duration::from_secs(1), refusal());
    assert!(account.hindrance(now).is_some());
}

#[test]
fn what_is_not_answered_is_sent_again_less_and_less_often() {
    let (account, mut now) = (ServiceAccount::default(), Instant::now());
    for wait in [5, 10, 20, 40, 60, 60] {
        account.note_unanswered(now);
        let almost = now + Duration::from_millis(wait * 1_000 - 1);
        assert!(account.hindrance(almost).is_some(), "{wait}");
        now += Duration::from_secs(wait);
        assert_eq!(account.hindrance(now), None, "{wait}");
    }
    account.note_accepted(now);
    account.note_unanswered(now);
    assert_eq!(account.hindrance(now + Duration::from_secs(5)), None);
}
