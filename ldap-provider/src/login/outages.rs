//! What an outage, or what looks like one, may not do to logins that come after it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use provider_api::{Credentials, Deadline, Decision, Fault, RequestContext, Secret, UnavailableReason};
use serde_json::json;
use tokio::task::JoinSet;

use super::authenticate;
use crate::directory::{Directory, Steps};
use crate::scripted_directory::{Beyond, Reply, Request, SERVICE_DN, ScriptedDirectory, bound, done, person};

pub(super) const DN: &str = "uid=alice,dc=x";

pub(super) async fn within(directory: &Directory, limit: Duration) -> Result<Decision, Fault> {
    let context = RequestContext::new("test", Deadline::after(limit));
    authenticate(directory, &context, Credentials::new("alice", Secret::new("s3cret"))).await
}

/// So many logins at the same time.
pub(super) async fn together(directory: &Directory, count: usize, limit: Duration) -> Vec<Result<Decision, Fault>> {
    let logins: JoinSet<_> = (0..count)
        .map(|_| {
            let directory = directory.clone();
            async move { within(&directory, limit).await }
        })
        .collect();
    logins.join_all().await
}

async fn assert_alice_gets_in(directory: &Directory) {
    let answer = within(directory, Duration::from_secs(8)).await;
    assert!(matches!(answer, Ok(Decision::Accepted(_))), "{answer:?}");
}

/// What a directory says that is well and has alice.
pub(super) fn well(id: u8, request: &Request) -> Reply {
    match request {
        Request::Search { .. } | Request::Entry { .. } => Reply::Send(alice(id)),
        Request::RootDse => Reply::Send(done(id, 0)),
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        Request::Other => Reply::Silence,
    }
}

fn alice(id: u8) -> Vec<u8> {
    [person(id, DN, "alice"), done(id, 0)].concat()
}

/// A server that answers everything but the binds of users.
pub(super) async fn hanging_in_binds() -> ScriptedDirectory {
    let scripted = ScriptedDirectory::start(|id, request| match request {
        Request::Bind { name, .. } if name != SERVICE_DN => Reply::Silence,
        _ => well(id, request),
    });
    scripted.await.with_service_account()
}

pub(super) fn is_available(directory: &Directory, server: usize) -> bool {
    let metrics = directory.read_metrics();
    metrics.iter().filter(|metric| metric.name.starts_with("breaker_open")).nth(server).expect("a server").value == 0.0
}

#[tokio::test]
async fn a_server_that_was_given_up_is_asked_again_however_many_connections_to_it_there_were() {
    let searches = Arc::new(AtomicUsize::new(0));
    let scripted = ScriptedDirectory::start(move |id, request| match request {
        // So that logins are under way together, and a second connection is opened.
        Request::Search { .. } if searches.fetch_add(1, Relaxed) < 20 => {
            Reply::SendLate(Duration::from_millis(20), alice(id))
        }
        _ => well(id, request),
    })
    .await
    .with_service_account();
    let directory = scripted.configured();
    together(&directory, 12, Duration::from_secs(8)).await;
    let server = &directory.servers()[0];
    server.is_down(&Fault::unavailable(UnavailableReason::TIMEOUT, "no answer to a bind"), Instant::now());
    assert!(!is_available(&directory, 0));
    let begun = Instant::now();
    while within(&directory, Duration::from_secs(8)).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(5), "nobody else is left, and it answers");
    }
    assert!(is_available(&directory, 0));
}

#[tokio::test]
async fn a_server_that_answers_no_bind_is_not_asked_again_because_it_can_be_dialled() {
    let (scripted, other) = (hanging_in_binds().await, ScriptedDirectory::start(well).await);
    let directory = scripted.configured_with(|settings| {
        settings["host"] = json!([format!("ldap://{}", scripted.address), format!("ldap://{}", other.address)]);
        settings["timeout"] = "2s".into();
    });
    within(&directory, Duration::from_secs(2)).await.expect_err("it may have been tried");
    assert!(!is_available(&directory, 0));
    // Somebody who was about to search there finds no connection any more, and opens one.
    let server = &directory.servers()[0];
    let steps = Steps::of(Duration::from_secs(2));
    assert!(server.place(steps, Deadline::after(Duration::from_secs(2))).await.is_ok());
    assert!(!is_available(&directory, 0));
    assert_alice_gets_in(&directory).await;
}

