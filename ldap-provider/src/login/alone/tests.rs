use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use provider_api::{Credentials, Deadline, Decision, Fault, RequestContext, Secret};
use wire_guard::ber::wrap;

use crate::directory::Directory;
use crate::login::authenticate;
use crate::scripted_directory::{Reply, Request, SERVICE_DN, SERVICE_PASSWORD, ScriptedDirectory, bound, done, entry};

const DN: &str = "uid=alice,dc=x";

/// As any directory would have her.
const ALICE: [(&str, &str); 5] = [
    ("uid", "alice"),
    ("entryUUID", "01234567-89ab-cdef-0123-456789abcdef"),
    ("nsUniqueId", "b"),
    ("objectGUID", "0123456789abcdef"),
    ("userAccountControl", "512"),
];

/// A directory that is of the kind with this in its root DSE, finds alice, and lets in who has the password `right`.
async fn saying(said: (&'static str, &'static str)) -> ScriptedDirectory {
    let directory = ScriptedDirectory::start(move |id, request| match request {
        Request::RootDse => Reply::Send([entry(id, "", &[said]), done(id, 0)].concat()),
        Request::Search { .. } => Reply::Send([entry(id, DN, &ALICE), done(id, 0)].concat()),
        Request::Bind { name, password } => {
            let is_right = name == SERVICE_DN || password == "right";
            Reply::Send(bound(id, if is_right { 0 } else { 49 }))
        }
        Request::Entry { .. } | Request::Other => Reply::Send(alive(id)),
    });
    directory.await.unknown().with_service_account()
}

/// The answer to "Who am I?".
fn alive(id: u8) -> Vec<u8> {
    let result = [0x0a, 1, 0, 4, 0, 4, 0];
    wrap(0x30, &[&[2, 1, id][..], &wrap(0x78, &result)].concat())
}

const OPENLDAP: (&str, &str) = ("objectClass", "OpenLDAProotDSE");

async fn login(directory: &Directory, password: &str) -> Result<Decision, Fault> {
    let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
    authenticate(directory, &context, Credentials::new("alice", Secret::new(password))).await
}

fn bind(name: &str, password: &str) -> Request {
    Request::Bind { name: name.to_owned(), password: password.to_owned() }
}

fn service() -> Request {
    bind(SERVICE_DN, SERVICE_PASSWORD)
}

const SEARCH: Request = Request::Search { cookie: None };

/// Whether nothing but binds of users, and signs of life, follow the first of them on each connection.
fn are_apart(requests: &[(usize, Request)]) -> bool {
    let is_of_a_user = |request: &Request| matches!(request, Request::Bind { name, .. } if name == DN);
    let mut carriers = Vec::new();
    requests.iter().all(|(connection, request)| {
        if is_of_a_user(request) {
            carriers.push(*connection);
            return true;
        }
        *request == Request::Other || !carriers.contains(connection)
    })
}

#[tokio::test]
async fn the_first_login_needs_one_connection_which_then_carries_nothing_but_binds() {
    for said in [OPENLDAP, ("vendorName", "389 Project"), ("vendorName", "somebody")] {
        let directory = saying(said).await;
        let configured = directory.configured();
        assert!(matches!(login(&configured, "right").await, Ok(Decision::Accepted(_))), "{said:?}");
        let first = [(1, service()), (1, Request::RootDse), (1, SEARCH), (1, bind(DN, "right"))];
        assert_eq!(directory.requests(), first, "{said:?}");
        for _ in 0..3 {
            assert!(matches!(login(&configured, "wrong").await, Ok(Decision::Rejected(_))));
        }
        // Nobody has heard of the server on another connection since: it is asked for a sign of life.
        let next = [(2, service()), (2, SEARCH), (1, Request::Other), (1, bind(DN, "wrong"))];
        let again = [(2, SEARCH), (1, bind(DN, "wrong"))];
        assert_eq!(directory.requests()[4..], [&next[..], &again, &again].concat(), "{said:?}");
    }
}

