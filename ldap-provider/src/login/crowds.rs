//! What becomes of many logins at once when a server, or the way to it, does not have what all of them need.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use provider_api::{Decision, Fault, UnavailableReason};
use serde_json::{Value, json};

use super::outages::{DN, hanging_in_binds, is_available, together, well};
use crate::directory::Directory;
use crate::scripted_directory::{Beyond, Reply, Request, SERVICE_DN, ScriptedDirectory, bound, done, entry};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Settings for these servers, in this order.
fn with_servers(servers: &[&ScriptedDirectory]) -> impl FnOnce(&mut Value) {
    let hosts: Vec<_> = servers.iter().map(|server| format!("ldap://{}", server.address)).collect();
    move |settings| {
        settings["host"] = json!(hosts);
        settings["timeout"] = "2s".into();
    }
}

fn accepted(answers: &[Result<Decision, Fault>]) -> usize {
    answers.iter().filter(|answer| matches!(answer, Ok(Decision::Accepted(_)))).count()
}

fn user_binds(directory: &ScriptedDirectory) -> usize {
    let of_alice = |request: &Request| matches!(request, Request::Bind { name, .. } if name == DN);
    directory.requests().iter().filter(|(_, request)| of_alice(request)).count()
}

fn turns_out_to_be_down(directory: &Directory, server: usize) {
    let fault = Fault::unavailable(UnavailableReason::TIMEOUT, "it does not answer");
    directory.servers()[server].is_down(&fault, Instant::now());
}

/// The first server turns out to be down, while logins are under way; some time passes, in which nothing runs into a
/// limit.
async fn is_found_down(directory: &Directory) {
    tokio::time::sleep(Duration::from_millis(500)).await;
    turns_out_to_be_down(directory, 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
}

// With several threads, so that whoever waits can be faster than whoever has just run into a limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_waits_to_bind_at_a_server_that_answers_none_is_let_in_by_another() {
    let (hung, other) = (hanging_in_binds().await, ScriptedDirectory::start(well).await);
    let directory = hung.configured_with(with_servers(&[&hung, &other]));
    let answers = together(&directory, 64, TIMEOUT).await;
    // As many as had sent their password are lost.
    assert_eq!((user_binds(&hung), user_binds(&other)), (16, 48));
    assert_eq!(accepted(&answers), 48, "{answers:?}");
    assert!(!is_available(&directory, 0) && is_available(&directory, 1));
}

#[tokio::test]
async fn who_waits_to_bind_goes_on_when_there_is_another_server_again() {
    let (hung, other) = (hanging_in_binds().await, ScriptedDirectory::start(well).await);
    let directory = hung.configured_with(with_servers(&[&hung, &other]));
    turns_out_to_be_down(&directory, 1);
    let (answers, ()) = tokio::join!(together(&directory, 64, TIMEOUT), async {
        // Nobody else is left when the first turns out to be down, and somebody is soon afterwards.
        is_found_down(&directory).await;
        assert_eq!(user_binds(&other), 0);
        directory.servers()[1].is_back();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(user_binds(&other), 48, "they do not wait for those who have sent their password");
    });
    assert_eq!((user_binds(&hung), accepted(&answers)), (16, 48), "{answers:?}");
}

#[tokio::test]
async fn who_waits_to_bind_goes_on_when_it_turns_out_by_something_else_that_the_server_is_down() {
    let (hung, other) = (hanging_in_binds().await, ScriptedDirectory::start(well).await);
    let directory = hung.configured_with(with_servers(&[&hung, &other]));
    let (answers, ()) = tokio::join!(together(&directory, 64, TIMEOUT), async {
        is_found_down(&directory).await;
        assert_eq!(user_binds(&other), 48, "nobody waits for those who have sent their password");
    });
    assert_eq!((user_binds(&hung), accepted(&answers)), (16, 48), "{answers:?}");
}

#[tokio::test]
async fn who_waits_to_search_at_a_server_that_answers_nothing_asks_another() {
    let hung = ScriptedDirectory::start(|id, request| match request {
        Request::Search { .. } => Reply::Silence,
        _ => well(id, request),
    })
    .await
    .with_service_account();
    let other = ScriptedDirectory::start(well).await;
    let directory = hung.configured_with(with_servers(&[&hung, &other]));
    // More than there are places.
    let (answers, ()) = tokio::join!(together(&directory, 150, TIMEOUT), async {
        is_found_down(&directory).await;
        assert!(user_binds(&other) > 0, "nobody waits for those who have asked");
    });
    assert_eq!(accepted(&answers), 150, "{answers:?}");
    let searches = hung.requests().iter().filter(|(_, request)| matches!(request, Request::Search { .. })).count();
    assert!(searches <= 128, "those who had no place ask another");
}

#[tokio::test]
async fn a_server_that_takes_no_more_connections_serves_a_crowd_on_those_that_are_there() {
    for limit in [(2, Beyond::Refused), (3, Beyond::Refused), (2, Beyond::Swallowed)] {
        let scripted = ScriptedDirectory::start_for(limit, |_, id, request| match request {
            // So that logins are under way together.
            Request::Bind { name, .. } if name != SERVICE_DN => {
                Reply::SendLate(Duration::from_millis(20), bound(id, 0))
            }
            _ => well(id, request),
        })
        .await
        .with_service_account();
        let directory = scripted.configured_with(with_servers(&[&scripted]));
        for time in 0..3 {
            let answers = together(&directory, 16, TIMEOUT).await;
            assert_eq!(accepted(&answers), 16, "{limit:?}, time {time}: {answers:?}");
        }
        assert!(is_available(&directory, 0), "{limit:?}");
        assert_eq!(user_binds(&scripted), 48);
    }
}