#[tokio::test]
async fn a_caller_in_a_hurry_says_nothing_about_an_address() {
    let directory = ScriptedDirectory::start(well).await.configured();
    let server = &directory.servers()[0];
    let [one, other]: [SocketAddr; 2] = ["192.0.2.1:1", "192.0.2.2:1"].map(|text| text.parse().expect("an address"));
    let failed = || Err::<(), _>(Fault::unavailable(UnavailableReason::TIMEOUT, "no handshake"));
    server.or_shun(Some(one), Steps::of(Duration::from_millis(200)), failed()).expect_err("failed");
    assert_eq!(server.in_order(vec![one, other]), [one, other]);
    server.or_shun(Some(one), Steps::of(Duration::from_secs(20)), failed()).expect_err("failed");
    assert_eq!(server.in_order(vec![one, other]), [other, one]);
}

#[tokio::test]
async fn a_listing_that_gets_no_connection_keeps_nobody_out_who_needs_none() {
    let refusing = Arc::new(AtomicBool::new(false));
    let refuses = Arc::clone(&refusing);
    let scripted = ScriptedDirectory::start(move |id, request| match request {
        Request::Bind { name, .. } if name == SERVICE_DN && refuses.load(Relaxed) => Reply::Close,
        _ => well(id, request),
    })
    .await
    .with_service_account();
    let directory = scripted.configured();
    assert_alice_gets_in(&directory).await;
    assert_alice_gets_in(&directory).await;
    refusing.store(true, Relaxed);
    directory.for_listing(Deadline::after(Duration::from_secs(20))).await.map(drop).expect_err("no connection");
    assert!(is_available(&directory, 0));
    assert_alice_gets_in(&directory).await;
}

#[tokio::test]
async fn a_crowd_that_has_to_wait_for_its_turn_is_no_outage_of_the_server() {
    let scripted = ScriptedDirectory::start(|id, request| match request {
        Request::Bind { .. } => Reply::SendLate(Duration::from_millis(700), bound(id, 0)),
        _ => well(id, request),
    })
    .await;
    // Two servers: with one there is nobody to be sent to.
    let other = ScriptedDirectory::start(well).await;
    let hosts = json!([format!("ldap://{}", scripted.address), format!("ldap://{}", other.address)]);
    let directory = scripted.configured_with(|settings| {
        settings["host"] = hosts;
        settings["timeout"] = "5s".into();
    });
    // All its connections are open: one more would say that the server is there.
    together(&directory, 32, Duration::from_secs(5)).await;
    let answers = together(&directory, 150, Duration::from_secs(5)).await;
    let count = |wanted: bool| answers.iter().filter(|answer| answer.is_ok() == wanted).count();
    assert!(count(true) > 0 && count(false) > 0, "{} accepted, {} not", count(true), count(false));
    assert!(is_available(&directory, 0), "those who waited had too little time left, and not the server");
}

#[tokio::test]
async fn without_a_search_too_a_server_that_answers_no_bind_is_left_for_another() {
    let hung = ScriptedDirectory::start(|id, request| match request {
        Request::Bind { .. } => Reply::Silence,
        _ => well(id, request),
    })
    .await;
    let other = ScriptedDirectory::start(well).await;
    let directory = hung.configured_with(|settings| {
        settings["host"] = json!([format!("ldap://{}", hung.address), format!("ldap://{}", other.address)]);
        settings["timeout"] = "2s".into();
        settings["bind_template"] = "uid={username},dc=x".into();
    });
    let spent = within(&directory, Duration::from_secs(2)).await.expect_err("it may have been tried");
    assert_eq!(spent.code(), "timeout");
    assert!(!is_available(&directory, 0) && is_available(&directory, 1));
    assert_alice_gets_in(&directory).await;
}