#[tokio::test]
async fn a_login_that_was_alone_leaves_the_next_one_a_connection_to_search_on() {
    let directory = saying(OPENLDAP).await;
    let configured = directory.configured();
    assert!(login(&configured, "right").await.is_ok());
    for _ in 0..100 {
        if directory.requests().len() > 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(directory.requests()[4..], [(2, service())], "it is opened while nobody waits");
}

#[tokio::test]
async fn where_all_connections_have_just_ended_one_is_enough_again() {
    let directory = ScriptedDirectory::start(move |id, request| match request {
        Request::RootDse => Reply::Send([entry(id, "", &[OPENLDAP]), done(id, 0)].concat()),
        Request::Search { .. } => Reply::Send([entry(id, DN, &ALICE), done(id, 0)].concat()),
        Request::Bind { name, .. } if name == SERVICE_DN => Reply::Send(bound(id, 0)),
        Request::Bind { .. } => Reply::SendAndClose(bound(id, 0)),
        Request::Entry { .. } | Request::Other => Reply::Silence,
    });
    let directory = directory.await.unknown().with_service_account();
    for attempt in 1.. {
        let configured = directory.configured();
        assert!(matches!(login(&configured, "right").await, Ok(Decision::Accepted(_))));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let before = directory.requests();
        assert!(matches!(login(&configured, "right").await, Ok(Decision::Accepted(_))));
        let opened = before.last().map_or(1, |(connection, _)| connection + 1);
        let asked = directory.requests().split_off(before.len());
        if asked == [(opened, service()), (opened, SEARCH), (opened, bind(DN, "right"))] {
            break;
        }
        // A second after its configuration a provider opens one for searches, and the machine may be slow.
        assert!(attempt < 5, "{asked:?}");
    }
}

#[tokio::test]
async fn what_was_searched_in_vain_is_searched_again_as_the_directory_wants_it() {
    let directory = saying(("supportedCapabilities", "1.2.840.113556.1.4.800")).await;
    let answer = login(&directory.configured(), "right").await;
    assert!(matches!(&answer, Ok(Decision::Accepted(_))), "{answer:?}");
    let expected = [(1, service()), (1, Request::RootDse), (1, SEARCH), (1, SEARCH), (2, bind(DN, "right"))];
    assert_eq!(directory.requests(), expected);
}

#[tokio::test]
async fn logins_that_come_together_share_connections() {
    let directory = saying(OPENLDAP).await;
    let configured = directory.configured();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let configured = configured.clone();
        running.spawn(async move { login(&configured, "right").await });
    }
    for answer in running.join_all().await {
        assert!(matches!(answer, Ok(Decision::Accepted(_))), "{answer:?}");
    }
    let requests = directory.requests();
    let searches = requests.iter().filter(|(_, request)| *request == SEARCH);
    assert_eq!(searches.count(), 8);
    let services = requests.iter().filter(|(_, request)| *request == service()).count();
    assert!(services <= 3, "{services} connections were bound as the service account");
    assert!(are_apart(&requests), "{requests:?}");
}

/// The service account's bind is answered late, and so. The outcomes of a login that gives up before that and of one that
/// comes after it, and what the server was asked.
async fn in_a_hurry(code: u8) -> (Result<Decision, Fault>, Result<Decision, Fault>, Vec<(usize, Request)>) {
    let directory = ScriptedDirectory::start(move |id, request| match request {
        Request::RootDse => Reply::Send([entry(id, "", &[OPENLDAP]), done(id, 0)].concat()),
        Request::Search { .. } => Reply::Send([entry(id, DN, &ALICE), done(id, 0)].concat()),
        Request::Bind { name, .. } if name == SERVICE_DN => Reply::SendLate(LATE, bound(id, code)),
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        Request::Entry { .. } | Request::Other => Reply::Send(alive(id)),
    });
    let directory = directory.await.unknown().with_service_account();
    let configured = directory.configured();
    let hurried = RequestContext::new("test", Deadline::after(LATE / 4));
    let hurried = authenticate(&configured, &hurried, Credentials::new("alice", Secret::new("right"))).await;
    tokio::time::sleep(LATE * 2).await;
    let next = login(&configured, "right").await;
    (hurried, next, directory.requests())
}