#[tokio::test]
async fn a_server_at_which_nobody_can_be_bound_any_more_is_left_alone_and_the_connection_before_that_is_not() {
    // The first is for searching.
    let scripted = ScriptedDirectory::start_for((2, Beyond::Refused), |_, id, request| match request {
        Request::Bind { name, .. } if name != SERVICE_DN => Reply::SendAndClose(bound(id, 0)),
        _ => well(id, request),
    })
    .await
    .with_service_account();
    let other = ScriptedDirectory::start(well).await;
    let directory = scripted.configured_with(|settings| {
        with_servers(&[&scripted, &other])(settings);
        settings["user_binds"] = "fresh".into();
    });
    assert_eq!(accepted(&together(&directory, 1, TIMEOUT).await), 1);
    assert_eq!((user_binds(&scripted), user_binds(&other)), (1, 0));
    // Of a caller in a hurry nothing is to be learnt but that there is no other connection just now.
    assert_eq!(accepted(&together(&directory, 1, TIMEOUT / 4).await), 1);
    assert_eq!((user_binds(&scripted), user_binds(&other)), (1, 1));
    assert!(is_available(&directory, 0) && !directory.servers()[0].is_unconnected());
    assert_eq!(accepted(&together(&directory, 1, TIMEOUT).await), 1);
    assert_eq!((user_binds(&scripted), user_binds(&other)), (1, 2));
    assert!(!is_available(&directory, 0), "it finds everybody and lets nobody in");
}

#[tokio::test]
async fn a_second_connection_that_leads_to_a_machine_that_hangs_condemns_the_first_no_more_than_itself() {
    for ends in [false, true] {
        let (services, hanging) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let unlimited = (usize::MAX, Beyond::Refused);
        let scripted = ScriptedDirectory::start_for(unlimited, move |connection, id, request| match request {
            Request::Bind { name, .. } if name == SERVICE_DN => {
                if services.fetch_add(1, Relaxed) == 1 {
                    hanging.store(connection, Relaxed);
                }
                well(id, request)
            }
            Request::Search { .. } if connection == hanging.load(Relaxed) && ends => Reply::Close,
            Request::Search { .. } if connection == hanging.load(Relaxed) => Reply::Silence,
            // So that logins are under way together, and a second connection is opened.
            Request::Search { .. } => match well(id, request) {
                Reply::Send(answer) => Reply::SendLate(Duration::from_millis(10), answer),
                other => other,
            },
            _ => well(id, request),
        })
        .await
        .with_service_account();
        let directory = scripted.configured_with(with_servers(&[&scripted]));
        for time in 0..3 {
            let answers = together(&directory, 12, TIMEOUT).await;
            assert_eq!(accepted(&answers), 12, "ends: {ends}, time {time}: {answers:?}");
            assert!(is_available(&directory, 0), "ends: {ends}, time {time}");
        }
        let services = scripted
            .binds()
            .into_iter()
            .filter(|(_, bind)| matches!(bind, Request::Bind { name, .. } if name == SERVICE_DN));
        assert_eq!(services.count(), 2, "ends: {ends}: a third is not opened for a while");
    }
}

/// How many connections to this port are begun and not answered.
fn pending_at(port: u16) -> usize {
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the system's list of sockets");
    let remote = format!(":{port:04X}");
    let is_pending = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields.get(2).is_some_and(|address| address.ends_with(&remote)) && fields.get(3) == Some(&"02")
    };
    sockets.lines().filter(is_pending).count()
}

#[tokio::test]
async fn without_a_search_too_a_crowd_at_a_server_that_is_not_there_takes_few_files_and_is_told_soon() {
    let absent = ScriptedDirectory::start_for((0, Beyond::Swallowed), |_, _, _| Reply::Silence).await;
    let directory = absent.configured_with(|settings| {
        with_servers(&[&absent])(settings);
        settings["bind_template"] = "uid={username},dc=x".into();
    });
    let begun = Instant::now();
    let (answers, ()) = tokio::join!(together(&directory, 200, TIMEOUT), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let pending = pending_at(absent.address.port());
        assert!((1..=64).contains(&pending), "{pending} connections are begun");
    });
    assert_eq!(accepted(&answers), 0);
    assert!(begun.elapsed() < Duration::from_millis(1_500), "those who wait are told as well: {:?}", begun.elapsed());
    assert!(!is_available(&directory, 0));
}

#[tokio::test]
async fn without_a_search_too_one_attempt_that_fails_among_many_that_do_not_is_no_outage() {
    let scripted =
        ScriptedDirectory::start_for((usize::MAX, Beyond::Refused), |connection, id, request| match request {
            Request::RootDse if connection == 1 => Reply::Silence,
            Request::RootDse => Reply::Send([entry(id, "", &[("vendorName", "389 Project")]), done(id, 0)].concat()),
            _ => well(id, request),
        })
        .await
        .unknown();
    let directory = scripted.configured_with(|settings| {
        with_servers(&[&scripted])(settings);
        settings["bind_template"] = "uid={username},dc=x".into();
    });
    let (first, ()) = tokio::join!(together(&directory, 1, TIMEOUT), async {
        for _ in 0..15 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(accepted(&together(&directory, 1, TIMEOUT).await), 1);
        }
    });
    assert_eq!(accepted(&first), 0, "it is the one that failed");
    assert!(is_available(&directory, 0));
}