/// A directory whose connections were idle for longer than they are trusted, and which answers the search after that
/// with silence. It then answers others.
async fn silent_once_after_idleness(timeout: &'static str) -> (ScriptedDirectory, Directory) {
    let searches = AtomicUsize::new(0);
    let scripted = ScriptedDirectory::start(move |id, request| match request {
        Request::Search { .. } if searches.fetch_add(1, Relaxed) == 2 => Reply::Silence,
        _ => well(id, request),
    })
    .await;
    let directory = scripted.configured_with(|settings| settings["timeout"] = timeout.into());
    assert_alice_gets_in(&directory).await;
    assert_alice_gets_in(&directory).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    (scripted, directory)
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_left_by_who_has_less_time_than_the_settings_say() {
    let (_scripted, directory) = silent_once_after_idleness("20s").await;
    let answer = within(&directory, Duration::from_secs(4)).await;
    assert!(matches!(answer, Ok(Decision::Accepted(_))), "{answer:?}");
}

#[tokio::test]
async fn a_slow_search_on_a_connection_that_was_idle_is_made_again_if_others_are_answered() {
    let (_scripted, directory) = silent_once_after_idleness("8s").await;
    let (slow, ()) = tokio::join!(within(&directory, Duration::from_secs(8)), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_alice_gets_in(&directory).await;
    });
    assert!(matches!(slow, Ok(Decision::Accepted(_))), "{slow:?}");
}

#[tokio::test]
async fn every_address_that_was_of_no_use_lately_is_tried_after_the_others() {
    let directory = ScriptedDirectory::start(well).await.configured();
    let server = &directory.servers()[0];
    let addresses: Vec<SocketAddr> =
        ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"].iter().map(|text| text.parse().expect("an address")).collect();
    for shunned in &addresses[..2] {
        server.shun(Some(*shunned));
    }
    assert_eq!(server.in_order(addresses.clone()), [addresses[2], addresses[0], addresses[1]]);
    // The one that was tried last comes last.
    server.shun(Some(addresses[0]));
    assert_eq!(server.in_order(addresses.clone()), [addresses[2], addresses[1], addresses[0]]);
    // A list of addresses without end takes no memory without end.
    for port in 1..100 {
        server.shun(Some(SocketAddr::new(addresses[0].ip(), port)));
    }
    assert_eq!(server.in_order(addresses.clone())[..2], addresses[..2]);
}

#[tokio::test]
async fn an_entry_that_is_too_large_is_asked_for_once_and_is_no_fault_of_the_servers() {
    let searches = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&searches);
    let large = ScriptedDirectory::start(move |id, request| match request {
        Request::Search { .. } => {
            count.fetch_add(1, Relaxed);
            Reply::Send([person(id, DN, &"a".repeat(600_000)), done(id, 0)].concat())
        }
        _ => well(id, request),
    })
    .await;
    let other = ScriptedDirectory::start(well).await;
    let directory = large.configured_with(|settings| {
        settings["host"] = json!([format!("ldap://{}", large.address), format!("ldap://{}", other.address)]);
    });
    // The first on a connection of its own, the others on one that all share.
    for asked in 1..=4 {
        let fault = within(&directory, Duration::from_secs(8)).await.expect_err("nobody can tell");
        assert_eq!(fault.code(), "protocol_violation");
        assert!(fault.message().contains("1048576"), "{fault}");
        assert_eq!(searches.load(Relaxed), asked, "it is as large on every connection");
    }
    let connections = large.requests().iter().map(|(connection, _)| *connection).max();
    assert_eq!((connections, other.requests()), (Some(1), Vec::new()));
    assert!(is_available(&directory, 0) && is_available(&directory, 1));
}