const LATE: Duration = Duration::from_millis(800);

#[tokio::test]
async fn a_login_that_gives_up_leaves_its_connection_to_the_next() {
    let (hurried, next, requests) = in_a_hurry(0).await;
    assert!(hurried.is_err(), "{hurried:?}");
    assert!(matches!(next, Ok(Decision::Accepted(_))), "{next:?}");
    let services = requests.iter().filter(|(_, request)| *request == service()).count();
    assert_eq!(services, 1, "{requests:?}");
    assert!(requests.contains(&(1, SEARCH)), "{requests:?}");
}

#[tokio::test]
async fn a_service_account_that_is_refused_when_nobody_waits_any_more_is_not_tried_again_at_once() {
    let (hurried, next, requests) = in_a_hurry(49).await;
    assert!(hurried.is_err(), "{hurried:?}");
    assert!(matches!(&next, Err(fault) if fault.code() == "service_credentials_refused"), "{next:?}");
    assert_eq!(requests, [(1, service())]);
}

#[tokio::test]
async fn a_server_that_cannot_say_what_it_is_is_left_alone() {
    for answer in [Some(51), None] {
        let directory = ScriptedDirectory::start(move |id, request| match (request, answer) {
            (Request::RootDse, Some(code)) => Reply::Send(done(id, code)),
            (Request::Bind { .. }, _) => Reply::Send(bound(id, 0)),
            _ => Reply::Silence,
        });
        let directory = directory.await.unknown().with_service_account().silent();
        let configured = directory.configured();
        let answer = login(&configured, "right").await;
        assert!(answer.is_err(), "{answer:?}");
        let open = configured.read_metrics().into_iter().find(|metric| metric.name.starts_with("breaker_open"));
        assert_eq!(open.map(|metric| metric.value), Some(1.0), "{answer:?}");
    }
}

#[tokio::test]
async fn a_search_that_the_server_refuses_costs_no_connection() {
    let directory = ScriptedDirectory::start(move |id, request| match request {
        Request::RootDse => Reply::Send([entry(id, "", &[OPENLDAP]), done(id, 0)].concat()),
        Request::Search { .. } => Reply::Send(done(id, 50)),
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        Request::Entry { .. } | Request::Other => Reply::Send(alive(id)),
    });
    let directory = directory.await.unknown().with_service_account();
    let configured = directory.configured();
    for _ in 0..3 {
        assert!(matches!(login(&configured, "right").await, Err(fault) if fault.code() == "no_permission"));
    }
    let services = directory.requests().iter().filter(|(_, request)| *request == service()).count();
    assert_eq!(services, 1);
}

#[tokio::test]
async fn a_connection_that_ends_is_followed_by_another() {
    let asked = AtomicUsize::new(0);
    let directory = ScriptedDirectory::start(move |id, request| match request {
        Request::RootDse if asked.fetch_add(1, Ordering::Relaxed) == 0 => Reply::Close,
        Request::RootDse => Reply::Send([entry(id, "", &[OPENLDAP]), done(id, 0)].concat()),
        Request::Search { .. } => Reply::Send([entry(id, DN, &ALICE), done(id, 0)].concat()),
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        Request::Entry { .. } | Request::Other => Reply::Silence,
    });
    let directory = directory.await.unknown().with_service_account();
    assert!(matches!(login(&directory.configured(), "right").await, Ok(Decision::Accepted(_))));
    let users = directory.binds().into_iter().filter(|(_, request)| *request != service()).count();
    assert_eq!(users, 1);
    assert!(are_apart(&directory.requests()));
}