#[tokio::test]
async fn an_account_whose_bind_hangs_takes_the_server_from_nobody() {
    for template in [None, Some("uid={username},dc=x")] {
        // Whoever has such a password hangs, as if something dead were asked for it.
        let scripted = ScriptedDirectory::start(|id, request| match request {
            Request::Bind { password, .. } if password == "mallory's" => Reply::Silence,
            _ => well(id, request),
        })
        .await;
        let other = ScriptedDirectory::start(well).await;
        let directory = scripted.configured_with(|settings| {
            settings["host"] = json!([format!("ldap://{}", scripted.address), format!("ldap://{}", other.address)]);
            settings["timeout"] = "2s".into();
            if let Some(template) = template {
                settings["bind_template"] = template.into();
            }
        });
        let context = RequestContext::new("test", Deadline::after(Duration::from_secs(2)));
        let mallory = Credentials::new("alice", Secret::new("mallory's"));
        let is_over = AtomicBool::new(false);
        let (hanging, ()) = tokio::join!(
            async {
                let answer = authenticate(&directory, &context, mallory).await;
                is_over.store(true, Relaxed);
                answer
            },
            async {
                while !is_over.load(Relaxed) {
                    assert_alice_gets_in(&directory).await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        );
        assert_eq!(hanging.expect_err("no answer").code(), "timeout", "{template:?}");
        assert!(is_available(&directory, 0), "{template:?}: others were answered meanwhile");
        assert_eq!(other.requests(), [], "{template:?}");
    }
}

#[tokio::test]
async fn who_has_no_time_left_is_not_taken_to_other_servers() {
    // Nobody gets further than the service account's bind. The first two take all of this caller's time.
    let silent = || async { ScriptedDirectory::start(|_, _| Reply::Silence).await.with_service_account() };
    let (first, second, third) = (silent().await, silent().await, silent().await);
    let directory = first.configured_with(|settings| {
        let servers = [&first, &second, &third].map(|server| format!("ldap://{}", server.address));
        settings["host"] = json!(servers);
    });
    let answer = within(&directory, Duration::from_millis(300)).await;
    assert_eq!(answer.expect_err("no time").code(), "timeout");
    // The third would be dialled in the background.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = [&first, &second, &third].map(|server| server.requests().len());
    assert_eq!(asked, [1, 1, 0]);
    let metrics = directory.read_metrics();
    let failovers = metrics.iter().find(|metric| metric.name == "failovers_total").expect("it is counted");
    assert!(failovers.value < 2.0, "{failovers:?}");
}

#[tokio::test]
async fn a_machine_that_is_busy_is_left_for_another_behind_the_same_address_but_not_by_each_login() {
    for code in [51, 52, 3] {
        let (is_busy, all_are) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (busy, all) = (Arc::clone(&is_busy), Arc::clone(&all_are));
        let unlimited = (usize::MAX, Beyond::Refused);
        let scripted = ScriptedDirectory::start_for(unlimited, move |connection, id, request| match request {
            Request::Search { .. } if connection <= busy.load(Relaxed) || all.load(Relaxed) => {
                Reply::Send(done(id, code))
            }
            _ => well(id, request),
        })
        .await
        .with_service_account();
        // A connection for binds that was idle would be asked for a sign of life, which this directory does not give.
        let directory = scripted.configured_with(|settings| settings["user_binds"] = "fresh".into());
        assert_alice_gets_in(&directory).await;
        assert_alice_gets_in(&directory).await;
        let services = || {
            let binds = scripted.binds().into_iter();
            binds.filter(|(_, bind)| matches!(bind, Request::Bind { name, .. } if name == SERVICE_DN)).count()
        };
        let before = services();
        // So that the connection is not a new one.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        is_busy.store(scripted.requests().iter().map(|(connection, _)| *connection).max().expect("some"), Relaxed);
        assert_alice_gets_in(&directory).await;
        assert_eq!(services(), before + 1, "{code}");
        all_are.store(true, Relaxed);
        for _ in 0..10 {
            within(&directory, Duration::from_secs(8)).await.expect_err("it is busy");
        }
        assert_eq!(services(), before + 1, "{code}: no handshake for each of them");
        assert!(is_available(&directory, 0), "{code}");
    }
}
